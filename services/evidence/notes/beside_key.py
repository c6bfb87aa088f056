"""What lies beside the log's key: the last heads signed, and the key's own names for the trees that it signs."""

from dataclasses import replace
from pathlib import Path

from services.evidence.notes.notes import SignerKey, VerifierKey
from services.log.tree import LOG, StoredTree


def cosigned_file(last: Path) -> Path:
    """Where the last checkpoint that witnesses have cosigned lies, beside the last that was signed."""
    return last.with_name(f"{last.name}.cosigned")


def last_file(key_file: Path, tree: StoredTree = LOG) -> Path:
    """Where the last checkpoint signed lies."""
    return key_file.with_name(f"{key_file.name}.checkpoint" if tree is LOG else f"{key_file.name}.readings.checkpoint")


def readings_key(key: SignerKey) -> SignerKey:
    """The log's key under the name of the trail of reading: a tree of its own has an origin of its own."""
    return replace(key, name=readings_origin(key.name))


def readings_verifier(key: VerifierKey) -> VerifierKey:
    """The public half of `readings_key`, from the log's."""
    return replace(key, name=readings_origin(key.name))


def readings_origin(origin: str) -> str:
    """The origin of the trail of reading beside a log."""
    return f"{origin}/readings"
