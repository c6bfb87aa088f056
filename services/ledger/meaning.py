"""What a question's filters mean at its clocks, with the bodies and bases that there are then."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, Protocol

from domain.events.facts import Fact
from domain.ledger.bases import BASIS, Basis, bases
from domain.ledger.bodies import NO_BODIES, Bodies, bodies
from domain.ledger.meaning import NoSuchBasisError, is_level, meant, of_key, policy_of
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters
from domain.values.scope import by_body
from services.system.errors import InvalidValueError


class NotInForceError(InvalidValueError):
    """A basis that none adopted by the date."""


BODY = "body"


class Told(Protocol):
    """Who reads the acts of offices (services.ledger.queries.Queries.office_facts)."""

    def office_facts(self, families: tuple[str, ...], as_of: date, known_at: int) -> list[Fact]:
        """The facts of these families that stand, effective by the date, in canonical order."""


class Meaning(NamedTuple):
    """The rows that a question means, and the policy under which they are made.

    `bodies` are those of the date where the question names any, else none.
    """

    policy: Policy
    filters: Filters
    bodies: Bodies


def bodies_at(told: Told, as_of: date, known_at: int) -> Bodies:
    """The bodies at the end of a date, as known at a position."""
    return bodies(told.office_facts((BODY,), as_of, known_at))


def bases_at(told: Told, as_of: date, known_at: int) -> dict[str, Basis]:
    """The bases in force on a date, as known at a position, by name; without that of all."""
    return bases(told.office_facts((BASIS,), as_of, known_at))


def meaning(  # noqa: PLR0917 - one question
    told: Told,
    in_force: Policy,
    filters: Filters,
    as_of: date,
    known_at: int,
    group_by: tuple[str, ...] = (),
    keys: Mapping[str, str] | None = None,
) -> Meaning:
    """What filters, a grouping and the keys of one of its groups mean.

    Raises:
        NotInForceError: the basis is not in force on the date.
    """
    asks_bodies = filters.body is not None or by_body(filters.scope) or any(map(is_level, (*group_by, *(keys or ()))))
    there = bodies_at(told, as_of, known_at) if asks_bodies else NO_BODIES
    try:
        found = meant(filters, there, bases_at(told, as_of, known_at) if filters.basis is not None else {})
    except NoSuchBasisError as error:
        raise NotInForceError(f"basis {error.name!r}: {error}") from None
    found = of_key(found, keys or {}, there)
    return Meaning(policy_of(found, in_force), found, there)
