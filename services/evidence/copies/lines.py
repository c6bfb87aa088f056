"""An event in a bundle: what is recorded of it, what opens its leaf, and its bytes, each once.

The hash of the bytes is left out, which whoever reads makes anew: what is put together from a line is the entry to
the letter (domain.tree.leaf).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from domain.tree.leaf import leaf_in
from domain.tree.merkle import leaf_hash
from services.evidence.copies.stored import StoredEvent, read_entry

_RECORDED: Final = frozenset(("id", "intake", "position", "publisher", "recorded_at", "source"))
_OPENS: Final = frozenset(("blinding", "commitment"))


def line_of(event: StoredEvent) -> dict[str, Any]:
    """The event as a bundle has it."""
    entry = json.loads(event.entry())
    recorded = entry if event.blinding is None else entry.pop("entry")
    del recorded["raw_sha256"]
    return {"recorded": recorded, "raw": event.raw.decode(), **(entry if event.blinding is not None else {})}


def read_line(value: Mapping[str, Any]) -> StoredEvent:
    """What `line_of` wrote, with the hash of the leaf that it opens.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not written as a bundle writes it.
        MangledEntryError: it opens no leaf.
    """
    recorded, raw = value["recorded"], value["raw"].encode()
    opens = _OPENS & value.keys()
    if recorded.keys() != _RECORDED or value.keys() != {"recorded", "raw", *opens} or len(opens) > 1:
        raise ValueError("it has not the members of an event, or others")
    if type(recorded["position"]) is not int or recorded["position"] < 1:
        raise ValueError(f"its position is {recorded['position']!r}: it is a whole number from 1 on")
    given: dict[str, Any] = {**recorded, "raw_sha256": hashlib.sha256(raw).hexdigest()}
    for kind in opens:
        given = {kind: value[kind], "entry": given}
    entry = json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    # What a leaf holds has one text (RFC 8785), and read_entry takes no other.
    return read_entry(recorded["position"], entry, raw, leaf_hash(leaf_in(entry)))
