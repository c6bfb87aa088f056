"""A log in memory as its service serves it, honestly or not, and a mirror that follows it."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from domain.tree.proofs import consistency_proof
from services.evidence.copies.copies import CopyError
from services.evidence.mirror.mirror import Mirror
from services.evidence.notes.checkpoint import encode_hash
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.roots.kept import fold_into
from services.evidence.roots.stated import SOURCE, event_of_roots
from services.evidence.witness.remembered import STATE_NAME
from services.evidence.witness.witness import Witness
from services.ledger.ruleset import ruleset
from services.log.tiles import Tile, encode_bundle, encode_raw_bundle
from tests.forging import BEGINNING, MemoryLog

MIRROR = SignerKey("mirror.example/m", SignatureType.COSIGNATURE, bytes(range(3, 35)))


class Killed(BaseException):
    """As if the process ended here."""


class Served:
    """What a ledger answers under /v1/log; `size` events of it are signed. What was read is in `reads`."""

    def __init__(self, log: MemoryLog, size: int | None = None) -> None:
        self.log, self.size = log, size
        self.reads: list[str] = []
        self.ends_after: int | None = None
        self.other: Callable[[str, bytes], bytes] = lambda _name, data: data

    def read(self, name: str) -> bytes:
        if self.ends_after == len(self.reads):
            raise Killed
        self.reads.append(name)
        return self.other(name, self._read(name))

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, name: str) -> bytes:
        if name == "checkpoint":
            return self.log.note(size=self.size)
        if name == "keys" and self.log.keys is not None:
            return json.dumps(self.log.keys.json()).encode()
        if name.startswith("proof/consistency"):
            asked = parse_qs(urlsplit(name).query)
            old, new = int(asked["old_size"][0]), int(asked["new_size"][0])
            hashes = [encode_hash(each) for each in consistency_proof(self.log.leaves[:new], old)]
            return json.dumps({"old_size": old, "new_size": new, "hashes": hashes}).encode()
        raw = name.startswith("raw/")
        if not raw and not name.startswith("tile/"):
            raise CopyError(f"{name} is not there")
        tile = Tile.parse(name.replace("raw/", "tile/entries/", 1) if raw else name)
        events = self.log.stored[tile.start : tile.start + tile.width]
        if raw:
            return encode_raw_bundle(each.raw_part() for each in events)
        if tile.level is None:
            return encode_bundle(each.leaf(each.position) for each in events)
        return b"".join(self.log.leaves[tile.start : tile.start + tile.width])


def mirror_of(served: Served, folder: Path) -> Mirror:
    """A mirror in a folder, as it starts."""
    witness = Witness(MIRROR, [served.log.key.verifier], folder / STATE_NAME)
    return Mirror(witness, folder, lambda: served)


def state_roots(log: MemoryLog, folder: Path, as_of: date, change: Callable[[dict[str, object]], None] | None = None,
                rules: str | None = None) -> int:  # fmt: skip
    """Let a log state its roots by the rules of this release, or other ones than are true; the position."""
    trees = fold_into(folder, log, as_of, len(log.stored))  # type: ignore[arg-type]
    content = json.loads(event_of_roots(trees, rules or ruleset(), BEGINNING))
    if change is not None:
        change(content["data"])
    log.add(content, SOURCE)
    return len(log.stored)
