"""`taizhang rates --archive`: DuckDB finds which entries decide, and the columns' own code makes figures of them.

What decides a figure is said once: here stands only which of an organization's entries decides, and that as the
columns say it (projections.ledger.columns.counts.deciding_entries).
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from domain.ledger.entities import says_legal_person
from domain.ledger.placements import Answers
from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, Counts, Filters, Key, add, answerable, nothing
from domain.values.terms import BODY_KINDS, CATEGORIES, KINDS
from projections.ledger.columns.columns import ENTRY_FIELDS, UNKNOWN, AnswersColumns, Columns, Snapshot, kept
from projections.ledger.columns.counts import matching, rows_of
from projections.ledger.columns.grouping import group
from projections.ledger.rows import ActivityPolicyEntry, PolicyEntry
from services.archive.figures import Counted, Question, answer
from services.archive.layout import columns_of
from services.archive.opening import ArchivedLog

MEMORY_MAX: Final = "1GB"
# Rows that are counted at once.
_ROWS: Final = 1 << 18
# Of each organization the last entry, as known at the position, that spans the day: the highest number.
_DECIDING: Final = """
WITH spanning AS (
    SELECT entry, org_no FROM read_parquet($files)
     WHERE position <= $position AND day_from <= $day AND day_to > $day
), deciding AS (SELECT max(entry) AS entry FROM spanning GROUP BY org_no)
SELECT {fields} FROM read_parquet($files) SEMI JOIN deciding USING (entry)
 WHERE position <= $position AND day_from <= $day AND day_to > $day AND attributes_no >= 0
"""
_ATTRIBUTES: Final = """
SELECT attributes_no, org_no, kind, category, region, industry, employees, legal_person FROM read_parquet($files)
"""
_ANSWERS: Final = f"SELECT {', '.join(BODY_KINDS)}, waiting FROM read_parquet($files) ORDER BY answers"  # noqa: S608 - names of the specification
_POLICIES: Final = "SELECT {fields} FROM read_parquet($files) WHERE position <= $position ORDER BY position, day_from"

_Entry = TypeVar("_Entry")


def rates(asked: Question) -> dict[str, Any]:
    """The answer to a question, in bounded memory whatever the size of the archive."""
    with tempfile.TemporaryDirectory(prefix="taizhang-") as scratch:
        settings = {"memory_limit": MEMORY_MAX, "threads": os.cpu_count() or 1, "temp_directory": scratch}
        with duckdb.connect(":memory:", config=settings) as engine:
            engine.execute("SET preserve_insertion_order = false")
            counted = [_LogReading(engine, log, known.position).counts(asked) for log, known in asked.logs]
    return answer(asked, counted)


class _LogReading:
    """One log at one state of knowledge."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, log: ArchivedLog, position: int) -> None:
        self._engine, self._log, self._position = engine, log, position

    def counts(self, asked: Question) -> Counted:
        """The counts of each group of the question's dimensions."""
        groups: dict[Key, Counts] = {}
        ledger, day = self._without_entries(), asked.as_of.toordinal()
        policy, judged = ledger.policy(day, self._position), ledger.is_judged(day, self._position)
        if not answerable(asked.filters, judged=judged):
            return Counted(groups, judged)
        for part in self._deciding(day):
            # Each organization is in one part alone.
            for key, counts in _counted(ledger, part, policy, asked.dimensions, asked.filters).items():
                groups[key] = add(groups.get(key, nothing(judged=judged)), counts)
        return Counted(groups, judged)

    def _deciding(self, day: int) -> Iterator[dict[str, Any]]:
        """The entries that decide on a day, some at a time, as the columns keep them."""
        files = self._log.files("entry", self._position)
        if not files:
            return
        query = _DECIDING.format(fields=", ".join(ENTRY_FIELDS))
        found = self._engine.sql(query, params={"files": files, "position": self._position, "day": day})
        for batch in found.to_arrow_reader(_ROWS):
            yield kept({name: batch.column(name).to_numpy(zero_copy_only=False) for name in ENTRY_FIELDS})

    def _without_entries(self) -> Snapshot:
        """The columns but for the entries: what these number, and the policies."""
        files = self._log.files("attributes", self._position)
        read = self._engine.sql(_ATTRIBUTES, params={"files": files}).to_arrow_table() if files else _EMPTY
        number = read.column("attributes_no").to_numpy()
        kinds, kind = _coded(read, "kind")
        categories, category = _coded(read, "category")
        regions, region = _coded(read, "region")
        industries, industry = _coded(read, "industry")
        arrays = {
            "org_no": read.column("org_no").to_numpy(),
            "kind": np.array([KINDS.index(each) for each in kinds], np.int8)[kind],
            "category": np.array([CATEGORIES.index(each) for each in categories], np.int8)[category],
            "region": region,
            "industry": industry,
            "employees": read.column("employees").fill_null(UNKNOWN).to_numpy(),
            "legal_person": _legal_persons(read, (kinds, kind), (categories, category)),
        }
        order = np.argsort(number)
        return Snapshot(
            self._position, {}, {name: array[order] for name, array in arrays.items()}, 0, (), regions, industries,
            self._answers(), self._adopted("policy", PolicyEntry),
            self._adopted("activity_policy", ActivityPolicyEntry), {},
        )  # fmt: skip

    def _answers(self) -> AnswersColumns:
        columns, files = Columns(), self._log.files("answers", self._position)
        if files:
            found = self._engine.execute(_ANSWERS, {"files": files}).fetchall()
            columns.add_answers([Answers(tuple(bodies), tuple(waiting)) for *bodies, waiting in found])
        return columns.snapshot(0).answers

    def _adopted(self, table: str, entry: Callable[..., _Entry]) -> tuple[_Entry, ...]:
        files = self._log.files(table, self._position)
        if not files:
            return ()
        query = _POLICIES.format(fields=", ".join(columns_of(table)))
        found = self._engine.execute(query, {"files": files, "position": self._position}).fetchall()
        return tuple(entry(*row) for row in found)


_EMPTY: Final = pa.table({
    "attributes_no": pa.array([], pa.int32()), "org_no": pa.array([], pa.int32()), "kind": pa.array([], pa.string()),
    "category": pa.array([], pa.string()), "region": pa.array([], pa.string()),
    "industry": pa.array([], pa.string()), "employees": pa.array([], pa.int32()),
    "legal_person": pa.array([], pa.bool_()),
})  # fmt: skip


def _coded(read: pa.Table, name: str) -> tuple[list[str], Any]:
    """A column's distinct texts, and for each row the number of its own; UNKNOWN where it has none."""
    coded = read.column(name).combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.fill_null(UNKNOWN).to_numpy(zero_copy_only=False)


def _legal_persons(read: pa.Table, kinds: tuple[list[str], Any], categories: tuple[list[str], Any]) -> Any:  # noqa: ANN401 - an array
    """Which attributes are a legal person's: each pair of kind and category is asked of the domain once."""
    said = read.column("legal_person").cast(pa.int8()).fill_null(UNKNOWN).to_numpy()
    means = [
        [[says_legal_person(kind, category, each) for each in (False, True, None)] for category in categories[0]]
        for kind in kinds[0]
    ]
    return np.array(means, np.bool_).reshape(len(kinds[0]), len(categories[0]), 3)[kinds[1], categories[1], said]


def _counted(
    ledger: Snapshot, entries: dict[str, Any], policy: Policy, group_by: tuple[str, ...], filters: Filters
) -> dict[Key, Counts]:
    """The counts of the rows that these entries give."""
    part = Snapshot(
        ledger.position, entries, ledger.attributes, ledger.organizations, ledger.orgs, ledger.regions,
        ledger.industries, ledger.answers, ledger.policies, ledger.activity_policies, ledger.coded,
    )  # fmt: skip
    rows = rows_of(part, np.arange(len(entries["org_no"]), dtype=np.int32), policy)
    return group(part, rows if filters == ANY else rows.where(matching(part, rows, filters)), group_by)
