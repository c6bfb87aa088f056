"""What a mirror remembers, in the file of its witness: how far its copy goes, what it judged, what it refused.

One file, so that a mirror whose key is there without it, or with an older copy of it, is refused as a witness is
(services/evidence/witness/remembered.py).
"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

from domain.tree.merkle import Frontier
from services.evidence.witness.remembered import transaction

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mirrored (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1), copied BLOB NOT NULL, verified BLOB NOT NULL, due BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS judged (
    position INTEGER PRIMARY KEY, verdict TEXT, words TEXT, note BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS said_no (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, position INTEGER, reason TEXT NOT NULL, note BLOB NOT NULL,
    evidence BLOB, stands INTEGER NOT NULL, ended INTEGER
) STRICT;
"""
#: A log that misbehaves must not fill the mirror's disk.
REFUSALS_MAX: Final = 1_000
#: `unjudged`: stated by the rules of another release.
Verdict = Literal["right", "wrong", "unjudged"]


class Progress(NamedTuple):
    """How far the copy goes, how much of it is shown to be the log's, and the signed head that it goes to, if any.

    Attributes:
        copied: of the events copied.
        verified: of those whose root the log's key signed.
        due: the last head that was taken up, before anything of it was copied.
    """

    copied: Frontier
    verified: Frontier
    due: bytes | None


class Judged(NamedTuple):
    """A position where roots are stated, the verdict on them (None while it is due), in words, and the note of it."""

    position: int
    verdict: Verdict | None
    words: str | None
    note: bytes | None


class Refusal(NamedTuple):
    """What was refused when, and why; `ended` once it was over, which a contradiction never is."""

    at: int
    position: int | None
    reason: str
    note: bytes
    evidence: bytes | None
    ended: int | None


class MirrorState:
    """The tables of a mirror. What a method changes is on disk when it returns."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with transaction(self._file) as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            nothing = Frontier().to_bytes()
            connection.execute("INSERT OR IGNORE INTO mirrored VALUES (1, ?, ?, NULL)", (nothing, nothing))

    def progress(self) -> Progress:
        """Where the copy stands."""
        with transaction(self._file) as connection:
            copied, verified, due = connection.execute("SELECT copied, verified, due FROM mirrored").fetchone()
        return Progress(Frontier.from_bytes(copied), Frontier.from_bytes(verified), due)

    def take_up(self, note: bytes) -> None:
        """Remember a signed head before anything of it is copied."""
        with transaction(self._file) as connection:
            connection.execute("UPDATE mirrored SET due = ?", (note,))

    def copied(self, frontier: Frontier, states_roots: list[int]) -> None:
        """Remember that files are on disk up to here, and at which positions among them roots are stated."""
        with transaction(self._file) as connection:
            connection.execute("UPDATE mirrored SET copied = ?", (frontier.to_bytes(),))
            rows = [(position,) for position in states_roots]
            connection.executemany("INSERT OR IGNORE INTO judged (position) VALUES (?)", rows)

    def verified(self, frontier: Frontier) -> None:
        """Remember that the log's key signed the root of what was copied."""
        with transaction(self._file) as connection:
            connection.execute("UPDATE mirrored SET verified = ?, copied = ?", (frontier.to_bytes(),) * 2)

    def back_to(self, frontier: Frontier) -> None:
        """Forget what was copied beyond; verdicts stay."""
        with transaction(self._file) as connection:
            connection.execute("UPDATE mirrored SET verified = ?, copied = ?", (frontier.to_bytes(),) * 2)
            connection.execute("DELETE FROM judged WHERE position > ? AND verdict IS NULL", (frontier.size,))

    def judge(self, position: int, verdict: Verdict, words: str, note: bytes | None) -> None:
        """Remember a verdict on the roots that a position states."""
        with transaction(self._file) as connection:
            connection.execute("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", (position, verdict, words, note))

    def judged(self, *, due: bool = False) -> list[Judged]:
        """All statements of roots in order, or those that are still to be judged."""
        with transaction(self._file) as connection:
            rows = connection.execute("SELECT position, verdict, words, note FROM judged ORDER BY position")
            found = [Judged(*row) for row in rows]
        return [each for each in found if not due or each.verdict is None]

    def refuse(self, refusal: Refusal, *, stands: bool) -> bool:
        """Remember a refusal; the same again while it stands is none, and nothing is changed."""
        same = "SELECT 1 FROM said_no WHERE reason = ? AND position IS ? AND ended IS NULL"
        with transaction(self._file) as connection:
            if connection.execute(same, (refusal.reason, refusal.position)).fetchone():
                return False
            connection.execute(
                "INSERT INTO said_no (at, position, reason, note, evidence, stands, ended)"
                " SELECT ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM said_no) < ?",
                (*refusal[:5], stands, refusal.ended, REFUSALS_MAX),
            )
            return True

    def end_refusals(self, at: int) -> None:
        """What did not contradict anything is over."""
        with transaction(self._file) as connection:
            connection.execute("UPDATE said_no SET ended = ? WHERE ended IS NULL AND NOT stands", (at,))

    def refusals(self) -> list[Refusal]:
        """All refusals, oldest first."""
        with transaction(self._file) as connection:
            rows = connection.execute("SELECT at, position, reason, note, evidence, ended FROM said_no ORDER BY number")
            return [Refusal(*row) for row in rows]
