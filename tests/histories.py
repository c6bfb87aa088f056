"""Random histories for property tests: small and busy worlds in which facts meet, contradict and arrive late.

Everything is drawn by hypothesis, so that a history that breaks a law shrinks to the few facts that do it. How often
what can go wrong does occur is measured (`tests/power.py`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.events.envelope import check_data, read_event
from domain.events.facts import Event
from tests.fact_data import (
    BRANCHES,
    BUSY,
    DATA,
    DATA_TO_COME,
    DAYS,
    DAYS_TO_COME,
    MEMBERS,
    NAMES,
    NAMES_TO_COME,
    days_to_come,
    formations,
    registered,
)

Delivery = dict[str, Any]
SOURCES = ["/registry/market", "/registry/members", "/office"]
# Few instants, one written in two ways and some told apart by their fraction alone: facts and words tie in time.
TIMES = [
    "2024-03-01T01:00:00Z", "2024-03-01T09:00:00+08:00", "2024-03-01T01:00:00.05Z", "2024-03-01T01:00:00.12345Z",
    "2024-03-01T01:00:00.123450001Z", "2024-02-29T23:59:59.999999999Z",
]  # fmt: skip
NUMBERS = count(1)
WORDS_MAX = 6
NAMES_MAX = 78
often: st.SearchStrategy[bool] = st.integers(0, 31).map(bool)
seldom = st.integers(0, 5).map(lambda n: n == 1)
sometimes = st.integers(0, 2).map(lambda n: n == 1)
# How many places later than it was said a fact arrives.
late = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 3, 9, 40])
early_days = st.integers(0, 3)
mid_days = st.integers(4, 9)


class Said(NamedTuple):
    """A fact before it has a name and a place in the log."""

    name: str
    day: str
    data: dict[str, Any]


@st.composite
def _founding(draw: st.DrawFn, days: list[str]) -> list[Said]:
    """What most histories begin with: active organizations, a branch that covers them, members at the first."""
    said = [
        Said("organization.registered", days[draw(early_days)], draw(registered(org))) for org in BUSY if draw(often)
    ]
    formed = {"name": "支部", "tier": "branch", "region": "510104"}
    if draw(often):
        covers = draw(st.sampled_from([BUSY, BUSY, BUSY, BUSY[:2]]))
        first = {**formed, "branch": BRANCHES[0], "formation": draw(formations), "covers": covers}
        said.append(Said("branch.formed", days[draw(early_days)], first))
        if draw(st.booleans()):
            left = {"branch": BRANCHES[0], "drop": [draw(st.sampled_from(covers[1:]))]}
            said.append(Said("branch.coverage_changed", days[draw(mid_days)], left))
    if draw(often):
        second = {**formed, "branch": BRANCHES[1], "formation": draw(formations), "covers": BUSY[:1]}
        said.append(Said("branch.formed", days[draw(early_days)], second))
    # Most often exactly as many as make an organization eligible.
    full = draw(st.sampled_from([0, 3, 3, 3, 3, 3, 2, 4]))
    said += [
        Said("member.enrolled", days[draw(early_days)], {"member": member, "standing": "full", "org": BUSY[0]})
        for member in MEMBERS[:full]
    ]
    if draw(st.sampled_from([False, True, True])):
        reason = {"org": draw(st.sampled_from(BUSY[1:])), "reason": "not_operating"}
        said.append(Said("organization.excluded", days[draw(mid_days)], reason))
    return said


@st.composite
def _founding_bodies(draw: st.DrawFn, days: list[str]) -> list[Said]:
    """Bodies and who stands under them; some move their top under one of its own, are left, closed or made anew."""
    parks = {"kind": "park", "name": "园"}
    said = [
        Said("body.created", days[draw(early_days)], {"body": "body:parks", **parks}),
        Said("body.created", days[draw(early_days)], {"body": "body:park-1", **parks, "parent": "body:parks"}),
        Said("organization.placed", days[draw(early_days)], {"org": BUSY[0], "body": "body:park-1"}),
    ]
    if draw(sometimes):
        said.append(Said("body.changed", days[draw(mid_days)], {"body": "body:parks", "parent": "body:park-1"}))
    if draw(sometimes):
        said.append(Said("organization.placed", days[draw(mid_days)], {"org": BUSY[0], "body": "body:park-2"}))
        said.append(Said("body.created", days[draw(mid_days)], {"body": "body:park-2", **parks}))
        said.append(Said("organization.unplaced", days[draw(mid_days)], {"org": BUSY[0], "body": "body:park-1"}))
    said += [
        Said("basis.adopted", days[draw(early_days)], {**draw(DATA["basis.adopted"]), "name": name})
        for name in ("legal_units", "large")
    ]
    if draw(sometimes):
        closed = {"body": draw(st.sampled_from(["body:park-1", "body:park-2"]))}
        said.append(Said("body.closed", days[draw(mid_days)], closed))
    return said


@st.composite
def _founding_to_come(draw: st.DrawFn) -> list[Said]:
    """What of types to come most histories begin with: what a living branch is, bodies, and who stands under them."""
    days = DAYS_TO_COME

    def begins(name: str, data: dict[str, Any]) -> Said:
        return Said(name, days[draw(early_days)], data)

    said = []
    if draw(often):
        said.append(begins("activity_policy.adopted", draw(DATA_TO_COME["activity_policy.adopted"])))
    if draw(st.booleans()):
        elsewhere = {"member": MEMBERS[4], "standing": "full", "org": BUSY[0], "relation": "elsewhere"}
        said.append(begins("member.enrolled", elsewhere))
        counted = {"employees_for_branch": 100, "formations_counted": ["standalone", "joint", "affiliated"]}
        four = {"full_members_for_branch": 4, "members_counted": "here_and_elsewhere", **counted}
        said.append(begins("policy.adopted", four))
    branch = {"branch": BRANCHES[0]}
    if draw(sometimes):
        said.append(Said("branch.secretary_reported", days[draw(mid_days)], {**branch, "state": "vacant"}))
    if draw(often):
        said.append(begins("branch.term_began", {**branch, "to": draw(days_to_come)}))
        said.append(Said("branch.term_extended", days[draw(mid_days)], {**branch, "to": "2025-03-31"}))
    said += [
        Said("branch.meeting_held", day, {"branch": BRANCHES[0], "kind": "general", "quorate": True})
        for day in days[2::2]
        if draw(st.booleans())
    ]
    return said


@st.composite
def _happening(draw: st.DrawFn, days: list[str], *, to_come: bool) -> Said:
    name = draw(st.sampled_from(NAMES_TO_COME if to_come else NAMES))
    data = draw((DATA_TO_COME if to_come else DATA)[name])
    return Said(name, draw(st.sampled_from(days)), data)


def _event(said: Said, identity: tuple[str, str], time: str) -> Delivery:
    source, id_ = identity
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"taizhang.{said.name}.v1",
        "time": time,
        "data": {"effective_on": said.day, **said.data},
    }


@st.composite
def _word(draw: st.DrawFn, identity: tuple[str, str], facts: list[Delivery], *, to_come: bool) -> Delivery:
    """A correction or retraction; of few targets, so that many words meet at one."""
    never = {"source": "/office", "id": "never", "type": "taizhang.organization.registered.v1", "data": {}}
    target = draw(st.sampled_from([*facts[-2:] * 6, *facts, never]))
    about = {"source": target["source"], "id": target["id"]}
    event = {
        "specversion": "1.0",
        "id": identity[1],
        "source": identity[0],
        "time": draw(st.sampled_from(TIMES)),
    }
    if draw(st.sampled_from([False, False, True])):
        data: dict[str, Any] = {"retracts": about, "reason": "annulled"}
        return {**event, "type": "taizhang.event.retracted.v1", "data": data}
    name = target["type"].removeprefix("taizhang.").removesuffix(".v1")
    replacement: dict[str, Any] = {"org": "nonsense"}
    data_of = DATA_TO_COME if to_come else DATA
    # The specification says nothing of acts of offices: theirs always fit.
    if name == "signals.adopted" or (name in data_of and draw(often)):
        kept = {key: value for key, value in target["data"].items() if key != "effective_on"}
        # The same with another date, or something else of the type: often about somebody else.
        the_same = bool(kept) and draw(seldom)
        replacement = kept if the_same else draw(data_of[name])
    replacement = {"effective_on": draw(st.sampled_from(DAYS_TO_COME if to_come else DAYS)), **replacement}
    data = {"corrects": about, "replacement": replacement, "reason": "corrected"}
    return {**event, "type": "taizhang.event.corrected.v1", "data": data}


def _identities(begin: int, step: int) -> Iterator[tuple[str, str]]:
    """Names that share their ids between sources, and whose order as texts is not that of their numbers."""
    pool = [(source, f"e{n}") for n in range(7, 7 + NAMES_MAX // len(SOURCES)) for source in SOURCES]
    return (pool[(begin + step * n) % len(pool)] for n in range(len(pool)))


@st.composite
def deliveries(
    draw: Callable[[st.SearchStrategy[Any]], Any], facts_max: int = 30, *, to_come: bool = False
) -> list[Delivery]:
    """CloudEvents in order of arrival: facts, corrections and retractions, late, early and in any order.

    With `to_come` of all types that the specification has, else of those that the product takes.
    """
    days = DAYS_TO_COME if to_come else DAYS
    happening = _happening(days, to_come=to_come)
    said = draw(_founding(days))
    if draw(st.sampled_from([False, True, True])):
        said += draw(_founding_bodies(days))
    if to_come:
        said += draw(_founding_to_come())
    said += [draw(happening) for _ in range(draw(st.integers(1, max(1, facts_max - 12))))]
    # Steps that have no divisor in common with the number of names reach each.
    names = _identities(draw(st.integers(0, NAMES_MAX - 1)), draw(st.sampled_from([1, 7, 11])))
    facts = [_event(each, next(names), draw(st.sampled_from(TIMES))) for each in said]
    words = [draw(_word(next(names), facts, to_come=to_come)) for _ in range(draw(st.integers(0, WORDS_MAX)))]
    if words and draw(sometimes):
        # A word about a word has no effect but an anomaly.
        words.append(draw(_word(next(names), words, to_come=to_come)))
    places = [(number + draw(late), event) for number, event in enumerate(facts)]
    places += [(draw(st.integers(0, len(facts) + 2)), word) for word in words]
    return [event for _, event in sorted(places, key=lambda place: place[0])]


class Question(NamedTuple):
    """A question about state, in the words of the API; a filter's None means that the value is lacking."""

    as_of: date
    known_at: int
    group_by: tuple[str, ...]
    filters: Mapping[str, Any]


GROUPINGS = [
    (), ("industry",), ("kind",), ("industry", "kind"), ("category",), ("region:6", "industry"), ("formation",),
    ("measure",), ("region:9", "formation"), ("region:2", "region:4"), ("region:12", "measure", "industry"),
    ("body:park",), ("body:park:1",), ("body:park:2", "kind"), ("body:industry_department",),
    ("body:supervising_unit",), ("body:park:9", "body:park"),
]  # fmt: skip
FILTERS: list[dict[str, Any]] = [
    {"region": "51"}, {"region": "510104"}, {"region": "5101040"}, {"kind": "new_economic"},
    {"category": "private_enterprise"}, {"category": "foundation"}, {"industry": "I"}, {"industry": "I64"},
    {"industry": None}, {"formation": "joint"}, {"formation": "standalone"}, {"formation": None},
    {"measure": "combine"}, {"measure": "establish"}, {"work_covered": True}, {"work_covered": False},
    {"eligible": True}, {"eligible": False}, {"kind": "new_economic", "eligible": True, "region": "510"},
    {"body": "body:parks"}, {"body": "body:park-1"}, {"body": "body:park-2", "kind": "new_social"}, {"basis": "large"},
    {"basis": "legal_units"}, {"basis": "all"}, {"body": "body:parks", "basis": "large"},
]  # fmt: skip
FILTERS_TO_COME: list[dict[str, Any]] = [
    {"effectively_covered": True}, {"effectively_covered": False},
]  # fmt: skip
BASES: list[dict[str, Any]] = [each for each in FILTERS if "basis" in each]
# From the day before the first on; those on which all has happened more often.
ASKED_DAYS = [
    date.fromisoformat(DAYS[0]) + timedelta(days=n) for n in (*range(len(DAYS) - 1, 2, -1), *range(4, 12), 2, 1, 0, -1)
]


@st.composite
def questions(draw: st.DrawFn, positions: int, *, to_come: bool = False) -> list[Question]:
    """Some questions of a history of so many positions: of the whole of it, and of what was known before."""
    groupings = st.sampled_from(GROUPINGS)
    filters = st.sampled_from([*[{}] * 60, *BASES * 4, *FILTERS, *(FILTERS_TO_COME if to_come else ())])
    days = st.sampled_from([date.fromisoformat(day) for day in DAYS_TO_COME[2:]] if to_come else ASKED_DAYS)
    return [
        Question(draw(days), positions - (draw(st.integers(0, positions)) // early), draw(groupings), draw(filters))
        for early in (positions + 1, positions + 1, positions + 1, 4, 1)
    ]


@st.composite
def worlds(
    draw: Callable[[st.SearchStrategy[Any]], Any], facts_max: int = 30, *, to_come: bool = False
) -> tuple[list[Delivery], list[Question]]:
    """A history, and questions about it."""
    history = draw(deliveries(facts_max, to_come=to_come))
    return history, draw(questions(len(history), to_come=to_come))


def as_events(history: list[Delivery]) -> list[Event]:
    """The deliveries as accepted events, at dense positions from 1."""
    events = []
    for position, delivery in enumerate(history, 1):
        reading = read_event(json.dumps(delivery).encode())
        assert reading.event is not None, reading.reasons
        e = reading.event
        events.append(Event(position, e.source, e.id, e.type, e.time_ns, e.data))
    return events


def fits(type_: str, data: object) -> bool:
    """Whether a replacement fits a type."""
    return not check_data(type_, data)


def renamed(history: list[Delivery]) -> list[Delivery]:
    """The same facts under sources of their own, so that one log takes many histories."""
    number = next(NUMBERS)

    def new(source: str) -> str:
        return f"{source}/{number}"

    def about(data: dict[str, Any]) -> dict[str, Any]:
        named = (name for name in ("corrects", "retracts") if name in data)
        return {**data, **{name: {**data[name], "source": new(data[name]["source"])} for name in named}}

    return [{**each, "source": new(each["source"]), "data": about(each["data"])} for each in history]
