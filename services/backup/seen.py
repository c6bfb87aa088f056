"""What others have seen of a log: a copy that is behind it has lost events, one that contradicts it is another log."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from domain.tree.merkle import EMPTY_ROOT
from services.evidence.copies.copies import CopyError, bounded_get
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import NOTE_BYTES_MAX, Note, NoteError, VerifierKey
from services.log.tree import AnyConnection, StoredTree

TIMEOUT_S: Final = 10


class Seen(NamedTuple):
    """A head that somebody keeps: who, and of which tree; None with the reason where it could not be had."""

    who: str
    checkpoint: Checkpoint | None
    fault: str = ""


class Comparison(NamedTuple):
    """What those heads say of a copy, in words."""

    behind: list[str]
    contradicts: list[str]
    unasked: list[str]


def kept(notes: Iterable[tuple[str, bytes]], key: VerifierKey | None) -> Iterator[Seen]:
    """Heads in files; without the log's key they are read without their signature being checked."""
    for who, data in notes:
        try:
            checkpoint = Checkpoint.parse(Note.parse(data).text) if key is None else open_checkpoint(data, key)[0]
            yield Seen(who, checkpoint)
        except NoteError as fault:
            yield Seen(who, None, str(fault))


def files(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Such files that are there."""
    for path in paths:
        if path.is_file():
            yield str(path), path.read_bytes()


def witnesses(addresses: Iterable[str], key: VerifierKey) -> Iterator[Seen]:
    """What each witness, or a mirror that answers as one, has signed last of the log."""
    for address in addresses:
        url = str(httpx.URL(f"{address.rstrip('/')}/checkpoint", params={"origin": key.name}))
        try:
            yield from kept([(address, bounded_get(url, NOTE_BYTES_MAX, TIMEOUT_S))], key)
        except CopyError as fault:
            yield Seen(address, None, str(fault))


def compare(connection: AnyConnection, tree: StoredTree, seen: Iterable[Seen]) -> Comparison:
    """Compare a tree of a database with what others have seen of it."""
    size = tree.size(connection)
    found = Comparison([], [], [])
    for who, checkpoint, fault in seen:
        if checkpoint is None:
            found.unasked.append(f"{who}: {fault}")
        elif checkpoint.size > size:
            lost = checkpoint.size - size
            found.behind.append(
                f"{who} has seen {checkpoint.size} {tree.leaf}s, the copy has {size}: the last {lost} came after it "
                "was made"
            )
        else:
            root_hash = tree.root_at(connection, checkpoint.size) if checkpoint.size else EMPTY_ROOT
            if root_hash != checkpoint.root_hash:
                found.contradicts.append(f"{who} has seen another {tree.leaf} {checkpoint.size} than the copy's")
    return found
