"""The dirt of real feeds: late, repeated, corrected, retracted and broken messages.

Every fact takes one role, dealt from shuffled blocks, so that the shares hold in any thousand
lines. Whatever the role, the facts that stand in the end are the true ones: a wrong version is
corrected, what never was is retracted, a broken message sent again or of no consequence.
"""

import heapq
import random
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Final

import orjson

from services.demo_city import mistakes
from services.demo_city.chance import DAY_SECONDS, between, instant
from services.demo_city.county import County
from services.demo_city.facts import Fact
from services.demo_city.mistakes import Message

RUN_LINES: Final = 150_000
"""Lines held in memory at once, some 70 MB; more go to a temporary file, run by run."""
_KEY_LENGTH: Final = 24


def in_order_of_arrival(lines: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """The lines by their second of arrival, without it; those of one second as they came.

    Each line gets its key in front, so that bytes compare as arrivals do.
    """
    with ExitStack() as files:
        runs: list[IO[bytes]] = []
        run: list[bytes] = []
        for number, (second, line) in enumerate(lines):
            run.append(b"%013d%010d:%b\n" % (second, number, line))
            if len(run) == RUN_LINES:
                runs.append(files.enter_context(tempfile.TemporaryFile(buffering=1 << 18)))
                _write(runs[-1], run)
                run = []
        run.sort()
        for keyed in heapq.merge(*runs, run) if runs else run:
            yield keyed[_KEY_LENGTH:]


def _write(file: IO[bytes], run: list[bytes]) -> None:
    run.sort()
    file.writelines(run)
    file.seek(0)


LATE_DAYS_MAX: Final = 120
_LATE_DAYS_MIN: Final = 5
# In a thousand lines: 982 facts with these roles, and the 18 lines that the roles add.
ROLES: Final = (
    ("late", 30),
    ("repeated", 10),
    ("corrected", 4),
    ("retracted", 1),
    ("broken", 2),
    ("plain", 935),
)
_REPAIRED: Final = 0.7
"""Of the broken messages: sent again, whole, under the same name."""
_CONFLICTING: Final = 0.03
"""Of the repeats: under a known name, but with another content."""
_REWRITTEN: Final = 0.4
"""Of the repeats: the same content in another order of keys, with white space."""

Line = tuple[int, bytes]
"""The second of arrival (from day ordinal 0, local time), and the bytes of one line."""


class Feed:
    """Sends one county's facts, each with a name of its own, as the registries would."""

    def __init__(self, county: County, rng: random.Random) -> None:
        self.county = county
        self.rng = rng
        self._number = 0
        self._roles = _dealt(rng)
        self._owed: list[str] = []

    def lines(self, facts: Iterable[Fact]) -> Iterator[Line]:
        """Every line that the facts give rise to, in no order."""
        for fact in facts:
            role = next(self._roles)
            if role == "plain" and self._owed:
                role = self._owed.pop()
            if role == "plain":
                message, sent = self._message(fact)
                yield self._arrival(sent), orjson.dumps(message)
            else:
                yield from self._dirty(role, fact)

    def _dirty(self, role: str, fact: Fact) -> Iterator[Line]:
        rng = self.rng
        if role == "late":
            message, sent = self._message(fact)
            yield self._late(sent), orjson.dumps(message)
        elif role == "repeated":
            yield from self._repeated(fact)
        elif role == "broken":
            yield from self._broken(fact)
        elif role == "corrected" and (wrong := mistakes.wrong_version(self.county, rng, fact)) is not None:
            yield from self._corrected(fact, wrong)
        elif role == "retracted" and (untrue := mistakes.never_was(rng, fact)) is not None:
            yield from self._retracted(fact, untrue)
        else:
            # No mistake of that sort fits this fact: the next plain one takes the role.
            self._owed.append(role)
            message, sent = self._message(fact)
            yield self._arrival(sent), orjson.dumps(message)

    def _name(self) -> str:
        self._number += 1
        return f"{self.county.plan.code}-{self._number:07d}"

    def _message(self, fact: Fact) -> tuple[Message, int]:
        """The event, and the second at which its registry says so: in office hours of the day or soon after."""
        drawn = self.rng.random()
        day = fact.day if drawn < 0.8 else fact.day + 1 + int((drawn - 0.8) * 15)
        second = 30_600 + int(self.rng.random() * 32_400)
        message: Message = {
            "specversion": "1.0", "id": self._name(), "source": fact.source, "type": f"taizhang.{fact.type}.v1",
            "time": instant(day, second), "subject": fact.subject, "data": fact.data,
        }  # fmt: skip
        if fact.subject is None:
            del message["subject"]
        return message, day * DAY_SECONDS + second

    def _word(self, kind: str, about: Message, sent: int, said: Message) -> Line:
        """A correction or retraction as it arrives, sent at a second."""
        return self._arrival(sent), orjson.dumps(self._said(kind, about, sent, said))

    def _said(self, kind: str, about: Message, sent: int, said: Message) -> Message:
        """The event of a correction or retraction, by the target's own source."""
        day, second = divmod(sent, DAY_SECONDS)
        named = {"source": about["source"], "id": about["id"]}
        verb = "corrects" if kind == "corrected" else "retracts"
        return {
            "specversion": "1.0", "id": self._name(), "source": about["source"], "type": f"taizhang.event.{kind}.v1",
            "time": instant(day, second), "data": {verb: named, **said},
        }  # fmt: skip

    def _arrival(self, sent: int) -> int:
        """Most within two hours, some the next day."""
        drawn = self.rng.random()
        return sent + (60 + int(drawn * 8_400) if drawn < 0.85 else int(drawn * 100_000))

    def _late(self, sent: int) -> int:
        return sent + between(self.rng, _LATE_DAYS_MIN * DAY_SECONDS, LATE_DAYS_MAX * DAY_SECONDS)

    def _soon(self, sent: int, days_max: int) -> int:
        """Another office hour, one to some days on."""
        day = sent // DAY_SECONDS + between(self.rng, 1, days_max)
        return day * DAY_SECONDS + 30_600 + int(self.rng.random() * 32_400)

    def _repeated(self, fact: Fact) -> Iterator[Line]:
        message, sent = self._message(fact)
        raw, arrival = orjson.dumps(message), self._arrival(sent)
        yield arrival, raw
        drawn = self.rng.random()
        if drawn < _CONFLICTING:
            day, second = divmod(sent + 3_600, DAY_SECONDS)
            raw = orjson.dumps({**message, "time": instant(day, second)})
            yield arrival + between(self.rng, DAY_SECONDS, 5 * DAY_SECONDS), raw
            return
        if drawn < _REWRITTEN:
            raw = orjson.dumps(dict(reversed(message.items()))).replace(b'","', b'", "')
        yield arrival + int(self.rng.random() ** 3 * 10 * DAY_SECONDS), raw

    def _broken(self, fact: Fact) -> Iterator[Line]:
        message, sent = self._message(fact)
        raw, arrival = orjson.dumps(message), self._arrival(sent)
        if self.rng.random() < _REPAIRED:
            yield arrival, mistakes.broken(self.rng, message)
            yield arrival + between(self.rng, DAY_SECONDS, 15 * DAY_SECONDS), raw
        else:
            yield arrival, raw
            yield self._arrival(sent), mistakes.broken(self.rng, {**message, "id": self._name()})

    def _corrected(self, fact: Fact, wrong: Fact) -> Iterator[Line]:
        drawn = self.rng.random()
        right: Message = {"replacement": fact.data, "reason": "录入有误，以原始凭证为准"}
        if drawn < 0.04:
            # Arrives before its target and does not fit it: held, then without effect.
            message, sent = self._message(fact)
            unfit: Message = {"replacement": {"employees": "十二"}, "reason": "系统迁移"}
            yield self._word("corrected", message, self._soon(sent, 3), unfit)
            yield sent + between(self.rng, 10 * DAY_SECONDS, LATE_DAYS_MAX * DAY_SECONDS), orjson.dumps(message)
            return
        message, sent = self._message(wrong)
        yield (self._late(sent) if drawn > 0.92 else self._arrival(sent)), orjson.dumps(message)
        said = self._soon(sent, 45)
        if drawn < 0.12:
            # First taken back, then brought back by the correction.
            yield self._word("retracted", message, said, {"reason": "重复录入"})
            said = self._soon(said, 20)
        correction = self._said("corrected", message, said, right)
        yield self._arrival(said), orjson.dumps(correction)
        if 0.12 <= drawn < 0.18:
            # Taking a correction back has no effect: only facts can be retracted.
            yield self._word("retracted", correction, self._soon(said, 20), {"reason": "误更正"})

    def _retracted(self, fact: Fact, untrue: Fact) -> Iterator[Line]:
        message, sent = self._message(fact)
        yield self._arrival(sent), orjson.dumps(message)
        if self.rng.random() < 0.04:
            never_sent: Message = {**message, "id": f"{self._name()}-lost"}
            yield self._word("retracted", never_sent, self._soon(sent, 30), {"reason": "原事件已撤销"})
            return
        message, sent = self._message(untrue)
        yield self._arrival(sent), orjson.dumps(message)
        yield self._word("retracted", message, self._soon(sent, 40), {"reason": "误报"})


def _dealt(rng: random.Random) -> Iterator[str]:
    """Roles without end, each block shuffled anew."""
    block = [role for role, count in ROLES for _ in range(count)]
    while True:
        rng.shuffle(block)
        yield from block
