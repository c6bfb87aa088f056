"""Counts of groups, rates, dimensions and filters (domain.md, "Rates"; api.md, "Filters")."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from tests.oracle import placing
from tests.oracle.facts import Fact
from tests.oracle.fold import State
from tests.oracle.rows import Row, ledger

FORMATION_COUNTS = ("standalone", "joint", "affiliated")
SUMMED = ("full_members", "probationary_members", "activists", "members_elsewhere")
RATES = {
    "organization_coverage": ("organization_covered", "organizations"),
    "work_coverage": ("work_covered", "organizations"),
    "eligible_coverage": ("eligible_covered", "eligible"),
    "employee_coverage": ("employees_covered", "employees"),
    "eligible_standalone_coverage": ("eligible_standalone", "eligible"),
    "effective_coverage": ("effectively_covered", "organizations"),
}
Counts = dict[str, int | None]
Group = tuple[dict[str, str | None], Counts]


def counts(rows: Iterable[Row], *, judged: bool) -> Counts:
    """The counts of one group; `judged` says whether an activity policy is in force."""
    rows = list(rows)
    kept = [row for row in rows if row["excluded"] is None]

    def how_many(*fields: str) -> int:
        return sum(all(row[field] for field in fields) for row in kept)

    return {
        "registered": len(rows),
        "excluded": len(rows) - len(kept),
        "organizations": len(kept),
        "organization_covered": how_many("organization_covered"),
        **{how: sum(row["formation"] == how for row in kept) for how in FORMATION_COUNTS},
        "work_covered": how_many("work_covered"),
        "eligible": how_many("eligible"),
        "eligible_covered": how_many("eligible", "organization_covered"),
        "employees": sum(row["employees"] or 0 for row in kept),
        "employees_covered": sum(row["employees"] or 0 for row in kept if row["organization_covered"]),
        **{field: sum(row[field] for row in kept) for field in SUMMED},
        "eligible_standalone": sum(row["eligible"] and row["formation"] == "standalone" for row in kept),
        "effectively_covered": how_many("effectively_covered") if judged else None,
    }


def ratio(numerator: int | None, denominator: int | None) -> str | None:
    """A decimal string of four places, rounded half up; null over 0."""
    if numerator is None or not denominator:
        return None
    ten_thousandths = (numerator * 20_000 + denominator) // (2 * denominator)
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04d}"


def rates(of: Mapping[str, int | None]) -> dict[str, str | None]:
    return {name: ratio(of[above], of[below]) for name, (above, below) in RATES.items()}


def value(state: State, row: Row, dimension: str) -> str | None:
    """The row's value in a dimension; null where it has none."""
    name, *rest = dimension.split(":")
    if name == "industry":
        return row["industry"][:1] if row["industry"] else None
    if name == "region":
        return str(row["region"])[: int(rest[0])]
    if name == "body":
        body = row["bodies"].get(rest[0])
        if body is None or body == placing.NONE or len(rest) == 1:
            return None if body is None else str(body)
        above = placing.chain(state.bodies, body)
        return above[min(int(rest[1]), len(above)) - 1]
    found = row[name]
    return None if found is None else str(found)


def _in_basis(row: Row, basis: Mapping[str, Any]) -> bool:
    size, least = row["employees"], basis["employees_min"]
    return (
        row["category"] in basis["categories"]
        and (row["legal_person"] or not basis["legal_persons_only"])
        and (least is None or (size is not None and size >= least))
    )


def _passes(state: State, row: Row, name: str, wanted: object) -> bool:
    if name in ("region", "industry") and wanted is not None:
        return str(row[name] or "").startswith(str(wanted))
    if name == "body":
        return any(
            body != placing.NONE and wanted in placing.chain(state.bodies, body) for body in row["bodies"].values()
        )
    return bool(row[name] == wanted)


def groups(
    facts: Iterable[Fact], as_of: date, group_by: Sequence[str] = (), filters: Mapping[str, Any] | None = None
) -> list[Group]:
    """The groups of active organizations that pass the filters, sorted by key with null last.

    Filters: `region` and `industry` are prefixes, `body` means it and all below, `basis` is a basis's name (KeyError
    where none was adopted), all others are a row's values, null where it lacks one. Without anybody there is no group.
    """
    facts = list(facts)
    wanted = dict(filters or {})
    basis_name = wanted.pop("basis", "all")
    state, rows, _ = ledger(facts, as_of)
    if basis_name != "all":
        basis = state.bases[basis_name]
        state, rows, _ = ledger(facts, as_of, basis["formations_counted"])
        rows = {org: row for org, row in rows.items() if _in_basis(row, basis)}
    return grouped(state, rows, group_by, wanted)


def grouped(state: State, rows: Mapping[str, Row], group_by: Sequence[str], wanted: Mapping[str, Any]) -> list[Group]:
    """The same of rows that are at hand."""
    found: dict[tuple[str | None, ...], list[Row]] = {}
    for row in rows.values():
        if all(_passes(state, row, name, to) for name, to in wanted.items()):
            key = tuple(value(state, row, dimension) for dimension in group_by)
            found.setdefault(key, []).append(row)
    ordered = sorted(found, key=lambda key: [(part is None, part or "") for part in key])
    judged = state.activity_policy is not None
    return [(dict(zip(group_by, key, strict=True)), counts(found[key], judged=judged)) for key in ordered]
