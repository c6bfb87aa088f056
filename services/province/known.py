"""What a province knows of its cities, and what their reports add up to, at any state of knowledge."""

from datetime import date
from typing import Final, NamedTuple

from domain.events.facts import Event, Fact, standing_facts
from domain.events.province import CITY, REPORT
from domain.province.cities import City, cities
from domain.province.reports import Head, Refusal, Report, brought, forked, heads_of
from domain.province.sums import Sum, add_up
from services.ledger.projector import fits
from services.ledger.queries import Queries
from services.ledger.traces import events_about
from services.ledger.view import PinnedView
from services.system.errors import InvalidValueError, NotFoundError

FAMILIES: Final = (CITY, REPORT)


class Known(NamedTuple):
    """A city's log as the province knows it, and what of it is in doubt."""

    city: City
    heads: list[Head]
    doubted: list[Head]


def events_of(queries: Queries, known_at: int) -> list[Event]:
    """The events that speak of cities and of what was asked of them, as known at a position."""
    with queries.connection() as connection:
        return events_about(connection, queries.view.current.reading, FAMILIES, known_at)


def facts_of(events: list[Event]) -> list[Fact]:
    """Those that stand, in canonical order."""
    return standing_facts(events, fits)[0]


def sum_of(queries: Queries, as_of: date, known_at: int, today: date) -> Sum:
    """The figures of a date.

    Raises:
        NotFoundError: nothing was asked for it.
    """
    facts = facts_of(events_of(queries, known_at))
    found = add_up(facts, as_of, today)
    if found is None:
        dates = sorted({str(each.as_of) for each in brought(facts).asked.values()})
        raise NotFoundError(
            f"no report was asked of the cities as of {as_of}, as known at position {known_at}; asked for are: "
            f"{', '.join(dates) or 'none'}. taizhang province ask asks for one"
        )
    figures = [each for city in found.cities if city.counts is not None for each in city.counts.values()]
    if isinstance(queries.view, PinnedView) and any(each.registered == 1 for each in figures):
        queries.view.told_of_one = True
    return found


def city_in(facts: list[Fact], name: str, today: date) -> Known:
    """A city that belongs to the province today.

    Raises:
        NotFoundError: there is none of this name.
        InvalidValueError: another one of the list has the same log.
    """
    members = {each.city: each for each in cities(facts, today)[0].values() if each.left_on is None}
    found = members.get(name)
    if found is None:
        raise NotFoundError(f"{name} is no city of this province on {today}; GET /v1/province/cities lists them")
    twins = [each.city for each in members.values() if each.origin == found.origin and each.city != name]
    if twins:
        raise InvalidValueError(
            f"{', '.join([name, *twins])} go by one log, {found.origin}, and would be counted twice: let all but one "
            "leave (city.left), or correct the origin"
        )
    told = brought(facts)
    return Known(found, heads_of(told, name), [each.head for each in forked(told, name)])


def taken(facts: list[Fact], city: str, file: str) -> Report | Refusal | None:
    """What was found of a city's file; None where it was never brought."""
    told = brought(facts)
    of: list[Report | Refusal] = [*told.reports, *told.refusals]
    return next((each for each in of if (each.city, each.file) == (city, file)), None)


class Listed(NamedTuple):
    """A city of the list: the heads of its log that are known, and how many files of it hold, or do not."""

    city: City
    heads: list[Head]
    reports: int
    findings: int


def list_of(queries: Queries, as_of: date, known_at: int) -> list[Listed]:
    """The cities that had joined by a date, as known at a position."""
    facts = facts_of(events_of(queries, known_at))
    told = brought(facts)
    return [
        Listed(
            each, heads_of(told, each.city), sum(report.city == each.city for report in told.reports),
            sum(refusal.city == each.city for refusal in told.refusals),
        )
        for each in cities(facts, as_of)[0].values()
    ]  # fmt: skip
