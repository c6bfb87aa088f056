"""The peer of the rates: a bitemporal table with GiST ranges in the same PostgreSQL."""

import time
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from psycopg import Connection, sql
from psycopg.types.range import Range

from domain.ledger.rates import Counts, Key
from projections.ledger.rows import FOREVER, INACTIVE

FOLDER = Path(__file__).parent
_ENTRIES = """
SELECT org_no, position, day_from, day_to, attributes_no, excluded, full_members, probationary_members, activists,
       standalone, joint, affiliated, instructors, full_elsewhere, probationary_elsewhere FROM {}.entry
 ORDER BY org_no, entry
"""
_COPY = """
COPY bitemporal (org_no, valid, known, attributes_no, excluded, full_members, probationary_members, activists,
                 standalone, joint, affiliated, instructors, full_elsewhere, probationary_elsewhere,
                 kind, region, employees) FROM STDIN
"""
_ATTRIBUTES = "SELECT attributes_no, kind, region, employees FROM {}.attributes"

Rectangle = tuple[Any, ...]


class Bitemporal:
    """The table, made from the entries of one version of the ledger projection."""

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = sql.Identifier(schema)
        self._rates = self._sql("bitemporal_rates.sql")

    def _sql(self, name: str) -> sql.Composed:
        text = (FOLDER / name).read_text("utf-8")
        return sql.SQL(text).format(schema=self._schema)

    def build(self) -> int:
        """Make the rectangles and their indexes; give how many there are."""
        count = 0
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(self._sql("bitemporal.sql"))
            rows = cursor.execute(sql.SQL(_ATTRIBUTES).format(self._schema))
            attributes = {number: values for number, *values in rows}
            entries = cursor.execute(sql.SQL(_ENTRIES).format(self._schema)).fetchall()
            with cursor.copy(_COPY) as copy:
                for org_no, of_org in groupby(entries, key=itemgetter(0)):
                    for rectangle in rectangles(org_no, of_org):
                        copy.write_row((*rectangle, *attributes[rectangle[3]]))
                        count += 1
            cursor.execute(self._sql("bitemporal_index.sql"))
        self._connection.execute("VACUUM ANALYZE bitemporal")
        return count

    def rates(self, as_of: date, known_at: int) -> tuple[float, dict[Key, Counts]]:
        """Seconds, and the counts by kind and county."""
        parameters = {"as_of": as_of, "day": as_of.toordinal(), "known_at": known_at}
        began = time.perf_counter()
        rows = self._connection.execute(self._rates, parameters, prepare=True).fetchall()
        seconds = time.perf_counter() - began
        return seconds, {(kind, region): Counts(*map(int, counts)) for kind, region, *counts in rows}


def rectangles(org_no: int, entries: Iterator[tuple[Any, ...]]) -> Iterator[Rectangle]:
    """The spans of days and positions on which one organization is active, each with its state."""
    current: list[tuple[int, int, int, tuple[Any, ...]]] = []
    for _, position, day_from, day_to, *state in entries:
        kept = []
        for start, end, since, standing in current:
            if end <= day_from or start >= day_to:
                kept.append((start, end, since, standing))
                continue
            yield from _rectangle(org_no, max(start, day_from), min(end, day_to), (since, position), standing)
            if start < day_from:
                kept.append((start, day_from, since, standing))
            if end > day_to:
                kept.append((day_to, end, since, standing))
        current = [*kept, (day_from, day_to, position, tuple(state))]
    for start, end, since, standing in current:
        yield from _rectangle(org_no, start, end, (since, None), standing)


def _rectangle(
    org_no: int, start: int, end: int, known: tuple[int, int | None], state: tuple[Any, ...]
) -> Iterator[Rectangle]:
    if state[0] != INACTIVE and known[0] != known[1]:
        valid = Range(date.fromordinal(start), None if end == FOREVER else date.fromordinal(end))
        yield (org_no, valid, Range(*known), *state)
