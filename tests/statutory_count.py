"""The statistical tables counted by hand-written SQL over the events as received (statutory_count.sql)."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg

SETUP: Final = (Path(__file__).parent / "statutory_count.sql").read_text(encoding="utf-8")
Cells = dict[tuple[int, str], tuple[int | None, int]]

_KNOWN: Final = "employees IS NOT NULL"
# By line what is counted: of units a condition; of heads and members a sum over a condition.
_ENTERPRISES: Final = [
    "true", "instructed", "own = 1", "own = 2", "own = 3", "own IS NULL AND joint",
    "own IS NULL AND joint AND members >= 3", "joint branches", "NOT established AND eligible",
    "NOT established AND NOT eligible AND members > 0", "NOT established AND NOT eligible AND members = 0",
    "instructors", ("employees", "true"), ("members", "true"), ("employees", "established"),
    ("members", "established"), ("employees", "NOT established AND instructed"),
    ("members", "NOT established AND instructed"),
]  # fmt: skip
_SOCIAL: Final = [
    "true", "own = 1", "own = 2", "own = 3", "own IS NULL AND joint", "own IS NULL AND joint AND members >= 3",
    "joint branches", "NOT established AND eligible", None, "NOT established AND NOT eligible AND members > 0",
    "NOT established AND NOT eligible AND members = 0", "NOT established AND instructed", ("employees", "true"),
    ("members", "true"), ("members_elsewhere", "true"), "instructors", None, None, None,
]  # fmt: skip
_COLUMNS: Final[dict[str, dict[str, str | None]]] = {
    "enterprises": {
        "total": "legal_person AND category IN ('private_enterprise', 'hmt_enterprise', 'foreign_enterprise')",
        "employees_50": "employees >= 50", "employees_100": "employees >= 100", "representative": None,
        "representative_secretary": None, "private_enterprise": "category = 'private_enterprise'",
        "hmt_enterprise": "category = 'hmt_enterprise'", "foreign_enterprise": "category = 'foreign_enterprise'",
    },
    "social-organizations": {
        "total": "kind = 'new_social'",
        **{name: f"category = '{name}'" for name in (
            "association", "foundation", "service_institution", "law_firm", "accounting_firm", "tax_agent_firm",
        )},
    },
}  # fmt: skip
_LINES: Final[dict[str, Any]] = {"enterprises": _ENTERPRISES, "social-organizations": _SOCIAL}


def counted(database: str, day: date, known_at: int, elected_since: date) -> dict[str, Cells]:
    """By table every cell: the value and of how many it is not known; (None, 0) of a cell that no event fills."""
    with psycopg.connect(database) as connection:
        for statement in SETUP.split(";\n"):
            if statement.strip():
                connection.execute(statement, {"day": day, "known_at": known_at})
        found = {name: _units(connection, name) for name in _LINES}
        return {**found, "party-organizations": _party(connection, day, elected_since)}


def _units(connection: psycopg.Connection[Any], table: str) -> Cells:
    columns, cells = _COLUMNS[table], Cells()
    for number, line in enumerate(_LINES[table], 1):
        for column, condition in columns.items():
            where = f"({columns['total']}) AND ({condition})"
            cells[number, column] = (None, 0) if line is None or condition is None else _cell(connection, line, where)
    return cells


def _cell(connection: psycopg.Connection[Any], line: str | tuple[str, str], where: str) -> tuple[int | None, int]:
    unknown = "0"
    match line:
        case "joint branches":
            count, source = "count(DISTINCT branch)", "unit JOIN pair USING (org)"
            where += " AND pair.formation = 'joint'"
        case "instructors":
            count, source = "count(DISTINCT instructor)", "unit JOIN assigned USING (org)"
        case str():
            count, source, where = "count(*)", "unit", f"{where} AND {line}"
        case (summed, condition):
            count, source, where = f"coalesce(sum({summed}), 0)", "unit", f"{where} AND ({condition})"
            if summed == "employees":
                unknown = "count(*) FILTER (WHERE employees IS NULL)"
    query = f"SELECT {count}, {unknown} FROM {source} WHERE {where}"  # noqa: S608 - of the words above
    row = connection.execute(query).fetchone()
    assert row is not None
    return _value(int(row[0]), int(row[1]))


def _value(value: int, unknown: int) -> tuple[int | None, int]:
    """Where nothing is known, nothing is said."""
    return (None if value == 0 and unknown else value), unknown


def _party(connection: psycopg.Connection[Any], day: date, since: date) -> Cells:
    kinds = ("all", "new_economic", "new_social", "new_employment_group", "several", "none")
    cells = Cells()
    for at, kind in enumerate(kinds):
        for column in ("total", "committee", "general_branch", "branch"):
            row = connection.execute(
                """SELECT count(*), count(*) FILTER (WHERE term_to < %(day)s), count(*) FILTER (WHERE term_to IS NULL),
                          count(*) FILTER (WHERE term_from >= %(since)s AND term_from <> formed_on)
                     FROM party WHERE %(kind)s IN ('all', of_kind) AND %(tier)s IN ('total', tier)""",
                {"day": day, "since": since, "kind": kind, "tier": column},
            ).fetchone()
            assert row is not None
            formed, over, endless, elected = row
            for number, value in enumerate(((formed, 0), _value(over, endless), (elected, 0)), 3 * at + 1):
                cells[number, column] = value
    return cells
