"""A figure's proof, from the trees that are kept and the log."""

from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NamedTuple

from domain.events.evidence import ROOTED
from domain.tree.sum_tree import SumError
from domain.values.terms import Kind
from services.evidence.copies.stored import DatabaseLog, StoredEvent
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import VerifierKey
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.roots.figure_proof import FigureProof, write
from services.evidence.roots.kept import RETRY_AFTER_S, Kept, kept, prove_figure
from services.evidence.roots.stated import SOURCE, Stated, stated_by
from services.log.reader import LogReader
from services.log.tree import LOG, AnyConnection
from services.system.errors import NotFoundError, NotReadyError


class Figure(NamedTuple):
    """Which figure: a region by its number of digits and key (0 and nothing for the whole), a kind or all of them."""

    digits: int = 0
    key: str = ""
    kind: Kind | None = None


class Included(NamedTuple):
    """An event with what shows that it is in the log: its path, and the head with its signatures."""

    stored: StoredEvent
    path: Sequence[bytes]
    note: bytes
    checkpoint: Checkpoint


def roots_stated(connection: AnyConnection, known_at: int | None = None, as_of: date | None = None) -> Stated:
    """What the log states last of the roots of a position and a date, or of any.

    Raises:
        NotReadyError: nothing yet.
    """
    stated = [stated_by(event) for event in LogReader(connection).of_source(SOURCE) if event.type == ROOTED]
    found = [each for each in stated if known_at in {None, each.known_at} and as_of in {None, each.as_of}]
    if not found:
        of = "any position" if known_at is None else f"position {known_at}"
        raise NotReadyError(
            f"the log does not state the roots of {of}{'' if as_of is None else f' as of {as_of}'} yet: the service "
            "makes those of sealed reports by itself, ask again; of other clocks taizhang prove --commit makes them",
            RETRY_AFTER_S,
        )
    return found[-1]


def included(connection: AnyConnection, conninfo: str, signer: CheckpointSigner, position: int) -> Included:
    """An event in the log's head, as witnesses have cosigned it where that has the event."""
    note = signer.head(connection, position)
    checkpoint, _ = open_checkpoint(note, signer.verifier)
    with closing(DatabaseLog(conninfo)) as log:
        (stored,) = log.at([position])
    return Included(stored, LOG.inclusion_proof(connection, position, checkpoint.size), note, checkpoint)


def prove(  # noqa: PLR0917 - what a proof is made from
    stated: Stated, figure: Figure, roots: Path, connection: AnyConnection, conninfo: str, signer: CheckpointSigner
) -> bytes:
    """The file that proves a figure.

    Raises:
        NotFoundError: no organization is in the region.
        NotReadyError: the trees are not here; they are folded anew.
    """
    trees = kept(roots, stated)
    shown = included(connection, conninfo, signer, stated.position)
    return write(proof_of(stated, figure, trees, shown, signer.verifier))


def proof_of(stated: Stated, figure: Figure, trees: Kept, shown: Included, key: VerifierKey) -> FigureProof:
    """A figure's proof, from the trees and the event that states their roots; NotFoundError, NotReadyError as above."""
    try:
        sums = prove_figure(trees, stated, figure.digits, figure.key)
    except SumError as fault:
        raise NotFoundError(f"{fault}, as of {stated.as_of} and known at {stated.known_at}") from None
    entry = shown.stored.entry()
    return FigureProof(str(key), figure.kind, sums, entry, shown.stored.raw, tuple(shown.path), shown.note)
