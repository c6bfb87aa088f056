"""What a list would publish: its plan, by which the differences and the list's own statement become events."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from domain.events.lists import KEPT_ROWS_MAX, ROWS_A_PIECE
from domain.fieldwork.list_elsewhere import Elsewhere, Lacking
from domain.fieldwork.list_said import Said
from domain.fieldwork.list_sets import Settled, lists_of, settle
from domain.fieldwork.list_statements import STATED, Kept, Part, Statement
from domain.fieldwork.lists import Listed, as_bytes, named
from services.ledger.projector import fits
from services.lists.elsewhere import ORGANIZATIONS_MAX
from services.lists.facts import Heard
from services.lists.scratch import Scratch

SAMPLES_MAX: Final = 10
# What one turn at the log publishes, whole or not at all; a longer plan takes several.
TURN_EVENTS_MAX: Final = 10_000
_KINDS: Final = {
    "taizhang.organization.registered.v1": "registered",
    "taizhang.organization.changed.v1": "changed",
    "taizhang.organization.deregistered.v1": "deregistered",
    "taizhang.event.retracted.v1": "retracted",
    "taizhang.event.corrected.v1": "brought_back",
    STATED: "stated",
}
Ask = Callable[[Sequence[str]], Elsewhere]
Pair = tuple[str, list[Said], Listed | None]


@dataclass(slots=True)
class Plan:
    """What a list would publish, decided as known at a position.

    Attributes:
        position: of the log, on which it was decided.
        part: which part of the source's stock the list is.
        publishes: events by kind.
        about: organizations by which it was decided that another source has or has ended them.
        sources: those sources.
        elsewhere: organizations left out that another source has: they stay.
        lacking: organizations that the source has after the list, and the ledger does not, the first ten.
        lacking_count: how many.
        gone: organizations that were active at a list's date and would not be.
        digest: of all that it would publish.
    """

    position: int
    part: Part
    publishes: Counter[str] = field(default_factory=Counter)
    about: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    elsewhere: int = 0
    lacking: list[Lacking] = field(default_factory=list)
    lacking_count: int = 0
    gone: int = 0
    kept_rows: int = 0
    digest: str = ""

    @property
    def name(self) -> str:
        """What a person confirms: the position that it was decided on, and its digest."""
        return f"{self.position}-{self.digest}"

    @property
    def events(self) -> int:
        """How many events it would publish, the list's statement among them."""
        return self.publishes.total()

    @property
    def differences(self) -> int:
        """How many of them are not the statement."""
        return self.events - self.publishes["stated"]

    def as_json(self) -> dict[str, Any]:
        """As reports show it."""
        return {
            "name": self.name, "position": self.position, "digest": self.digest,
            "publishes": {name: self.publishes[name] for name in _KINDS.values()},
        }  # fmt: skip


class Planner:
    """Goes through the organizations of a list and of its source, and keeps what is to be published in `scratch`."""

    def __init__(  # noqa: PLR0917 - one list
        self, source: str, new: Statement, sha256: str, heard: Heard, scratch: Scratch, ask: Ask
    ) -> None:
        self.plan = Plan(heard.position, new.part)
        self._source, self._new, self._sha256 = source, new, sha256
        self._heard, self._scratch, self._ask = heard, scratch, ask
        self._lists, self._replaced = lists_of(source, heard.stated, new, fits)
        self._otherwise: dict[str, Kept] = {}
        self._differs = False
        self._digest = hashlib.sha256(f"{source} {new.as_of} {new.part}".encode())

    def settled(self, pairs: Iterable[Pair]) -> Iterator[tuple[str, Settled]]:
        """Every organization as it would be after the list; at the end the plan is complete."""
        asked: list[Pair] = []
        for pair in pairs:
            org, said, row = pair
            found = settle(self._lists, org, said, row)
            if not found.drops and org not in self._heard.ended:
                yield org, self._taken(org, found)
                continue
            asked.append(pair)
            if len(asked) == ORGANIZATIONS_MAX:
                yield from self._beside_others(asked)
                asked.clear()
        if asked:
            yield from self._beside_others(asked)
        self._state()
        self.plan.digest = self._digest.hexdigest()[:32]

    def _beside_others(self, pairs: Sequence[Pair]) -> Iterator[tuple[str, Settled]]:
        """Those that the list leaves out or another source has ended, beside what the others have of them."""
        others = self._ask([org for org, _, _ in pairs])
        self.plan.about.update(org for org, _, _ in pairs)
        self.plan.sources.update(others.stated)
        for org, said, row in pairs:
            found = settle(self._lists, org, said, row, lambda day, org=org: others.has(org, day))  # type: ignore[misc]  # org is bound
            self._note_lacking(others, org, said, found)
            yield org, self._taken(org, found)

    def _note_lacking(self, others: Elsewhere, org: str, said: Sequence[Said], found: Settled) -> None:
        if found.after is None or found.change in (None, "elsewhere"):
            return
        stated = (each for of_day in self._lists.by_date.values() for each in of_day)
        lacking = others.lacking(org, found.facts, said, stated, self._new.as_of)
        if lacking is not None:
            self.plan.lacking_count += 1
            if len(self.plan.lacking) < SAMPLES_MAX:
                self.plan.lacking.append(lacking)

    def _taken(self, org: str, found: Settled) -> Settled:
        plan = self.plan
        for event in found.events:
            self._keep(event.type, as_bytes(event))
        plan.elsewhere += found.change == "elsewhere"
        plan.gone += found.gone
        self._differs |= found.differs
        if found.row is not None:
            plan.kept_rows += 1
            if plan.kept_rows <= KEPT_ROWS_MAX:
                self._otherwise[org] = found.row
        return found

    def _keep(self, type_: str, raw: bytes) -> None:
        self.plan.publishes[_KINDS[type_]] += 1
        self._digest.update(raw)
        self._scratch.keep(raw)

    def _state(self) -> None:
        """The statement that the list came, unless the one before says all of it."""
        new = self._new._replace(otherwise=self._otherwise)
        same = self._lists.same
        if same is not None and self._replaced == [same] and not self._differs and _content(same) == _content(new):
            return
        for data in _pieces(self._source, self._sha256, new, sorted(each.digest for each in self._replaced)):
            self._keep(STATED, as_bytes(named(self._source, STATED, data, new.as_of, 0)))


def _content(statement: Statement) -> tuple[object, ...]:
    """What a statement says, apart from when, of which file, and against which words of persons."""
    otherwise = {org: kept for org, kept in statement.otherwise.items() if not kept.settled}
    return (
        sorted(statement.fields), statement.reason, statement.rows, otherwise, statement.listed, statement.unread,
    )  # fmt: skip


def _pieces(source: str, sha256: str, new: Statement, replaces: list[str]) -> Iterator[dict[str, Any]]:
    """The data of the events that state a list."""
    otherwise = [
        {"org": org, "fields": kept.fields, **({"settled": True} if kept.settled else {})}
        for org, kept in sorted(new.otherwise.items())
    ]
    listed = sorted(new.listed)
    data: dict[str, Any] = {
        "effective_on": new.as_of.isoformat(), "list": source, "fields": list(new.fields), "reason": new.reason,
        "rows": new.rows, "sha256": sha256, "replaces": replaces,
        **({} if new.part.is_whole else {"part": new.part.as_json()}),
        **({"unread": list(new.unread)} if new.unread else {}),
    }  # fmt: skip
    said = json.dumps([data, otherwise, listed], sort_keys=True, default=str).encode()
    statement = hashlib.sha256(said).hexdigest()[:32]
    count = max(-(-len(otherwise) // ROWS_A_PIECE), -(-len(listed) // ROWS_A_PIECE), 1)
    for number in range(count):
        of_piece = slice(number * ROWS_A_PIECE, (number + 1) * ROWS_A_PIECE)
        yield {
            **data, "statement": statement, "piece": number + 1, "pieces": count,
            "otherwise": otherwise[of_piece], "listed": listed[of_piece],
        }  # fmt: skip


def new_statement(  # noqa: PLR0917 - one list
    as_of: date, part: Part, fields: Iterable[str], reason: str, rows: int, listed: Iterable[str]
) -> Statement:
    """The list that is compared, before it has a name."""
    return Statement(as_of, part, "", tuple(sorted(fields)), reason, rows, 0, {}, frozenset(listed))
