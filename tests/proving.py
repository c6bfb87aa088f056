"""Proofs of figures from a log in memory, and what somebody may do to one before handing it on."""

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from domain.tree.leaf import opened
from domain.tree.proofs import inclusion_proof
from domain.tree.sum_tree import Sibling
from services.evidence.copies.stored import StoredLog, event_of
from services.evidence.notes.notes import Note
from services.evidence.roots.figure_proof import FigureProof, write
from services.evidence.roots.kept import Kept, fold_into, kept, prove_figure
from services.evidence.roots.stated import SOURCE, Stated, event_of_roots, stated_by
from tests.forging import THIEF, MemoryLog
from tests.spoiling import with_member

RULES = "5" * 64


class Rooted(NamedTuple):
    """A log in memory that states its roots at its last position but those that came later, and the trees."""

    log: MemoryLog
    stated: Stated
    trees: Kept

    def figure(self, digits: int, key: str, kind: str | None, note: bytes | None = None) -> FigureProof:
        position = self.stated.position
        stored = self.log.stored[position - 1]
        return FigureProof(
            str(self.log.key.verifier), kind, prove_figure(self.trees, self.stated, digits, key), stored.entry(),
            stored.raw, tuple(inclusion_proof(self.log.leaves, position - 1)),
            self.log.note() if note is None else note,
        )  # fmt: skip


def state(log: MemoryLog, as_of: date, folder: Path, known_at: int | None = None) -> Rooted:
    """Let the log state its roots at its end, or at an earlier position."""
    known_at = len(log.stored) if known_at is None else known_at
    trees = fold_into(folder, cast("StoredLog", log), as_of, known_at)
    log.add(event_of_roots(trees, RULES, datetime(2024, 3, 2, tzinfo=UTC)), SOURCE)
    stated = stated_by(event_of(log.stored[-1]))
    return Rooted(log, stated, kept(folder, stated))


Forgery = Callable[[FigureProof, random.Random], FigureProof]


def _counts(counts: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    at = rng.randrange(len(counts))
    by = rng.choice([1, -1, 2**53, -(2**53), 1000])
    return tuple(count + by * (number == at) for number, count in enumerate(counts))


def _hash(value: bytes, rng: random.Random) -> bytes:
    data = bytearray(value)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _code(code: str, rng: random.Random) -> str:
    at = rng.randrange(len(code))
    return code[:at] + rng.choice([digit for digit in "0123456789" if digit != code[at]]) + code[at + 1 :]


def _count_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    return proof._replace(sums=proof.sums._replace(counts=_counts(proof.sums.counts, rng)))


def _figure_surplus(proof: FigureProof, rng: random.Random) -> FigureProof:
    counts = proof.sums.counts
    at = rng.randrange(len(counts))
    made = rng.choice([(*counts, 0), counts[:-1], (*counts[:at], counts[at], *counts[at:]), counts + counts])
    return proof._replace(sums=proof.sums._replace(counts=made))


def _figures_swapped(proof: FigureProof, rng: random.Random) -> FigureProof:
    counts = list(proof.sums.counts)
    one, other = rng.sample(range(len(counts)), 2)
    counts[one], counts[other] = counts[other], counts[one]
    return proof._replace(sums=proof.sums._replace(counts=tuple(counts)))


def _foreign_figure(proof: FigureProof, rng: random.Random) -> FigureProof:
    """A neighbour's figures under this region's name."""
    side = _side(proof, rng)
    return proof._replace(sums=proof.sums._replace(inner=side.node.hash, counts=side.node.counts))


def _region_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    sums = proof.sums
    if rng.random() < 0.5 or not sums.key:
        return proof._replace(sums=sums._replace(digits=rng.choice([0, 2, 4, 6, 9, 12, 5])))
    return proof._replace(sums=sums._replace(key=rng.choice([_code(sums.key, rng), sums.key[:-1], sums.key + "0"])))


def _inner_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    return proof._replace(sums=proof.sums._replace(inner=_hash(proof.sums.inner, rng)))


def _side(proof: FigureProof, rng: random.Random) -> Sibling:
    return rng.choice([side for level in proof.sums.steps for side in level])


def _node(proof: FigureProof, rng: random.Random, change: Callable[[Sibling], list[Sibling]]) -> FigureProof:
    steps = [list(level) for level in proof.sums.steps]
    level = rng.choice([level for level in steps if level])
    at = rng.randrange(len(level))
    level[at : at + 1] = change(level[at])
    return proof._replace(sums=proof.sums._replace(steps=tuple(map(tuple, steps))))


def _node_left_out(proof: FigureProof, rng: random.Random) -> FigureProof:
    return _node(proof, rng, lambda _: [])


def _node_repeated(proof: FigureProof, rng: random.Random) -> FigureProof:
    return _node(proof, rng, lambda side: [side, side])


def _node_on_the_other_side(proof: FigureProof, rng: random.Random) -> FigureProof:
    return _node(proof, rng, lambda side: [side._replace(is_left=not side.is_left)])


def _node_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    def change(side: Sibling) -> list[Sibling]:
        node = side.node
        other = rng.choice([
            node._replace(hash=_hash(node.hash, rng)),
            node._replace(counts=_counts(node.counts, rng)),
            node._replace(counts=node.counts[1:]),
            node._replace(first=_code(node.first.decode(), rng).encode()),
            node._replace(last=_code(node.last.decode(), rng).encode()),
        ])  # fmt: skip
        return [side._replace(node=other)]

    return _node(proof, rng, change)


def _level_left_out(proof: FigureProof, rng: random.Random) -> FigureProof:
    steps = list(proof.sums.steps)
    del steps[rng.randrange(len(steps))]
    return proof._replace(sums=proof.sums._replace(steps=tuple(steps)))


def _event_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    """The date, the position or a root that the event states, with or without its digest in the entry."""
    content = json.loads(proof.raw)
    name = rng.choice(["as_of", "known_at", "sums", "map", "entities", "counts", "kinds", "ruleset"])
    other: dict[str, Any] = {
        "as_of": "2024-01-01", "known_at": content["data"]["known_at"] - 1, "entities": 1,
        "counts": content["data"]["counts"][::-1], "kinds": content["data"]["kinds"][::-1],
    }  # fmt: skip
    content["data"][name] = other.get(name, "0" * 64)
    raw = json.dumps(content).encode()
    entry = proof.entry
    if rng.random() < 0.5:
        entry = with_member(entry.decode(), "raw_sha256", hashlib.sha256(raw).hexdigest()).encode()
    return proof._replace(raw=raw, entry=entry)


def _entry_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    position = json.loads(opened(proof.entry)[0])["position"]
    name, value = rng.choice([
        ("publisher", "nobody"), ("recorded_at", "2024-03-09T00:00:00.000000Z"), ("id", "x"), ("source", "/x"),
        ("position", position + rng.choice([1, -1])), ("position", True), ("position", 0), ("surplus", 1),
    ])  # fmt: skip
    return proof._replace(entry=with_member(proof.entry.decode(), name, value).encode())


def _blinding_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    entry = json.loads(proof.entry)
    match rng.randrange(3):
        case 0:
            entry["blinding"] = "%064x" % (int(entry["blinding"], 16) ^ 1 << rng.randrange(256))
        case 1:
            entry = entry["entry"]
        case _:
            entry["commitment"] = entry.pop("blinding")
    return proof._replace(entry=json.dumps(entry, sort_keys=True, separators=(",", ":")).encode())


def _path_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    path = list(proof.path)
    at = rng.randrange(len(path))
    match rng.randrange(4):
        case 0:
            path[at] = _hash(path[at], rng)
        case 1:
            del path[at]
        case 2:
            path.insert(at, path[at])
        case _:
            path.reverse()
    return proof._replace(path=tuple(path))


def _checkpoint_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    text = Note.parse(proof.note).text
    other = rng.choice([text.replace("\n", "x\n", 1), text.replace("\n", "\n1", 1), text[:-9] + "AAAAAAA=\n"])
    if rng.random() < 0.5:
        return proof._replace(note=Note(text, (THIEF.sign(text),)).to_bytes())
    return proof._replace(note=proof.note.replace(text.encode(), other.encode()))


def _key_changed(proof: FigureProof, _: random.Random) -> FigureProof:
    return proof._replace(key=str(THIEF.verifier))


def _kind_changed(proof: FigureProof, rng: random.Random) -> FigureProof:
    return proof._replace(kind=rng.choice(["new_political", "all all", "none"]))


#: By name what may be done to a figure's proof; each makes it false, or unreadable.
FORGERIES: dict[str, Forgery] = {
    forgery.__name__.removeprefix("_"): forgery
    for forgery in (
        _count_changed, _figure_surplus, _figures_swapped, _foreign_figure, _region_changed, _inner_changed,
        _node_left_out, _node_repeated, _node_on_the_other_side, _node_changed, _level_left_out, _event_changed,
        _entry_changed, _blinding_changed, _path_changed, _checkpoint_changed, _key_changed, _kind_changed,
    )
}  # fmt: skip


def forged(proof: FigureProof, rng: random.Random) -> tuple[str, bytes]:
    """A forged file with the name of what was done, other than the honest one."""
    honest = write(proof)
    while True:
        name = rng.choice(list(FORGERIES))
        try:
            made = write(FORGERIES[name](proof, rng)) if rng.random() < 0.9 else _bytes(honest, rng)
        except (IndexError, ValueError):
            continue  # there is nothing in this proof to do it to
        if made != honest:
            return name, made


def _bytes(data: bytes, rng: random.Random) -> bytes:
    """A byte of the head changed, put in or left out."""
    at = rng.randrange(data.index(b"\n\n"))
    byte = bytes([rng.randrange(256)])
    return rng.choice([data[:at] + byte + data[at + 1 :], data[:at] + data[at + 1 :], data[:at] + byte + data[at:]])
