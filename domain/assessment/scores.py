"""Scores by a sheet (百分制): each item's points from exact rates, and what an office gave itself beside them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from domain.events.facts import Fact
from domain.events.scores import Measured
from domain.figures.ranking import exact
from domain.ledger.rates import Rate
from domain.values.decimals import decimal
from domain.values.terms import Kind, RateName

# The families of their facts.
SHEET: Final = "score_sheet"
REPORTED: Final = "score"
_PLACES: Final = 2


class Item(NamedTuple):
    """One line of a sheet, as adopted."""

    item: str
    title: str
    worth: str
    rate: RateName
    kind: Kind | None
    basis: str | None
    measured: Measured
    base_on: date | None
    zero_at: str
    full_at: str


class ScoreSheet(NamedTuple):
    """A sheet in force; `decided_by` are the positions of the events that say so."""

    name: str
    title: str
    adopted_on: date
    items: tuple[Item, ...]
    decided_by: tuple[int, ...]


class Reported(NamedTuple):
    """What an office gave itself for a date, by item."""

    office: str
    on: date
    points: Mapping[str, str]
    decided_by: tuple[int, ...]


def sheets(facts: Iterable[Fact]) -> dict[str, ScoreSheet]:
    """The sheets by name after facts about them, given in canonical order."""
    return {
        (data := fact.data)["name"]: ScoreSheet(
            data["name"], data["title"], fact.effective_on, tuple(map(_item, data["items"])), fact.decided_by
        )
        for fact in facts
    }


def _item(data: Mapping[str, str]) -> Item:
    base_on = data.get("base_on")
    return Item(
        data["item"], data["title"], data["worth"], data["rate"], data.get("kind"), data.get("basis"),  # type: ignore[arg-type]  # as the event's model checked
        data.get("measured", "level"), None if base_on is None else date.fromisoformat(base_on),  # type: ignore[arg-type]
        data["zero_at"], data["full_at"],
    )  # fmt: skip


def reports(facts: Iterable[Fact], name: str) -> dict[str, Reported]:
    """By division or body the last report by a sheet's name, from facts in canonical order."""
    return {
        fact.data.get("region") or fact.data["body"]: Reported(
            fact.data["office"], fact.effective_on, fact.data["points"], fact.decided_by
        )
        for fact in facts
        if fact.data["name"] == name
    }


class Scored(NamedTuple):
    """One item of one office.

    Attributes:
        rate: on the date.
        base: of a rise, on the date that it is counted from.
        value: the rate, or its rise; None where a side has no answer.
        points: of two places, halves rounded up; None where there is no value.
        own: what the office gave itself; None where it said nothing of the item.
        difference: `own` less `points`; None where one is missing, or was said for another date.
    """

    item: Item
    rate: Rate
    base: Rate | None
    value: Fraction | None
    points: str | None
    own: str | None
    difference: str | None


def scored(item: Item, rate: Rate, base: Rate | None, own: str | None, *, same_date: bool) -> Scored:
    """What a rate earns; `same_date` tells whether the office spoke of the date that is looked at."""
    value = exact(rate)
    if item.measured == "rise" and value is not None:
        before = None if base is None else exact(base)
        value = None if before is None else value - before
    points = None if value is None else decimal(_earned(item, value), _PLACES)
    difference = None
    if points is not None and own is not None and same_date:
        difference = decimal(Fraction(own) - Fraction(points), _PLACES)
    return Scored(item, rate, base, value, points, own, difference)


def _earned(item: Item, value: Fraction) -> Fraction:
    zero, full = Fraction(item.zero_at), Fraction(item.full_at)
    share = min(max((value - zero) / (full - zero), Fraction(0)), Fraction(1))
    return Fraction(item.worth) * share


class Score(NamedTuple):
    """A whole score.

    Attributes:
        items: as they stand on the sheet.
        points: the sum of the items' points as shown; None where none has an answer.
        out_of: the sum of the weights of the items that have one: 100 where all do.
        reported: what the office gave itself last by the date; None where it said nothing.
        own: the sum of what it gave itself for the sheet's items; None as above.
        difference: `own` less `points`; None unless it spoke of the date, and of all that have an answer alone.
    """

    items: Sequence[Scored]
    points: str | None
    out_of: str
    reported: Reported | None
    own: str | None
    difference: str | None

    @property
    def share(self) -> Fraction | None:
        """The points of those that could be had, by which offices are ranked."""
        return None if self.points is None else Fraction(self.points) / Fraction(self.out_of)


def score(items: Sequence[Scored], reported: Reported | None) -> Score:
    """The items' sum: of points as they are shown, so that whoever adds them up gets the same."""
    answered = [each for each in items if each.points is not None]
    points = _sum(each.points for each in answered)
    out_of = _sum(each.item.worth for each in answered) or decimal(Fraction(0), _PLACES)
    own = _sum(each.own for each in items if each.own is not None)
    whole = all((each.own is None) == (each.points is None) for each in items)
    differences = [each.difference for each in answered]
    difference = _sum(differences) if whole and differences and None not in differences else None
    return Score(items, points, out_of, reported, own, difference)


def _sum(found: Iterable[str | None]) -> str | None:
    numbers = [Fraction(each) for each in found if each is not None]
    return decimal(sum(numbers, Fraction(0)), _PLACES) if numbers else None
