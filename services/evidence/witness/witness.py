"""A witness (C2SP tlog-witness): it signs a checkpoint only where it extends what it signed before, and never forgets.

Its key and its state are its own; the operator of a ledger must hold neither. Whoever rewrites a log
has to show the witness a tree that does not extend the one it saw, and is refused.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import structlog

from domain.tree.merkle import EMPTY_ROOT, MerkleError
from domain.tree.proofs import verify_consistency
from services.evidence.notes.checkpoint import Checkpoint, encode_hash, parse_hash, parse_size
from services.evidence.notes.key_history import KeyHistory, LogKeys
from services.evidence.notes.notes import NOTE_BYTES_MAX, Note, NoteError, SignerKey, VerifierKey
from services.evidence.witness.remembered import notes_file, read_notes, transaction
from services.system.errors import TaizhangError
from services.system.files import append_durably

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 4096
SIZE_CONTENT_TYPE = "text/x.tlog.size"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cosigned (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root_hash BLOB NOT NULL, note BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY, origin TEXT NOT NULL, at INTEGER NOT NULL, request BLOB NOT NULL, reason TEXT NOT NULL
) STRICT;
"""
#: A log that misbehaves must not fill the witness's disk; the first contradictions are the proof.
_REFUSALS_KEPT_MAX = 1000

logger = structlog.get_logger(__name__)


class WitnessRefusalError(TaizhangError):
    """A request that is not cosigned, with the HTTP status and body of C2SP tlog-witness."""

    def __init__(self, status: HTTPStatus, message: str, content_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(message)
        self.status, self.content_type = status, content_type


class WitnessForgotError(TaizhangError):
    """The witness's state is not what it has signed: it would sign what contradicts itself."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The body of add-checkpoint: the size that the proof starts from, the proof, and the signed checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> "AddCheckpoint":
        """Read a request's body; NoteError names the line that is wrong."""
        if len(body) > REQUEST_BYTES_MAX:
            raise NoteError(f"the request has {len(body)} bytes: the most is {REQUEST_BYTES_MAX}")
        head, empty_line, note = body.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NoteError("the request's old size and proof are not ASCII") from None
        if not empty_line or not first.startswith("old "):
            raise NoteError("the request is not a line `old <size>`, lines of proof, an empty line and a checkpoint")
        if len(lines) > PROOF_LINES_MAX:
            raise NoteError(f"the proof has {len(lines)} lines: the most is {PROOF_LINES_MAX}")
        return cls(parse_size(first.removeprefix("old ")), tuple(parse_hash(line) for line in lines), note)

    def to_bytes(self) -> bytes:
        """The body, as parse reads it."""
        lines = [f"old {self.old_size}", *(encode_hash(value) for value in self.proof)]
        return ("\n".join(lines) + "\n\n").encode() + self.note


class Witness:
    """One witness: its key, the logs that it trusts by their keys, and its state in a SQLite file.

    Several processes may share one state: check and update are one transaction.
    """

    def __init__(
        self, key: SignerKey, logs: Sequence[VerifierKey], state: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self.key, self._state, self._clock = key, state, clock
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._trusted = {origin: tuple(keys) for origin, keys in self._logs.items()}
        self._notes = notes_file(state)
        state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with transaction(self._state) as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
        self._check_remembers()

    @property
    def origins(self) -> list[str]:
        """The origins of the logs that it trusts."""
        return sorted(self._logs)

    def keys_of(self, origin: str) -> list[VerifierKey]:
        """The keys of a log that are trusted now."""
        return list(self._logs[origin])

    def follow(self, history: KeyHistory) -> None:
        """Take a log's new key in the old one's place where a key that is trusted leads to it, signed by both."""
        origin = history.first.name
        followed = [LogKeys.follow(key, history).current for key in self._trusted.get(origin, ())]
        if followed and followed != self._logs[origin]:
            logger.warning("log_key_changed", origin=origin, keys=[str(key) for key in followed])
            self._logs[origin] = followed

    def add_checkpoint(self, body: bytes) -> str:
        """Check a request and return the cosignature line; the new state is durable by then.

        Raises:
            WitnessRefusalError: the request is not cosigned.
        """
        try:
            request = AddCheckpoint.parse(body)
        except NoteError as fault:
            raise WitnessRefusalError(HTTPStatus.BAD_REQUEST, str(fault)) from None
        checkpoint, note = self.opened(request.note)
        if request.old_size > checkpoint.size:
            message = f"old size {request.old_size} is above the checkpoint's {checkpoint.size}: it must not be"
            raise WitnessRefusalError(HTTPStatus.BAD_REQUEST, message)
        return self._cosign(request, checkpoint, note)

    def opened(self, data: bytes) -> tuple[Checkpoint, Note]:
        """A head that a log signed which is witnessed here, with that signature alone.

        Raises:
            WitnessRefusalError: it is mangled, of another log, or not signed by the log's key.
        """
        try:
            note = Note.parse(data)
            checkpoint = Checkpoint.parse(note.text)
        except NoteError as fault:
            raise WitnessRefusalError(HTTPStatus.BAD_REQUEST, str(fault)) from None
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            known = ", ".join(self.origins) or "none"
            raise WitnessRefusalError(
                HTTPStatus.NOT_FOUND, f"log {checkpoint.origin!r} is unknown here; known: {known}"
            )
        try:
            signatures = tuple(signature for _, signature in note.verified_by(keys))
        except NoteError as fault:
            raise WitnessRefusalError(HTTPStatus.FORBIDDEN, str(fault)) from None
        return checkpoint, Note(note.text, signatures)

    def _cosign(self, request: AddCheckpoint, checkpoint: Checkpoint, note: Note) -> str:
        refusal = None
        with transaction(self._state) as connection:
            size, root_hash = self._seen(connection, checkpoint.origin)
            try:
                _check_extends(size, root_hash, request, checkpoint)
            except WitnessRefusalError as fault:
                refusal = fault
                if fault.content_type != SIZE_CONTENT_TYPE:
                    self._keep_refusal(connection, checkpoint.origin, request, str(fault))
            else:
                cosignature = self.key.sign(note.text, self._now(connection, checkpoint.origin))
                signed = Note(note.text, (*note.signatures, cosignature)).to_bytes()
                connection.execute(
                    "INSERT OR REPLACE INTO cosigned (origin, size, root_hash, note) VALUES (?, ?, ?, ?)",
                    (checkpoint.origin, checkpoint.size, checkpoint.root_hash, signed),
                )
        if refusal is not None:
            raise refusal
        # Before anybody has the signature: what is remembered outside the state is never more than the state has.
        line = f"{checkpoint.size} {encode_hash(checkpoint.root_hash)} {checkpoint.origin}\n"
        append_durably(self._notes, line.encode())
        return cosignature.line()

    def _now(self, connection: sqlite3.Connection, origin: str) -> int:
        """The time for a signature; refused where the clock stands before the last one's."""
        now = int(self._clock())
        row = connection.execute("SELECT note FROM cosigned WHERE origin = ?", (origin,)).fetchone()
        last = 0 if row is None else self._signed_at(bytes(row[0]))
        if now < last:
            raise WitnessRefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"this witness's clock stands {last - now} s before its last signature: it signs nothing until then",
            )
        return now

    def _signed_at(self, note: bytes) -> int:
        return Note.parse(note).verified_by([self.key.verifier])[0][1].timestamp

    def _check_remembers(self) -> None:
        """The state must be what this witness signed, and no less than its notes say, which lie beside it.

        Raises:
            WitnessForgotError: it is another witness's, was changed, or is an older copy.
        """
        with transaction(self._state) as connection:
            rows = connection.execute("SELECT origin, size, root_hash, note FROM cosigned").fetchall()
        seen = {}
        for origin, size, root_hash, note in rows:
            try:
                self._signed_at(bytes(note))
                checkpoint = Checkpoint.parse(Note.parse(bytes(note)).text)
            except NoteError as fault:
                raise WitnessForgotError(f"{self._state} was not written by this witness: {fault}") from None
            if (origin, size, bytes(root_hash)) != (checkpoint.origin, checkpoint.size, checkpoint.root_hash):
                raise WitnessForgotError(f"{self._state} says another head of {origin} than this witness signed")
            seen[origin] = checkpoint
        for origin, (size, root_hash) in read_notes(self._notes).items():
            last = seen.get(origin)
            if last is None or last.size < size or (last.size == size and last.root_hash != root_hash):
                raise WitnessForgotError(
                    f"this witness has signed {size} events of {origin}, and {self._state} "
                    f"{'has none' if last is None else f'ends at {last.size}'}: it is an older copy. Put the newer one "
                    "back; a witness that forgot must not sign again under its key"
                )

    def require_remembered(self, note: bytes) -> None:
        """A head that somebody else keeps with this witness's signature must not be beyond what it remembers.

        Raises:
            WitnessForgotError: it is, so that the state and the notes are older copies.
        """
        with suppress(NoteError):
            self._signed_at(note)
            checkpoint = Checkpoint.parse(Note.parse(note).text)
            size = self.latest_size(checkpoint.origin)
            if checkpoint.size > size:
                raise WitnessForgotError(
                    f"{checkpoint.origin} has this witness's signature of {checkpoint.size} events, and its own folder "
                    f"ends at {size}: it is an older copy. Put the newer one back; nothing is signed"
                )

    def latest(self, origin: str) -> bytes | None:
        """The last checkpoint cosigned for a log, with the log's signature and the witness's, or None."""
        with transaction(self._state) as connection:
            row = connection.execute("SELECT note FROM cosigned WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else bytes(row[0])

    def origin_of(self, hashed: str) -> str:
        """The origin among those that are trusted whose SHA-256 in hex this is; empty for none."""
        return next((each for each in self._logs if hashlib.sha256(each.encode()).hexdigest() == hashed), "")

    def latest_size(self, origin: str) -> int:
        """Size of the last checkpoint cosigned for a log; 0 for none."""
        with transaction(self._state) as connection:
            return self._seen(connection, origin)[0]

    def refusals(self, origin: str) -> list[tuple[int, bytes, str]]:
        """Contradictions that the log itself signed: (POSIX time, the request whole, the reason), oldest first."""
        statement = "SELECT at, request, reason FROM refused WHERE origin = ? ORDER BY number"
        with transaction(self._state) as connection:
            return [(at, bytes(request), reason) for at, request, reason in connection.execute(statement, (origin,))]

    @staticmethod
    def _seen(connection: sqlite3.Connection, origin: str) -> tuple[int, bytes]:
        row = connection.execute("SELECT size, root_hash FROM cosigned WHERE origin = ?", (origin,)).fetchone()
        return (0, EMPTY_ROOT) if row is None else (row[0], bytes(row[1]))

    def _keep_refusal(self, connection: sqlite3.Connection, origin: str, request: AddCheckpoint, reason: str) -> None:
        logger.error("checkpoint_refused", origin=origin, reason=reason)
        connection.execute(
            "INSERT INTO refused (origin, at, request, reason)"
            " SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM refused) < ?",
            (origin, int(self._clock()), request.to_bytes(), reason, _REFUSALS_KEPT_MAX),
        )


def _check_extends(size: int, root_hash: bytes, request: AddCheckpoint, checkpoint: Checkpoint) -> None:
    """Refuse unless the checkpoint extends the last one cosigned, which has that size and root."""
    if request.old_size != size:
        raise WitnessRefusalError(HTTPStatus.CONFLICT, f"{size}\n", SIZE_CONTENT_TYPE)
    if size == checkpoint.size and root_hash != checkpoint.root_hash:
        raise WitnessRefusalError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"at size {size} this witness signed root {root_hash.hex()}, the checkpoint has "
            f"{checkpoint.root_hash.hex()}: an event at or before position {size} was changed, removed or inserted",
        )
    try:
        verify_consistency(size, checkpoint.size, request.proof, root_hash, checkpoint.root_hash)
    except MerkleError as fault:
        raise WitnessRefusalError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"the tree of {checkpoint.size} events does not extend that of {size} which this witness signed: {fault}",
        ) from None
