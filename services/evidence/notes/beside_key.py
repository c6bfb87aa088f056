"""What lies beside the log's key: the last heads signed, and the key's own names for the trees that it signs."""

from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from services.access.reading_trail import READINGS
from services.evidence.notes.notes import SignerKey, VerifierKey
from services.log.arrivals import ARRIVALS
from services.log.tree import LOG, StoredTree

#: The trees that the log's key signs, the log first; those beside it have origins of their own.
TREES: Final = (LOG, READINGS, ARRIVALS)
Key = TypeVar("Key", SignerKey, VerifierKey)


def cosigned_file(last: Path) -> Path:
    """Where the last checkpoint that witnesses have cosigned lies, beside the last that was signed."""
    return last.with_name(f"{last.name}.cosigned")


def last_file(key_file: Path, tree: StoredTree = LOG) -> Path:
    """Where the last checkpoint signed lies."""
    return key_file.with_name(".".join(filter(None, (key_file.name, tree.beside, "checkpoint"))))


def key_for(key: Key, tree: StoredTree) -> Key:
    """The log's key, or its public half, under the name that it signs a tree by."""
    return key if tree is LOG else replace(key, name=origin_for(key.name, tree))


def origin_for(origin: str, tree: StoredTree) -> str:
    """The origin of a tree, from that of the log."""
    return origin if tree is LOG else f"{origin}/{tree.beside}"
