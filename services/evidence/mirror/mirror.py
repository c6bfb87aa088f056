"""A mirror: a second party that copies a log, folds it anew, and signs only what it finds right (spec/evidence.md).

It is a witness that has seen every byte: it cosigns a head once all events up to it are on its own disk and lead to
the head's root. Of each statement of roots it says in a note of its own whether they follow from the events.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, NamedTuple

import structlog

from domain.tree.merkle import TILE_WIDTH, Frontier, MerkleError
from domain.tree.proofs import verify_consistency
from domain.values.strict_json import NotJsonError
from services.evidence.copies.copies import CopyError, LogCopy
from services.evidence.copies.stored import CopiedLog
from services.evidence.mirror.judging import DamagedError, judge
from services.evidence.mirror.own_copy import OwnCopy, RefusedError
from services.evidence.mirror.state import MirrorState, Refusal
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_history import KeyHistory
from services.evidence.notes.notes import Note, NoteError
from services.evidence.notes.vouched import refusal
from services.evidence.verifier.quorum import read_consistency
from services.evidence.witness.remembered import STATE_NAME
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessForgotError, WitnessRefusalError

COPY_NAME: Final = "copy"
#: A head that was signed a moment before another may be served a moment after it: asked once more.
ASK_AGAIN_S: Final = 1.5
#: How many events somebody who brings a head may wait for; more are copied in the next round.
AT_ONCE_MAX: Final = 10 * TILE_WIDTH
WAIT_S_MAX: Final = 1.0
#: `unable`: the mirror itself cannot go on, and says nothing of the log.
Kind = Literal["new", "copying", "follows", "refuses", "silent", "unable"]
Progress = Callable[[int, int], None]

logger = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    """What came of the last round: in one word, and in words."""

    kind: Kind
    words: str

    @property
    def good(self) -> bool:
        """Whether the log was found right as far as it goes."""
        return self.kind == "follows"


class Mirror:
    """One log's mirror: its witness, its state in the witness's file, its copy in the folder beside."""

    def __init__(
        self, witness: Witness, folder: Path, served: Callable[[], LogCopy], clock: Callable[[], float] = time.time
    ) -> None:
        """`served` opens the log as its service serves it; the witness's state is in the folder."""
        self.witness, self.state = witness, MirrorState(folder / STATE_NAME)
        self.own = OwnCopy(folder / COPY_NAME)
        (self.origin,) = witness.origins
        self._served, self._clock = served, clock
        self._copying = threading.Lock()
        self.last = Outcome("new", "the log was not asked yet")
        self.own.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def round(self, progress: Progress = lambda _done, _of: None) -> Outcome:
        """Copy what is new, cosign the head, judge the roots that are stated; what came of it is `last`, too."""
        if self.last.kind == "new":
            self.last = Outcome("copying", "the first round is under way")
        try:
            with self._copying, closing(self._served()) as served:
                self.follow(served, self._head(served), progress)
            self._judge()
            self.last = self._found()
        except RefusedError as fault:
            self.last = self._refuse(fault)
        except WitnessRefusalError as fault:
            self.last = self._refused_by_witness(fault)
        except DamagedError as fault:
            with self._copying:
                self.state.back_to(Frontier())
            self.last = Outcome("unable", f"{fault}; it is copied again, and signed again once that is done")
        except CopyError as fault:
            self.last = Outcome("silent", str(fault))
        except (WitnessForgotError, NoteError, NotJsonError, OSError, sqlite3.Error) as fault:
            self.last = Outcome("unable", f"{type(fault).__name__}: {fault}")
        tell = logger.info if self.last.good else logger.error
        tell("mirror_round", outcome=self.last.kind, words=self.last.words)
        return self.last

    def _found(self) -> Outcome:
        """What a round gives that came to its end."""
        self.state.end_refusals(int(self._clock()))
        standing = [each for each in self.state.refusals() if each.ended is None]
        if standing:
            words = "; ".join(f"position {each.position or '-'}: {each.reason}" for each in standing)
            return Outcome("refuses", words)
        size = self.state.progress().verified.size
        return Outcome("follows", f"{size:,} events are copied, and every root that could be judged is right")

    def _refused_by_witness(self, fault: WitnessRefusalError) -> Outcome:
        if fault.status == HTTPStatus.SERVICE_UNAVAILABLE:  # its own clock, or its own work
            return Outcome("unable", str(fault))
        stands = fault.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
        return self._refuse(RefusedError(None, str(fault), stands=stands))

    def _head(self, served: LogCopy) -> bytes:
        """The log's head, after its keys were followed, and not behind what this mirror knows of by its own word."""
        with suppress(CopyError):
            keys = served.read("keys")
            self.witness.follow(history := KeyHistory.read(keys))
            if history.changes:  # beside the copy, for whoever verifies it by an earlier key
                self.own.write("keys", keys)
        with suppress(CopyError):
            self.witness.require_remembered(served.read("checkpoint/cosigned"))
        note = served.read("checkpoint")
        if self.witness.opened(note)[0].size < self._last_size():
            time.sleep(ASK_AGAIN_S)
            note = served.read("checkpoint")
        return note

    def _last_size(self) -> int:
        due = self._due()
        return max(self.witness.latest_size(self.origin), 0 if due is None else due[0].size)

    def _due(self) -> tuple[Checkpoint, bytes] | None:
        """The last head that was taken up; it was verified then."""
        due = self.state.progress().due
        return None if due is None else (Checkpoint.parse(Note.parse(due).text), due)

    def follow(self, served: LogCopy, note: bytes, progress: Progress = lambda _done, _of: None) -> None:
        """Copy the log up to a head and cosign that; the lock is the caller's.

        Raises:
            RefusedError: the log is not what it signed, now or before.
            CopyError: it does not answer.
        """
        head, own_note = self.witness.opened(note)
        due = self._due()
        if head.size < self._last_size():
            words = f"the log serves less than before: it ends at position {head.size}, and signed {self._last_size()}"
            raise RefusedError(head.size + 1, words)
        if due is not None and head.size == due[0].size and head.root_hash != due[0].root_hash:
            words = f"the log signed two roots at size {head.size}: {due[0].root_hash.hex()}, {head.root_hash.hex()}"
            raise RefusedError(None, words, stands=True, evidence=AddCheckpoint(head.size, (), note).to_bytes())
        # What was taken up comes first: it was signed, and nothing makes it unsaid.
        if due is not None and due[0].size > self.state.progress().verified.size:
            self._copy(served, *due, progress)
        self.state.take_up(own_note.to_bytes())
        if head.size > self.state.progress().verified.size:
            self._copy(served, head, own_note.to_bytes(), progress)
        self._cosign(served, head, own_note.to_bytes())

    def _copy(self, served: LogCopy, head: Checkpoint, note: bytes, progress: Progress) -> None:
        stands = self.state.progress()
        frontier = stands.copied
        if head.size < frontier.size:  # cannot be: what is copied ends at a head that was taken up
            frontier = stands.verified

        def keep(reached: Frontier, states_roots: list[int]) -> None:
            self.state.copied(reached, states_roots)
            progress(reached.size, head.size)

        try:
            self.own.extend(CopiedLog(served, head.size), frontier, head.size, keep)
            if frontier.root() != head.root_hash:
                words = f"the events up to {head.size} give the root {frontier.root().hex()}"
                raise RefusedError(None, f"{words}, signed is {head.root_hash.hex()}")  # noqa: TRY301 - one way out
        except RefusedError as fault:
            self.state.back_to(stands.verified)
            found = self._explained(fault, served, stands.verified, head, note)
            if found.stands and (signed := self.witness.latest(self.origin)) is not None:
                # The other branch is refused for ever, and kept; what this mirror signed goes on where it can.
                self.state.take_up(signed)
            raise found from None
        self.state.verified(frontier)
        self.own.write("key", f"{self.witness.keys_of(self.origin)[0]}\n".encode())
        self.own.write("checkpoint", note)

    def _explained(
        self, fault: RefusedError, served: LogCopy, before: Frontier, head: Checkpoint, note: bytes
    ) -> RefusedError:
        """Whether the log forked from what it signed, or only serves what it did not sign; and from where on."""
        if 0 < before.size < head.size:
            try:
                proof = read_consistency(served.read(_consistency(before.size, head.size))).hashes
            except CopyError:
                proof = []
            try:
                verify_consistency(before.size, head.size, proof, before.root(), head.root_hash)
            except MerkleError:
                words = (
                    f"the log forked: its head of {head.size} events does not extend that of {before.size}, which it "
                    f"signed before, and this mirror keeps ({fault})"
                )
                request = AddCheckpoint(before.size, tuple(proof), note).to_bytes()
                first = self._first_other(served, before.size) or fault.position
                return RefusedError(first, words, stands=True, evidence=request)
        return fault

    def _first_other(self, served: LogCopy, size: int) -> int | None:
        """The first position of those verified at which another leaf is served now."""
        mine = self.own.log(size)
        theirs = CopiedLog(served, size)
        for start in range(0, size, TILE_WIDTH):
            count = min(TILE_WIDTH, size - start)
            ours, others = mine.tile_roots(0, start, count), theirs.tile_roots(0, start, count)
            for index in range(start, start + count):
                if ours.get(index) != others.get(index):
                    return index + 1
        return None

    def _cosign(self, served: LogCopy, head: Checkpoint, note: bytes) -> None:
        seen = self.witness.latest_size(self.origin)
        proof: tuple[bytes, ...] = ()
        if 0 < seen < head.size:
            proof = tuple(read_consistency(served.read(_consistency(seen, head.size))).hashes)
        self.witness.add_checkpoint(AddCheckpoint(seen, proof, note).to_bytes())

    def _judge(self) -> None:
        """Judge what is due, one statement after another; what was said is on disk before the next."""
        verified = self.state.progress().verified
        for due in self.state.judged(due=True):
            if due.position > verified.size:
                break
            found = judge(self.own, verified.size, verified.root(), self.origin, due.position)
            note = None
            if found.verdict == "right" and found.told is not None:
                signed = self.witness.key.sign(text := found.told.text(), int(self._clock()))
                note = Note(text, (signed,)).to_bytes()
            if found.verdict == "wrong":
                self._refuse(RefusedError(due.position, found.words, stands=True))
            self.state.judge(due.position, found.verdict, found.words, note)
            logger.info("roots_judged", position=due.position, verdict=found.verdict, words=found.words)
        with self._copying:
            self.own.tidy(self.state.progress().verified.size)

    def _refuse(self, fault: RefusedError) -> Outcome:
        at = int(self._clock())
        note = refusal(self.witness.key, self.origin, fault.position, str(fault), at)
        self.state.refuse(Refusal(at, fault.position, str(fault), note, fault.evidence, None), stands=fault.stands)
        return Outcome("refuses", str(fault))

    def add_checkpoint(self, body: bytes) -> str:
        """C2SP tlog-witness: cosign a head that somebody brings, once all of it is copied.

        Raises:
            WitnessRefusalError: it is not cosigned; 503 where it is not copied yet.
        """
        try:
            request = AddCheckpoint.parse(body)
        except NoteError as fault:
            raise WitnessRefusalError(HTTPStatus.BAD_REQUEST, str(fault)) from None
        head, _ = self.witness.opened(request.note)
        with self._held():
            behind = head.size - self.state.progress().verified.size
            if behind > AT_ONCE_MAX or (behind > 0 and head.size < self._last_size()):
                raise _not_yet(behind)
            if behind > 0:
                self._catch_up(request.note)
            return self.witness.add_checkpoint(body)

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._copying.acquire(timeout=WAIT_S_MAX):
            raise _not_yet(None)
        try:
            yield
        finally:
            self._copying.release()

    def _catch_up(self, note: bytes) -> None:
        try:
            with closing(self._served()) as served:
                self.follow(served, note)
        except RefusedError as fault:
            self._refuse(fault)
            raise WitnessRefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault)) from None
        except CopyError as fault:
            raise WitnessRefusalError(HTTPStatus.SERVICE_UNAVAILABLE, f"not copied: {fault}") from None


def _not_yet(behind: int | None) -> WitnessRefusalError:
    still = "" if behind is None else f", {behind:,} events are missing"
    return WitnessRefusalError(HTTPStatus.SERVICE_UNAVAILABLE, f"this mirror is still copying{still}: ask again")


def _consistency(old: int, new: int) -> str:
    return f"proof/consistency?old_size={old}&new_size={new}"
