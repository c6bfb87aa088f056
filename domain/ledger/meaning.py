"""What a question's words mean at its clocks: a body with all below it, a basis, a level of the bodies' hierarchy.

Bodies move and bases are adopted, so a filter by either is one choice of rows for each pair of clocks; what is made of
it (`Filters.answers`, `Filters.counted`) asks of a row nothing but its own values.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from domain.ledger.bases import ALL, Basis
from domain.ledger.bodies import Bodies
from domain.ledger.policy import Policy
from domain.ledger.rates import BODY_DIMENSION, DIMENSIONS, Counts, Filters, Key, add, key_order
from domain.values.scope import Scope, by_body, by_region, either, scope_of
from domain.values.terms import BODY_KINDS

# Of an organization of which nobody said anything, as keys and filters write it.
NULL: Final = "null"
_KINDS: Final = "|".join(BODY_KINDS)
BODY_DIMENSION_PATTERN: Final = f"body:(?:{_KINDS})(?::[1-9])?"
DIMENSION_PATTERN: Final = f"^(?:{'|'.join(DIMENSIONS)}|{BODY_DIMENSION_PATTERN})$"


class NoSuchBasisError(ValueError):
    """A basis that none adopted by the date; its name, and the names that there are."""

    def __init__(self, name: str, there: Mapping[str, Basis]) -> None:
        names = ", ".join((ALL, *sorted(there)))
        super().__init__(f"no basis of this name is in force on the date; there are {names}")
        self.name = name


def meant(filters: Filters, bodies: Bodies, bases: Mapping[str, Basis]) -> Filters:
    """The filters with what their words mean in place of the words: at other clocks they mean the same from then on.

    Raises:
        NoSuchBasisError: the basis was not adopted by the date.
    """
    if filters.basis is not None and filters.basis != ALL:
        if filters.basis not in bases:
            raise NoSuchBasisError(filters.basis, bases)
        filters = filters._replace(counted=bases[filters.basis])
    if filters.body is not None:
        filters = answering_to(filters, _below(bodies, filters.body))
    return filters._replace(body=None, basis=None, scope=scope_meant(filters.scope, bodies))


def scope_meant(scope: Scope, bodies: Bodies) -> Scope:
    """A scope in which each body is named with all below it."""
    if scope is None or not (parts := by_body(scope)):
        return scope
    below = (scope_of([region] if region else None, bodies.below(body)) for region, body in parts)
    return either([by_region(scope), *below])


def _below(bodies: Bodies, body: str) -> tuple[str, tuple[str | None, ...]]:
    now = bodies.existing.get(body)
    # Nobody answers to a body that does not exist, of whatever kind.
    return (BODY_KINDS[0], ()) if now is None else (now.kind, bodies.below(body))


def answering_to(filters: Filters, choice: tuple[str, tuple[str | None, ...]]) -> Filters:
    """The filters, of those alone that answer to one of these bodies of a kind."""
    return filters._replace(answers=(*(filters.answers or ()), choice))


def policy_of(filters: Filters, in_force: Policy) -> Policy:
    """The policy under which rows are made: a basis says which formations count as covered."""
    return in_force if filters.counted is None else filters.counted.policy(in_force)


def of_key(filters: Filters, keys: Mapping[str, str], bodies: Bodies) -> Filters:
    """The filters, of those alone that stand in a group: its keys under dimensions of bodies, `null` for none said."""
    for name, key in keys.items():
        kind, level = split(name)
        may: tuple[str | None, ...] = (None,) if key == NULL else (key,)
        if level is not None and key != NULL:
            # NONE stands for itself.
            may = (*bodies.under(level, kind, key), *(() if key in bodies.existing else (key,)))
        filters = answering_to(filters, (kind, may))
    return filters


def is_dimension(name: str) -> bool:
    """Whether rows are grouped by something of this name."""
    return re.fullmatch(DIMENSION_PATTERN, name) is not None


def split(dimension: str) -> tuple[str, int | None]:
    """The kind of a dimension of bodies, and its level or None."""
    kind, _, level = dimension.removeprefix(BODY_DIMENSION).partition(":")
    return kind, int(level) if level else None


def without_levels(group_by: tuple[str, ...]) -> tuple[str, ...]:
    """The dimensions of rows by which a grouping is counted first: those of levels by the bodies themselves."""
    return tuple(dict.fromkeys(map(_of_rows, group_by)))


def is_level(dimension: str) -> bool:
    """Whether it is a level of the bodies' hierarchy."""
    return dimension.startswith(BODY_DIMENSION) and split(dimension)[1] is not None


def lifted(groups: Mapping[Key, Counts], group_by: tuple[str, ...], bodies: Bodies) -> dict[Key, Counts]:
    """The groups by levels, of those counted by `without_levels(group_by)`: sorted by key, null last."""
    if without_levels(group_by) == group_by:
        return dict(groups)
    lift = lifting(group_by, bodies)
    found: dict[Key, Counts] = {}
    for key, counts in groups.items():
        into = lift(key)
        found[into] = add(found[into], counts) if into in found else counts
    return dict(sorted(found.items(), key=lambda item: key_order(item[0])))


def lifting(group_by: tuple[str, ...], bodies: Bodies) -> Callable[[Key], Key]:
    """What makes a group's key of a key by `without_levels(group_by)`."""
    counted = without_levels(group_by)
    places = [(counted.index(_of_rows(name)), split(name)[1] if is_level(name) else None) for name in group_by]

    def lift(key: Key) -> Key:
        return tuple(key[at] if level is None else bodies.at_level(key[at], level) for at, level in places)

    return lift


def _of_rows(dimension: str) -> str:
    return f"{BODY_DIMENSION}{split(dimension)[0]}" if is_level(dimension) else dimension
