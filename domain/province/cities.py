"""Which cities a province has on a day, and by which keys their logs are known."""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from domain.events.acts import WithoutEffect, fold_acts
from domain.events.facts import Fact
from domain.events.province import CHANGED, JOINED, LEFT

_LIST: Final = frozenset((JOINED, CHANGED, LEFT))


class City(NamedTuple):
    """A city as of a day; `left_on` is None while it belongs to the province."""

    city: str
    name: str
    region: str
    origin: str
    key: str
    joined_on: date
    left_on: date | None


def cities(facts: Iterable[Fact], as_of: date) -> tuple[dict[str, City], list[WithoutEffect]]:
    """Every city that joined by the end of a day, by its identifier, and the facts without effect.

    Args:
        facts: that stand, in canonical order; those of other families are passed over.
        as_of: the day.
    """
    by_then = (fact for fact in facts if fact.type in _LIST and fact.effective_on <= as_of)
    found, wrong = fold_acts(by_then, JOINED, _joined, _changed, lambda city: city.left_on is None)
    return dict(sorted(found.items())), wrong


def _joined(fact: Fact) -> City:
    data = fact.data
    return City(fact.entity, data["name"], data["region"], data["origin"], data["key"], fact.effective_on, None)


def _changed(before: City, fact: Fact) -> City:
    if fact.type == LEFT:
        return before._replace(left_on=fact.effective_on)
    return before._replace(name=fact.data.get("name", before.name), key=fact.data.get("key", before.key))
