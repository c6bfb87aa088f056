"""Counts, rates, groups and filters over the rows of the ledger (spec/domain.md, Rates)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import add as plus
from typing import Final, NamedTuple

from domain.ledger.bases import Basis
from domain.ledger.rows import Row
from domain.values.scope import Scope, in_scope
from domain.values.terms import BODY_KINDS

REGION_DIMENSION_LENGTHS: Final = (2, 4, 6, 9, 12)
DIMENSIONS: Final = (
    "kind", "category", "industry",
    *(f"region:{n}" for n in REGION_DIMENSION_LENGTHS),
    "measure", "formation",
)  # fmt: skip
# By body, or by its ancestor at a level from the top: `body:KIND`, `body:KIND:N`.
BODY_DIMENSION: Final = "body:"
BODY_DIMENSIONS: Final = tuple(f"{BODY_DIMENSION}{kind}" for kind in BODY_KINDS)


class Counts(NamedTuple):
    """The counts of a group of active organizations.

    `registered` and `excluded` speak of all of them, the others of those that are not excluded.
    Unknown employees add 0. `effectively_covered` is None where no activity policy is in force.
    """

    registered: int = 0
    excluded: int = 0
    organizations: int = 0
    organization_covered: int = 0
    standalone: int = 0
    joint: int = 0
    affiliated: int = 0
    work_covered: int = 0
    eligible: int = 0
    eligible_covered: int = 0
    employees: int = 0
    employees_covered: int = 0
    full_members: int = 0
    probationary_members: int = 0
    activists: int = 0
    members_elsewhere: int = 0
    eligible_standalone: int = 0
    effectively_covered: int | None = 0

    @property
    def judged(self) -> bool:
        """Whether it has an answer who is effectively covered."""
        return self.effectively_covered is not None


_EFFECTIVE: Final = Counts._fields.index("effectively_covered")  # the last, since it alone may have no answer


class Rate(NamedTuple):
    """A rate with both its sides; `value` is a ratio of four places, None over nothing.

    `numerator` is None where the question has no answer (Counts), and so is the value.
    """

    numerator: int | None
    denominator: int
    value: str | None


RATES: Final[dict[str, tuple[str, str]]] = {
    "organization_coverage": ("organization_covered", "organizations"),
    "work_coverage": ("work_covered", "organizations"),
    "eligible_coverage": ("eligible_covered", "eligible"),
    "employee_coverage": ("employees_covered", "employees"),
    "eligible_standalone_coverage": ("eligible_standalone", "eligible"),
    "effective_coverage": ("effectively_covered", "organizations"),
}


_SIDES: Final = tuple((Counts._fields.index(above), Counts._fields.index(below)) for above, below in RATES.values())


def not_in(rate: Rate) -> int | None:
    """How many a rate is over without counting them; None of what has no answer.

    What a rate counts is always among what it is over.
    """
    return None if rate.numerator is None else rate.denominator - rate.numerator


def ratio(numerator: int | None, denominator: int) -> str | None:
    """The ratio as a decimal of four places, rounded half up; None over 0, and of what has no answer."""
    if numerator is None or denominator == 0:
        return None
    shown = ten_thousandths(numerator, denominator)
    return f"{shown // 10_000}.{shown % 10_000:04d}"


def ten_thousandths(numerator: int, denominator: int) -> int:
    """The ratio as it is shown, in ten thousandths, rounded half up.

    In integers throughout: a binary fraction would round some halves down.
    """
    return (numerator * 20_000 + denominator) // (denominator * 2)


def rates(counts: Counts) -> dict[str, Rate]:
    """The rates of a group."""
    return dict(zip(RATES, _rates(counts), strict=True))


# A series asks of each group again as the month and the year before of later points.
@lru_cache(maxsize=4_096)
def _rates(counts: Counts) -> tuple[Rate, ...]:
    return tuple(_rate(counts[above], counts[below] or 0) for above, below in _SIDES)


def _rate(numerator: int | None, denominator: int) -> Rate:
    return Rate(numerator, denominator, ratio(numerator, denominator))


def count_row(row: Row) -> Counts:
    """What one organization adds to the counts of its group."""
    if row.excluded is not None:
        counts = Counts(registered=1, excluded=1)
        return counts if row.effectively_covered is not None else unjudged(counts)
    employees = row.attributes.employees or 0
    return Counts(
        registered=1,
        organizations=1,
        organization_covered=int(row.organization_covered),
        standalone=int(row.formation == "standalone"),
        joint=int(row.formation == "joint"),
        affiliated=int(row.formation == "affiliated"),
        work_covered=int(row.work_covered),
        eligible=int(row.eligible),
        eligible_covered=int(row.eligible and row.organization_covered),
        employees=employees,
        employees_covered=employees if row.organization_covered else 0,
        full_members=row.full_members,
        probationary_members=row.probationary_members,
        activists=row.activists,
        members_elsewhere=row.members_elsewhere,
        eligible_standalone=int(row.eligible and row.formation == "standalone"),
        effectively_covered=None if row.effectively_covered is None else int(row.effectively_covered),
    )


def add(left: Counts, right: Counts) -> Counts:
    """The counts of two groups that share no organization."""
    if not (left.judged and right.judged):
        return Counts._make((*map(plus, left[:_EFFECTIVE], right[:_EFFECTIVE]), None))
    return Counts(*map(plus, left, right))


def unjudged(counts: Counts) -> Counts:
    """The same counts where no activity policy is in force."""
    return counts._replace(effectively_covered=None)


def nothing(*, judged: bool) -> Counts:
    """The counts of nobody; `judged`: an activity policy is in force."""
    return Counts() if judged else unjudged(Counts())


def written(counts: Counts) -> dict[str, int]:
    """Counts as an event states them: what has no answer is left out."""
    return {name: count for name, count in counts._asdict().items() if count is not None}


def read_counts(data: Mapping[str, int | None]) -> Counts:
    """The counts that were `written` down; without an activity policy nobody asked who is effectively covered.

    Raises:
        TypeError: there is one that no group has.
    """
    return Counts(**{"effectively_covered": None, **data})  # type: ignore[arg-type]  # the others were never None


def written_rate(rate: Rate) -> dict[str, int]:
    """Both sides of a rate as an event states them: a numerator without an answer is left out, as of counts."""
    return {name: side for name, side in zip(Rate._fields, rate[:2], strict=False) if side is not None}


def read_rate(sides: Mapping[str, int]) -> Rate:
    """The rate whose sides were `written_rate` down."""
    above, below = sides.get("numerator"), sides["denominator"]
    return Rate(above, below, ratio(above, below))


class Filters(NamedTuple):
    """Which rows are meant; None means any. `region` and `industry` are prefixes.

    `formation` and `industry` take the text `null` for organizations that have none. `scope` is not asked for but
    given: what whoever asks may see; of its bodies those below are named too, once it is `meant`.

    `body` and `basis` are asked for by name; `answers` (of a kind the bodies that an organization may answer to, None
    for those of which nobody said) and `counted` are what they mean at the clocks of the question (`meant`).
    """

    region: str | None = None
    kind: str | None = None
    category: str | None = None
    industry: str | None = None
    formation: str | None = None
    measure: str | None = None
    work_covered: bool | None = None
    eligible: bool | None = None
    effectively_covered: bool | None = None
    scope: Scope = None
    body: str | None = None
    basis: str | None = None
    answers: tuple[tuple[str, tuple[str | None, ...]], ...] | None = None
    counted: Basis | None = None


ANY: Final = Filters()


def answerable(filters: Filters, *, judged: bool) -> bool:
    """Whether a row can be among those that the filters mean: without an activity policy none is covered or not."""
    return judged or filters.effectively_covered is None


def _has_prefix(value: str | None, prefix: str | None) -> bool:
    if prefix is None:
        return True
    if value is None:
        return prefix == "null"
    return value.startswith(prefix)


def matches(row: Row, filters: Filters) -> bool:
    """Whether the row is among those that the filters mean."""
    exact = (
        (row.attributes.kind, filters.kind),
        (row.attributes.category, filters.category),
        (row.formation or "null", filters.formation),
        (row.measure, filters.measure),
        (row.work_covered, filters.work_covered),
        (row.eligible, filters.eligible),
        (row.effectively_covered, filters.effectively_covered),
    )
    return (
        all(wanted is None or value == wanted for value, wanted in exact)
        and _has_prefix(row.attributes.region, filters.region)
        and in_scope(row.attributes.region, filters.scope, row.bodies)
        and _has_prefix(row.attributes.industry, filters.industry)
        and all(row.bodies[BODY_KINDS.index(kind)] in may for kind, may in filters.answers or ())
        and (filters.counted is None or _counted(row, filters.counted))
    )


def _counted(row: Row, basis: Basis) -> bool:
    """Whether a basis counts the row; its formations are the policy's under which the row was made."""
    employees = row.attributes.employees
    return (
        row.attributes.category in basis.categories
        and (row.attributes.legal_person is True or not basis.legal_persons_only)
        and (basis.employees_min is None or (employees is not None and employees >= basis.employees_min))
    )


Key = tuple[str | None, ...]


def dimension(row: Row, name: str) -> str | None:
    """The row's value under a dimension; None where it lacks one. Of levels of bodies see domain.ledger.meaning."""
    if name.startswith("region:"):
        return row.attributes.region[: int(name[7:])]
    if name.startswith(BODY_DIMENSION):
        return row.bodies[BODY_KINDS.index(name[5:])]
    if name == "industry":
        return row.attributes.industry[0] if row.attributes.industry else None
    value: str | None = getattr(row, name) if name in ("measure", "formation") else getattr(row.attributes, name)
    return value


def key_order(key: Key) -> tuple[tuple[bool, str], ...]:
    """Sort groups by key, null last."""
    return tuple((value is None, value or "") for value in key)


def group(rows: Iterable[Row], group_by: tuple[str, ...], filters: Filters = ANY) -> dict[Key, Counts]:
    """The counts of each group that has a row, sorted by key, null last."""
    groups: dict[Key, Counts] = {}
    for each in rows:
        if matches(each, filters):
            key = tuple(dimension(each, name) for name in group_by)
            groups[key] = add(groups.get(key, Counts()), count_row(each))
    return dict(sorted(groups.items(), key=lambda item: key_order(item[0])))


_REGION_PREFIX: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def is_region_prefix(value: str) -> bool:
    """Whether `value` can be the beginning of a division code."""
    return bool(_REGION_PREFIX.fullmatch(value))
