"""Shapes that several answers share: the clocks, counts, rates and the ledger's rows."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from domain.events.clock import Was
from domain.ledger.bands import MEMBERS, Band, bands, is_small
from domain.ledger.policy import Policy
from domain.ledger.rates import RATES, Counts, Filters, ratio
from domain.ledger.rows import Row, told
from domain.values.clocks import NOTHING_KNOWN, Basis
from domain.values.terms import Anomaly, BodyKind, Category, ExclusionReason, Formation, Kind, Measure
from services.ledger.known import Known


class WrongClockShape(BaseModel):
    """The database's clock was wrong from one position to another, as the event at `position` states."""

    first: int
    last: int
    was: Was
    position: int


class KnownAt(BaseModel):
    """The state of knowledge; instants are mapped to it by `learned_at`."""

    position: int
    recorded_at: datetime | None = Field(description="when this log took that position in; null at position 0")
    learned_at: datetime | None = Field(
        description="when it was learned: of an import, the latest that its sources said by then; else when it was "
        "recorded"
    )
    basis: Basis = Field(description="whose word learned_at is: recorded by this log, or said by an import's sources")
    note: str | None = Field(default=None, description="at position 0 alone: the ledger is empty there")
    clock_wrong: list[WrongClockShape] = Field(
        default=[],
        description="where there are any: statements by which the database's clock was wrong at this position, at the "
        "next one where an instant led here, or within the range that the answer tells of; instants are not to be "
        "relied on there",
    )


def knowledge(known: Known) -> dict[str, Any]:
    """A state of knowledge, as answers show it."""
    shown: dict[str, Any] = {
        "position": known.position, "recorded_at": known.recorded_at, "learned_at": known.learned_at,
        "basis": known.basis,
    }  # fmt: skip
    if not known.position:
        shown["note"] = NOTHING_KNOWN
    if known.wrong:
        shown["clock_wrong"] = [each._asdict() for each in known.wrong]
    return shown


class Evidence(BaseModel):
    """What an answer can be checked against: the log's tree at that position, and the hash of the rules."""

    tree_size: int
    root_hash: str = Field(description="RFC 6962 root of the first tree_size events, in hex")
    ruleset: str = Field(description="SHA-256 of the rules that made the ledger's rows, in hex")
    read_by: str | None = Field(
        description="after an upgrade, until the rows are rebuilt: the rules that made these figures of rows that "
        "`ruleset` made; null where `ruleset` made both"
    )


FiltersShape = Annotated[
    dict[str, str | bool | list[str]],
    Field(description="the filters of the question, by name; `scope`: the regions that the caller is limited to"),
]


class CountsShape(BaseModel):
    """The counts of a group (spec/domain.md, Rates)."""

    registered: int
    excluded: int
    organizations: int
    organization_covered: int
    standalone: int
    joint: int
    affiliated: int
    work_covered: int
    eligible: int
    eligible_covered: int
    employees: int
    employees_covered: int
    full_members: int
    probationary_members: int
    activists: int
    members_elsewhere: int
    eligible_standalone: int
    effectively_covered: int | None = Field(description="null where no activity policy is in force")


class RateShape(BaseModel):
    """A rate: both its sides, and a ratio of four places; null over a denominator of 0, and without a numerator."""

    numerator: int | None = Field(description="null where the question has no answer, as without an activity policy")
    denominator: int
    value: str | None = Field(examples=["0.4230"])


class Figures(BaseModel):
    """Counts, and the rates of them."""

    counts: CountsShape
    rates: dict[str, RateShape]


class AttributesShape(BaseModel):
    """An organization's attributes, as registered and last changed."""

    kind: Kind
    category: Category
    name: str
    region: str
    industry: str | None
    employees: int | None
    supervisor: str | None
    address: str | None
    registered_region: str | None
    legal_person: bool
    above_scale: bool | None


class RowShape(BaseModel):
    """One active organization on a date (spec/domain.md, What each organization's row says)."""

    org: str
    attributes: AttributesShape
    full_members: int
    probationary_members: int
    activists: int
    formation: Formation | None
    organization_covered: bool
    work_covered: bool
    excluded: ExclusionReason | None
    eligible: bool
    measure: Measure
    members_elsewhere: int
    bodies: dict[BodyKind, str | None] = Field(
        description="of each kind the body that it answers to; `none` where it was said to have none, null where "
        "nobody said"
    )
    effectively_covered: bool | None = Field(description="null where no activity policy is in force")


class BandsShape(BaseModel):
    """Members of a small unit: `band_none`, `band_few` (1 to 2) or `band_three` (3 or more)."""

    full_members: Band
    probationary_members: Band
    activists: Band
    members_elsewhere: Band


Members = Annotated[int | None, Field(description="null of a small unit: see `bands`")]


class ListedRowShape(RowShape):
    """A row in a list: of a single small unit members are told in bands (spec/domain.md, Small units)."""

    full_members: Members  # type: ignore[assignment]  # the row's own, or its band
    probationary_members: Members  # type: ignore[assignment]
    activists: Members  # type: ignore[assignment]
    members_elsewhere: Members  # type: ignore[assignment]
    bands: BandsShape | None = Field(
        description="of a sole proprietor and of whoever has fewer employees than the policy's `small_unit`; the "
        "dossier has the numbers"
    )


class ListedCountsShape(CountsShape):
    """What one organization of a list adds to each count."""

    full_members: Members  # type: ignore[assignment]
    probationary_members: Members  # type: ignore[assignment]
    activists: Members  # type: ignore[assignment]
    members_elsewhere: Members  # type: ignore[assignment]


class DecidedByShape(BaseModel):
    """For each value of a row the positions, in order, of the events that make it so.

    Facts that stand, the corrections that decide them, and the policy's adoption where a value rests on it. Empty
    where nothing is there to make it so: no member of that standing, no covering branch, no instructor.
    """

    attributes: dict[str, list[int]] = Field(description="by attribute")
    full_members: list[int]
    probationary_members: list[int]
    activists: list[int]
    formation: list[int]
    organization_covered: list[int]
    work_covered: list[int]
    excluded: list[int]
    eligible: list[int]
    measure: list[int]
    members_elsewhere: list[int]
    bodies: list[int] = Field(description="what was said of its bodies, and that these were created or closed")
    effectively_covered: list[int]


def filters_of(asked: Filters) -> dict[str, Any]:
    """Those filters that were asked for, as answers name them."""
    meant = ("answers", "counted")
    return {name: value for name, value in asked._asdict().items() if value is not None and name not in meant}


def figures(counts: Counts) -> dict[str, Any]:
    """Counts and rates, as answers show them."""
    values = counts._asdict()
    return {
        "counts": values,
        "rates": {
            name: {
                "numerator": values[above],
                "denominator": values[below],
                "value": ratio(values[above], values[below]),
            }
            for name, (above, below) in RATES.items()
        },
    }


def row(each: Row | None) -> dict[str, Any] | None:
    """A row, as answers show it; None stays None."""
    if each is None:
        return None
    return told(each)


def listed_row(each: Row, policy: Policy) -> dict[str, Any]:
    """A row as lists show it: a small unit's members in bands."""
    found = bands(each, policy)
    return {**told(each), **(dict.fromkeys(MEMBERS) if found else {}), "bands": found}


def listed_counts(each: Row, counts: Counts, policy: Policy) -> dict[str, int | None]:
    """What an organization of a list adds to each count; of a small unit's members nothing is told."""
    # Whoever is excluded adds none, whatever their members are.
    small = each.excluded is None and is_small(each, policy)
    return {**counts._asdict(), **(dict.fromkeys(MEMBERS) if small else {})}


class AnomalyShape(BaseModel):
    """A contradiction between facts, reported on its subject."""

    anomaly: Anomaly
    subject: str | None = Field(description="null where it speaks of an event that is not known")
    position: int | None = Field(description="the event that shows it; null for a state of a date")
    effective_on: date | None
    detail: str
