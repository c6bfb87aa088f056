"""What a witness keeps: its state, and beside it notes of each signature, by which an older copy is known as one.

Each line is `size root origin`. The file is only ever appended to; a last line without its end was cut off by a crash,
before anybody had that signature.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.evidence.notes.checkpoint import parse_hash, parse_size
from services.evidence.notes.key_files import WITNESS_KEY_NAME, load_or_create_key
from services.evidence.notes.notes import NoteError, SignatureType, SignerKey
from services.system.errors import TaizhangError

STATE_NAME = "witness.sqlite3"


class WitnessStartError(TaizhangError):
    """A witness that must not start as it is."""


@contextmanager
def transaction(state: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on a state that no other runs beside, on disk when it ends."""
    connection = sqlite3.connect(state, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()


def notes_file(state: Path) -> Path:
    """Where the notes lie."""
    return state.with_name(f"{state.name}.notes")


def read_notes(path: Path) -> dict[str, tuple[int, bytes]]:
    """Of each log the largest head: how many events were signed, and their root.

    Raises:
        WitnessStartError: the file was changed.
    """
    found: dict[str, tuple[int, bytes]] = {}
    *lines, _ = path.read_bytes().split(b"\n") if path.exists() else [b""]
    for number, line in enumerate(lines, 1):
        try:
            size, root_hash, origin = line.decode().split(" ", 2)
            head = (parse_size(size), parse_hash(root_hash))
            # Two processes on one state may have written in another order than they signed.
            found[origin] = max(head, found.get(origin, head))
        except (UnicodeDecodeError, ValueError, NoteError) as fault:
            raise WitnessStartError(f"{path}, line {number}, is not this witness's: {fault}") from None
    return found


def key_of(folder: Path, name: str | None, *, is_new: bool) -> SignerKey:
    """The witness's key, made anew in an empty folder.

    Raises:
        WitnessStartError: one of key and state is there without the other, and it was not said that it is new.
    """
    key_file, state = folder / WITNESS_KEY_NAME, folder / STATE_NAME
    if state.exists() and not key_file.exists():
        raise WitnessStartError(
            f"{state} is there and {key_file} is not: put the key back; a new one belongs into a new folder"
        )
    if key_file.exists() and not state.exists() and not is_new:
        raise WitnessStartError(
            f"{key_file} is there and {state} is not: what this witness signed is forgotten, and it could sign what "
            "contradicts that. Put the state back. Only if the key has never signed anything, start it with --new"
        )
    if key_file.exists() and not state.exists() and notes_file(state).exists():
        raise WitnessStartError(f"{notes_file(state)} tells of signatures: this key is not new")
    return load_or_create_key(key_file, SignatureType.COSIGNATURE, name)
