"""The service states the roots: after each sealed report, and when it is asked to; in a process of its own.

The child (`python -m services.evidence.roots.rooting`) is told what to fold by a line of JSON on its standard input.
It reads the log and nothing else, and keeps the trees for the proofs to come.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import orjson
import psycopg

from domain.events.assessment import SEALED
from domain.events.evidence import ROOTED
from domain.events.facts import Event
from domain.values.instants import parse_date
from services.evidence.copies.stored import DatabaseLog
from services.evidence.roots.kept import TREES, fold_into, folder_of
from services.evidence.roots.refold import Trees
from services.evidence.roots.stated import PUBLISHER, SOURCE, Stated, event_of_roots, name_of, stated_by
from services.intake.in_turn import ActRefusedError, Grounds, Matters, act_on
from services.intake.intake import Intake
from services.ledger.ruleset import ruleset
from services.log.messages import Message
from services.log.reader import LogReader
from services.log.tree import LOG
from services.postgres.database import connect
from services.system.errors import TaizhangError
from services.system.logs import logger
from services.system.settings import SHANGHAI
from services.system.supervision import die_with

#: Who asks for an answer goes before.
NICE: Final = 10
_STOP_S_MAX: Final = 10.0
#: Of the events that came since, which is little work.
LOOK_S: Final = 2.0
#: After a fault.
AGAIN_S: Final = 60.0
Progress = Callable[[int], None]


class Asked(NamedTuple):
    """The pair of clocks whose roots are asked for."""

    as_of: date
    known_at: int


def state_roots(conninfo: str, roots: Path, asked: Asked, progress: Progress = lambda _: None) -> Stated:
    """Fold the trees from the log, keep them, and have the log state their roots; where it does, that is found.

    Raises:
        TaizhangError: the log has not come as far, or states other roots for the same clocks and rules.
    """
    with closing(DatabaseLog(conninfo)) as log:
        trees = fold_into(roots, log, *asked, progress)
    found = find_stated(conninfo, asked)
    if found is None:
        found = _publish(conninfo, trees)
    if (found.sums, found.map.root, found.root_hash) != (trees.sums_root, trees.map_root, trees.root_hash):
        raise TaizhangError(
            f"position {found.position} states other roots for {asked.as_of} as known at {asked.known_at} than the "
            "log gives: the log or the statement was changed; run taizhang verify"
        )
    return found


def find_stated(conninfo: str, asked: Asked) -> Stated | None:
    """What the log states for a pair of clocks by the rules of this release."""
    key = (SOURCE, name_of(*asked, ruleset()))
    with connect(conninfo, "roots") as connection:
        found = LogReader(connection).find([key])
    return stated_by(found[0]) if found else None


def _publish(conninfo: str, trees: Trees) -> Stated:
    intake = Intake.open(conninfo, "roots")
    try:
        event = event_of_roots(trees, ruleset(), datetime.now(SHANGHAI))
        message = Message(event, {"channel": "http", "request": str(uuid4()), "index": 0}, PUBLISHER)
        # What decides it lies before its own position and cannot change; a twin is refused by its name.
        grounds = Grounds(trees.known_at, Matters())
        try:
            act_on(intake, grounds, [message], lambda _cursor, _turn: None)
        except ActRefusedError:
            if find_stated(conninfo, Asked(trees.as_of, trees.known_at)) is None:
                raise
    finally:
        intake.close()
    found = find_stated(conninfo, Asked(trees.as_of, trees.known_at))
    assert found is not None  # noqa: S101 - what an act publishes is in the log
    return found


class Rooter:
    """Looks whether a sealed report has no roots yet, or trees are missing here, and has them made, one after another.

    For as long as it is open, in a thread of its own; the fold is a process of its own.
    """

    def __init__(self, conninfo: str, roots: Path) -> None:
        self._conninfo, self._roots = conninfo, roots
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._events: list[Event] = []
        self._read_to = 0
        self._again_at: dict[Asked, float] = {}
        self._thread = threading.Thread(target=self._run, name="rooter", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and what it has under way."""
        self._stopping.set()
        child = self._child
        if child is not None:
            child.terminate()
        self._thread.join(_STOP_S_MAX)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                for asked in self._due():
                    self._make(asked)
            except (psycopg.Error, OSError, TaizhangError) as fault:
                logger().error("roots_not_made", reason=str(fault))
                self._stopping.wait(AGAIN_S)

    def _due(self) -> list[Asked]:
        with connect(self._conninfo, "roots") as connection:
            head = LOG.size(connection)
            self._events += LogReader(connection).of_types([SEALED, ROOTED], self._read_to, head)
        self._read_to = head
        now = time.monotonic()
        return [asked for asked in due(self._events, self._roots) if self._again_at.get(asked, now) <= now]

    def _make(self, asked: Asked) -> None:
        if self._stopping.is_set():
            return
        command = [sys.executable, "-m", "services.evidence.roots.rooting"]
        told = orjson.dumps({
            "conninfo": self._conninfo, "roots": str(self._roots), "as_of": asked.as_of, "known_at": asked.known_at,
            "parent": os.getpid(),
        })  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as child:
            self._child = child
            child.communicate(told)
            self._child = None
        # Whether it came out well or not: what it has stated is read at the next look.
        self._again_at[asked] = time.monotonic() + AGAIN_S
        if child.returncode and not self._stopping.is_set():
            logger().error("roots_not_made", as_of=str(asked.as_of), known_at=asked.known_at, code=child.returncode)


def due(events: Iterable[Event], roots: Path) -> list[Asked]:
    """The pairs of clocks whose trees are to be folded: of reports without roots, and of roots without trees here.

    What other rules stated cannot be folded by ours; its proofs are those that were made before.
    """
    sealed, stated = dict[Asked, None](), dict[Asked, None]()
    for event in events:
        if event.type == SEALED:
            sealed[Asked(parse_date(event.data["as_of"]), event.data["known_at"])] = None
        elif event.type == ROOTED:
            asked = Asked(parse_date(event.data["as_of"]), event.data["known_at"])
            sealed.pop(asked, None)
            if event.data["ruleset"] == ruleset():
                stated[asked] = None
    missing = [asked for asked in stated if not (folder_of(roots, *asked) / TREES).exists()]
    return [*(asked for asked in sealed if asked not in stated), *missing]


def main() -> None:
    """Make what is asked for."""
    asked = orjson.loads(sys.stdin.buffer.read())
    die_with(asked["parent"])
    os.nice(NICE)
    try:
        state_roots(asked["conninfo"], Path(asked["roots"]), Asked(parse_date(asked["as_of"]), asked["known_at"]))
    except (TaizhangError, psycopg.Error, OSError) as fault:
        sys.exit(f"roots not made: {fault}")


if __name__ == "__main__":
    main()
