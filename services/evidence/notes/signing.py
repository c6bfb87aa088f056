"""The log signs its checkpoints, and never two that contradict each other (C2SP tlog-checkpoint, Signatures).

The last checkpoint signed lies beside the key, apart from the database: a database that was rewritten, or cut back,
does not get a signature until someone has looked.
"""

import contextlib
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from domain.tree.merkle import EMPTY_ROOT, MerkleError
from domain.tree.proofs import verify_consistency
from services.evidence.notes.beside_key import TREES, cosigned_file, key_for, last_file
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.identity import NothingSignedError, bind, finish_change, held_key, history
from services.evidence.notes.key_files import load_key
from services.evidence.notes.notes import Note, NoteError, Signature, SignerKey, VerifierKey
from services.log.tree import LOG, AnyConnection, StoredTree
from services.system.files import locked, write_durably

#: A signed checkpoint is served again for this long, however busy the log is.
CHECKPOINT_AGE_MAX_S: Final = 1.0


class LogContradictsError(NothingSignedError):
    """The database holds another history than the log has signed for."""


class _Served(NamedTuple):
    """A checkpoint that was served: when, on the monotonic clock, the size, the note, the key's file then."""

    at: float
    size: int
    note: bytes
    stamp: tuple[int, int] | None


class CheckpointSigner:
    """Signs the head of a tree. Several processes may sign with one key file: each sees what the others signed.

    The key is read from its file each time, since it may be changed meanwhile (services/evidence/keys).
    """

    def __init__(self, key_file: Path, origin: str | None = None, tree: StoredTree = LOG) -> None:
        """`origin` is that of a key to be made, for a log that has none."""
        self._key_file, self._origin, self._tree = key_file, origin, tree
        self._last_file = last_file(key_file, tree)
        self._cosigned_file = cosigned_file(self._last_file)
        self._served: _Served | None = None

    @property
    def verifier(self) -> VerifierKey:
        """The public half of the key in the file, named by its origin; KeyFileError where there is none yet."""
        return key_for(load_key(self._key_file), self._tree).verifier

    def key(self, connection: AnyConnection) -> SignerKey:
        """The key in force.

        Raises:
            LogKeyError: this host does not have it.
        """
        found = history(connection)
        finish_change(self._key_file, found)
        return key_for(held_key(found, self._key_file, self._origin), self._tree)

    def checkpoint(self, connection: AnyConnection, at_least: int = 0) -> bytes:
        """The signed checkpoint of the log as it is now, at most a second old and of no fewer than `at_least` events.

        Raises:
            LogContradictsError: the log does not extend what was signed before.
        """
        now, served, stamp = time.monotonic(), self._served, self._stamp()
        stale = served is None or now - served.at > CHECKPOINT_AGE_MAX_S or served.stamp != stamp
        if served is None or stale or served.size < at_least:
            signed, size = self._sign(connection)
            self._served = served = _Served(now, size, self._with_cosignatures(signed), self._stamp())
        return served.note

    def _stamp(self) -> tuple[int, int] | None:
        """By which a key's file that was replaced, or is gone, is noticed without being read."""
        with contextlib.suppress(FileNotFoundError):
            found = self._key_file.stat()
            return found.st_ino, found.st_mtime_ns
        return None

    def keep_cosigned(self, note: Note, cosignatures: Sequence[Signature]) -> None:
        """Keep a checkpoint with the witnesses' cosignatures, which were verified; it takes a smaller one's place."""
        own = tuple(signature for _, signature in note.verified_by([self.verifier]))
        size = Checkpoint.parse(note.text).size
        with locked(self._last_file):
            before = self.cosigned()
            if before is None or Checkpoint.parse(Note.parse(before).text).size <= size:
                write_durably(self._cosigned_file, Note(note.text, (*own, *cosignatures)).to_bytes())
        self._served = None

    def cosigned(self) -> bytes | None:
        """The last checkpoint that witnesses have cosigned, with all signatures; None before the first."""
        return self._cosigned_file.read_bytes() if self._cosigned_file.exists() else None

    def head(self, connection: AnyConnection, at_least: int) -> bytes:
        """The log's head as witnesses have cosigned it, where that has `at_least` so many events; else its own.

        Raises:
            LogContradictsError: the log does not extend what was signed or cosigned before.
        """
        note, cosigned = self.checkpoint(connection, at_least), self.cosigned()
        if cosigned is None:
            return note
        checkpoint, _ = open_checkpoint(cosigned, self.verifier)
        if self._tree.root_at(connection, checkpoint.size) != checkpoint.root_hash:
            raise LogContradictsError(
                f"the log does not extend the head of {checkpoint.size} events that its witnesses cosigned: run "
                "taizhang verify, and restore the database"
            )
        return cosigned if checkpoint.size >= at_least else note

    def _with_cosignatures(self, note: bytes) -> bytes:
        """The checkpoint with what witnesses have signed of it."""
        cosigned = self.cosigned()
        return cosigned if cosigned is not None and Note.parse(cosigned).text == Note.parse(note).text else note

    def _sign(self, connection: AnyConnection) -> tuple[bytes, int]:
        self._last_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        finish_change(self._key_file, history(connection))
        with locked(self._last_file):
            size = self._tree.size(connection)
            # Read after the size: whatever this key signs lies before the event that takes it out of force.
            found = history(connection)
            whole = held_key(found, self._key_file, self._origin)
            key = key_for(whole, self._tree)
            last, note = self._last(key.verifier)
            root_hash = require_extends(connection, self._tree, last, size)
            if found is None and self._tree is LOG:
                bind(connection, whole.verifier)
            if note and size == last.size:
                return note, size
            signed = Checkpoint(key.name, size, root_hash).sign(key)
            write_durably(self._last_file, signed)
            return signed, size

    def _last(self, key: VerifierKey) -> tuple[Checkpoint, bytes]:
        try:
            note = self._last_file.read_bytes()
        except FileNotFoundError:
            return Checkpoint(key.name, 0, EMPTY_ROOT), b""
        try:
            return open_checkpoint(note, key)[0], note
        except NoteError as fault:
            raise LogContradictsError(f"{self._last_file} is not the log's last checkpoint: {fault}") from None


def require_extends(connection: AnyConnection, tree: StoredTree, last: Checkpoint, size: int) -> bytes:
    """Root of the first `size` leaves, which must extend what was signed last.

    Raises:
        LogContradictsError: they do not.
    """
    if size < last.size:
        raise LogContradictsError(
            f"the database ends at {tree.leaf} {size}, but a checkpoint of {last.size} was signed: "
            f"{size + 1} to {last.size} are gone; restore the database, or see the last checkpoint beside the key"
        )
    root_hash = tree.root_at(connection, size)
    try:
        proof = tree.consistency_proof(connection, last.size, size)
        verify_consistency(last.size, size, proof, last.root_hash, root_hash)
    except MerkleError:
        raise LogContradictsError(
            f"something at or before {tree.leaf} {last.size} was changed, removed or inserted after its checkpoint "
            "was signed: run taizhang verify, and restore the database"
        ) from None
    return root_hash


def signers(key_file: Path, origin: str | None) -> tuple[CheckpointSigner, ...]:
    """New signers of the log and of the trees beside it, with the key in a file."""
    return tuple(CheckpointSigner(key_file, origin, tree) for tree in TREES)


@lru_cache(maxsize=32)
def signer_for(key_file: Path, origin: str | None, tree: StoredTree = LOG) -> CheckpointSigner:
    """This process's signer of a tree with a key file."""
    return CheckpointSigner(key_file, origin, tree)
