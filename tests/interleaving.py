"""Acts run at the same time, one step of one of them at a time, in an order that a seed decides."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from random import Random
from typing import Any

from services.intake.intake import Intake
from services.log.turns import Turn


class Actor:
    """One act in a thread of its own, which goes on only when it is told to, and stops at each pause."""

    def __init__(self, name: str, work: Callable[["Actor"], None]) -> None:
        self.name = name
        self._may_go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = False
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    def _run(self, work: Callable[["Actor"], None]) -> None:
        self._may_go.acquire()
        try:
            work(self)
        except BaseException as fault:  # noqa: BLE001 - given on to whoever steps
            self.fault = fault
        self.ended = True
        self._paused.release()

    def pause(self) -> None:
        """Called within the work: let others go on."""
        self._paused.release()
        self._may_go.acquire()

    def step(self) -> None:
        """Let it go on to its next pause, or to its end."""
        self._may_go.release()
        assert self._paused.acquire(timeout=60), f"{self.name} waits for something that nobody gives it"
        if self.fault is not None:
            raise self.fault


def interleave(actors: list[Actor], rng: Random) -> None:
    """Run all to their end, a step of one at a time."""
    going = list(actors)
    while going:
        actor = rng.choice(going)
        actor.step()
        if actor.ended:
            going.remove(actor)


@contextmanager
def paused_at_the_gate(intake: Intake, pause: Callable[[], None], decided: Callable[[], None]) -> Any:  # noqa: ANN401 - a context
    """Within, whoever writes by this intake pauses before the gate, and after the commit, before it is answered.

    `decided` is called while the gate is held.
    """
    recorder, writer = intake.recorder, intake.writer
    take_turn, write = recorder.take_turn, writer.write

    def taken(cursor: Any) -> Turn:  # noqa: ANN401 - psycopg's
        # The pause is the scheduler's, as long as the others' steps take: no session that hangs.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        pause()
        turn = take_turn(cursor)
        decided()
        return turn

    def written(work: Any) -> Any:  # noqa: ANN401 - the writer's
        result = write(work)
        pause()
        return result

    recorder.take_turn, writer.write = taken, written  # type: ignore[method-assign]
    try:
        yield
    finally:
        del recorder.take_turn, writer.write
