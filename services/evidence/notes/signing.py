"""The log signs its checkpoints, and never two that contradict each other (C2SP tlog-checkpoint, Signatures).

The last checkpoint signed lies beside the key, apart from the database: a database that was rewritten, or cut back,
does not get a signature until someone has looked.
"""

import os
import secrets
import stat
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from domain.tree.merkle import EMPTY_ROOT, MerkleError
from domain.tree.proofs import verify_consistency
from services.access.reading_trail import READINGS
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import Note, NoteError, Signature, SignatureType, SignerKey, VerifierKey
from services.log.tree import LOG, AnyConnection, StoredTree
from services.system.errors import TaizhangError
from services.system.files import create_once, locked, write_durably

WITNESS_KEY_NAME = "witness.key"
_KEY_FILE_BYTES_MAX = 4096


class KeyFileError(TaizhangError):
    """A key file that must not be used as it is."""


def load_or_create_key(path: Path, kind: SignatureType, name: str | None) -> SignerKey:
    """The key in a file, made anew under the name where there is no file.

    The name is the log's origin (TAIZHANG_LOG_ORIGIN) or the witness's; without one, a new key gets a random name,
    and an old key keeps its own. KeyFileError where the file is open to others or holds another name's key.
    Safe when two processes start at once: both get the key of the one that was first.
    """
    if not path.exists():
        made = SignerKey.generate(name or f"taizhang-{secrets.token_hex(8)}", kind)
        create_once(path, made.secret_text().encode() + b"\n")
    key = load_key(path)
    if key.type is not kind:
        raise KeyFileError(
            f"{path} holds a key for {key.type.name.lower()}, not for {kind.name.lower()}: name another file"
        )
    if name is not None and key.name != name:
        raise KeyFileError(
            f"{path} holds the key of {key.name!r}, not of {name!r}: a log keeps its origin for ever; "
            "set the origin back, or begin a new log with a new key file"
        )
    return key


def load_key(path: Path) -> SignerKey:
    """The key in a file; KeyFileError where it is missing, mangled, or open to anyone but its owner."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise KeyFileError(
                    f"{path} has mode {mode:04o}: a private key is for its owner alone; run chmod 600 on it, "
                    "and make a new key if others could read this one"
                )
            text = file.read(_KEY_FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise KeyFileError(f"{path} cannot be read: {fault.strerror}") from fault
    try:
        return SignerKey.parse(text.decode().removesuffix("\n"))
    except (NoteError, UnicodeDecodeError) as fault:
        raise KeyFileError(f"{path} does not hold a signer key: {fault}; restore it from its backup") from None


#: A signed checkpoint is served again for this long, however busy the log is.
CHECKPOINT_AGE_MAX_S: Final = 1.0


class LogContradictsError(TaizhangError):
    """The database holds another history than the log has signed for."""


class _Served(NamedTuple):
    """A checkpoint that was served: when, on the monotonic clock, of how many leaves, and the note."""

    at: float
    size: int
    note: bytes


class CheckpointSigner:
    """Signs the head of a tree. Several processes may sign with one key file: each sees what the others signed."""

    def __init__(self, key: SignerKey, key_file: Path, tree: StoredTree = LOG) -> None:
        self._key, self._tree = key, tree
        self._last_file = last_file(key_file, tree)
        self._cosigned_file = cosigned_file(self._last_file)
        self._served: _Served | None = None

    @property
    def verifier(self) -> VerifierKey:
        """The log's public key, named by its origin."""
        return self._key.verifier

    def checkpoint(self, connection: AnyConnection, at_least: int = 0) -> bytes:
        """The signed checkpoint of the log as it is now, at most a second old and of no fewer than `at_least` events.

        Raises:
            LogContradictsError: the log does not extend what was signed before.
        """
        now, served = time.monotonic(), self._served
        if served is None or now - served.at > CHECKPOINT_AGE_MAX_S or served.size < at_least:
            signed = self._sign(connection)
            size = open_checkpoint(signed, self.verifier)[0].size
            self._served = served = _Served(now, size, self._with_cosignatures(signed))
        return served.note

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

    def _sign(self, connection: AnyConnection) -> bytes:
        with locked(self._last_file):
            last, note = self._last()
            size = self._tree.size(connection)
            if size < last.size:
                raise LogContradictsError(
                    f"the database ends at {self._tree.leaf} {size}, but a checkpoint of {last.size} was signed: "
                    f"{size + 1} to {last.size} are gone; restore the database, or see {self._last_file}"
                )
            root_hash = self._tree.root_at(connection, size)
            try:
                proof = self._tree.consistency_proof(connection, last.size, size)
                verify_consistency(last.size, size, proof, last.root_hash, root_hash)
            except MerkleError:
                raise LogContradictsError(
                    f"something at or before {self._tree.leaf} {last.size} was changed, removed or inserted after its "
                    "checkpoint was signed: run taizhang verify, and restore the database"
                ) from None
            if note and size == last.size:
                return note
            signed = Checkpoint(self._key.name, size, root_hash).sign(self._key)
            write_durably(self._last_file, signed)
            return signed

    def _last(self) -> tuple[Checkpoint, bytes]:
        try:
            note = self._last_file.read_bytes()
        except FileNotFoundError:
            return Checkpoint(self._key.name, 0, EMPTY_ROOT), b""
        try:
            return open_checkpoint(note, self.verifier)[0], note
        except NoteError as fault:
            raise LogContradictsError(f"{self._last_file} is not the log's last checkpoint: {fault}") from None


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


def signers(key_file: Path, origin: str | None) -> tuple[CheckpointSigner, CheckpointSigner]:
    """New signers of the log and of the trail of reading, with the key in a file, made anew where there is none."""
    key = load_or_create_key(key_file, SignatureType.ED25519, origin)
    return CheckpointSigner(key, key_file), CheckpointSigner(readings_key(key), key_file, READINGS)


@lru_cache(maxsize=8)
def readings_signer_for(key_file: Path, origin: str | None) -> CheckpointSigner:
    """This process's signer of the trail of reading, beside that of the log."""
    return signers(key_file, origin)[1]


@lru_cache(maxsize=8)
def signer_for(key_file: Path, origin: str | None) -> CheckpointSigner:
    """This process's signer with a key file, made anew where there is none; see load_or_create_key."""
    return signers(key_file, origin)[0]
