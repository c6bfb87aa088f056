"""What the reports of a province's cities add up to at a date, and what is lacking; counts are added, never rates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from domain.events.facts import Fact
from domain.ledger.rates import Counts, add
from domain.province.cities import cities
from domain.province.reports import Asked, Brought, Report, brought, forked
from domain.values.terms import KINDS, Kind

State = Literal[
    "counted", "missing", "contradicting", "another_policy", "other_rules", "figures_edited", "log_rewritten"
]
COUNTED: Final = "counted"
# A report that was sealed before a policy had these members is read with what they meant then.
_UNSAID: Final[Mapping[str, Any]] = {"members_counted": "here", "small_unit": 10}
# But for the one that has no answer where a city has no activity policy in force; then the total has none either.
_ALWAYS: Final = tuple(name for name in Counts._fields if name != "effectively_covered")
ByKind = dict[Kind, Counts]


class CityState(NamedTuple):
    """One city that is asked: where it stands, its counts if it is counted (None is no 0), and on what that rests.

    Attributes:
        late: it reported first after its due day, or has not and the day is over.
        words: what does not hold, or what differs; empty where it is counted.
        reports: of the date that stand, by name; of those superseded `superseded` has the names.
        unproved: how many of its report's groups no proof shows.
        positions: of the events that decide it, in the province's log.
    """

    city: str
    name: str
    region: str
    state: State
    counts: ByKind | None
    late: bool
    words: str
    reports: tuple[str, ...]
    superseded: tuple[str, ...]
    unproved: int
    positions: tuple[int, ...]


class Sum(NamedTuple):
    """A province's figures: complete where every city that is asked is counted, and there is one.

    `total` is of the cities that are counted, whatever is lacking.
    """

    asked: Asked
    cities: list[CityState]
    total: ByKind

    @property
    def complete(self) -> bool:
        """Whether nothing is lacking."""
        return bool(self.cities) and all(each.state == COUNTED for each in self.cities)

    @property
    def gaps(self) -> list[CityState]:
        """The cities that are in no sum."""
        return [each for each in self.cities if each.state != COUNTED]


def asked_of(found: Brought, as_of: date) -> Asked | None:
    """What was asked for a date last."""
    return next((each for each in reversed(found.asked.values()) if each.as_of == as_of), None)


def add_up(facts: Sequence[Fact], as_of: date, today: date) -> Sum | None:
    """The figures of a date from the facts that are known, in canonical order; None where nothing was asked for it.

    Args:
        facts: that stand among the province's own events.
        as_of: the date of the reports.
        today: by which what is missing is late, the day of the state of knowledge.
    """
    found = brought(facts)
    asked = asked_of(found, as_of)
    if asked is None:
        return None
    # Called as it is called now; in the province as it was at the date.
    names = cities(facts, max(as_of, today))[0]
    members = [each for each in cities(facts, as_of)[0].values() if each.left_on is None]
    stand = [
        _state(found, asked, city.city, today)._replace(name=names[city.city].name, region=city.region)
        for city in members
    ]
    return Sum(asked, stand, total_of(each.counts for each in stand))


def total_of(parts: Iterable[ByKind | None]) -> ByKind:
    """The sums by kind of those that are there."""
    total: ByKind = {kind: Counts() for kind in KINDS}
    for part in parts:
        for kind, counts in (part or {}).items():
            total[kind] = add(total[kind], counts)
    return total


def _state(found: Brought, asked: Asked, city: str, today: date) -> CityState:
    reports = [each for each in found.reports if (each.city, each.as_of) == (city, asked.as_of)]
    refused = [each for each in found.refusals if (each.city, each.as_of) == (city, asked.as_of)]
    gone = ({each.supersedes for each in reports} | {each.supersedes for each in refused}) - {None}
    stand = [each for each in reports if each.assessment not in gone]
    wrong = [each for each in refused if each.assessment not in gone and each.ground == "figures_edited"]
    rewritten = forked(found, city)
    late = min((each.taken_on for each in reports), default=today) > asked.due_on
    positions = [each.position for each in stand] + [each.position for each in (*wrong, *rewritten)]
    told = CityState(
        city, "", "", "missing", None, late, "", tuple(sorted({each.assessment for each in stand})),
        tuple(sorted(map(str, gone))), sum(each.unproved for each in stand[-1:]), tuple(sorted(positions)),
    )  # fmt: skip
    for against in (rewritten, wrong):
        if against:
            return told._replace(state=against[-1].ground, words=against[-1].words)
    if not stand:
        return told
    return _judged(told, stand, asked)


def _judged(told: CityState, stand: Sequence[Report], asked: Asked) -> CityState:
    last = stand[-1]
    for other in stand[:-1]:
        if _said(other) != _said(last):
            words = f"{other.assessment} and {last.assessment} are of one date, neither supersedes the other"
            return told._replace(state="contradicting", words=words)
    policy, due = {**_UNSAID, **last.policy}, {**_UNSAID, **asked.policy}
    if _plain(policy) != _plain(due):
        differ = ", ".join(sorted(name for name in due if _plain(policy).get(name) != _plain(due)[name]))
        return told._replace(state="another_policy", words=f"{last.assessment} rests on another policy: {differ}")
    if last.ruleset not in asked.rulesets:
        return told._replace(
            state="other_rules", words=f"{last.assessment} was made by the rules {last.ruleset}, not asked for"
        )
    lacking: list[str] = [kind for kind in KINDS if kind not in last.counts]
    lacking += sorted({name for each in last.counts.values() for name in _ALWAYS if name not in each})
    if lacking:
        return told._replace(state="other_rules", words=f"{last.assessment} does not count {', '.join(lacking)}")
    counts: ByKind = {kind: Counts._make(last.counts[kind].get(name) for name in Counts._fields) for kind in KINDS}
    return told._replace(state=COUNTED, counts=counts)


def _said(report: Report) -> tuple[object, ...]:
    return (report.counts, report.policy, report.ruleset)


def _plain(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, list) else value for name, value in policy.items() if value is not None
    }
