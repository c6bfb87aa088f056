"""The ledger's tables against the log: every event folded anew, and every row compared with what the events give.

Nothing is written, and nothing that the fold remembers is read from the tables under test.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection, Cursor, IsolationLevel, sql
from psycopg.conninfo import make_conninfo

from domain.events.facts import Event
from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.memory import BuildingMemory
from projections.ledger.fold.tables import COLUMNS, LedgerTables
from projections.ledger.rows import Changes
from services.evidence.bundles.answers import no_garbage_collection
from services.evidence.verifier.report import Report
from services.ledger import versions
from services.ledger.bulk_build import memory_used_up
from services.ledger.held import WAITS, could_be_applied
from services.ledger.projector import fits
from services.ledger.ruleset import rules
from services.ledger.versions import Version
from services.log.batches import batches
from services.log.reader import LogReader, is_readable

BATCH_EVENTS: Final = 5_000
#: From how many events on it pays to read them ahead in a process of its own.
READ_AHEAD_FROM: Final = 50_000
FAULTS_MAX: Final = 20
_READ_AT_ONCE: Final = 20_000
#: By table: which column says when a row came, and the order to read it in.
_KEYS: Final = {
    "organization": ("org_no", "org_no"),
    "attributes": ("attributes_no", "attributes_no"),
    "entry": ("position", "position, entry"),
    "presence": ("position", "position"),
    "anomaly": ("position", "position"),
    "policy": ("position", "position"),
    "activity_policy": ("position", "position"),
    "branch": ("position", "position"),
    "meeting": ("position", "position"),
    "parent": ("position", "position"),
    "in_effect": ("position", "position"),
    "mention": ("since", "since"),
    "word": ("position", "position"),
}
#: Tables whose key is a number of their own, not a position.
_NUMBERED: Final = frozenset({"organization", "attributes"})
#: Tables whose rows hold lists.
_LISTING: Final = frozenset({"policy", "branch"})
_HELD: Final = "SELECT position, fault FROM taizhang.projection_held WHERE version = %s ORDER BY position"

Row = tuple[Any, ...]
Progress = Callable[[int], None]


def check_projection(report: Report, connection: Connection[Any], progress: Progress = lambda _: None) -> None:
    """Fold the log anew and compare every row of the version in use; name the first position whose rows differ.

    `progress` is called with the number of events done since the last call. All records are in memory, about 1 KB for
    each event; what no longer fits into a quarter of the machine's is not compared.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    with connection.transaction(), connection.cursor() as cursor, no_garbage_collection():
        version = versions.in_use(cursor)
        if version is None:
            report.notes("尚无台账投影", "there is no projection of the ledger yet")
        elif version.tables_hash != rules().tables:
            report.notes(
                "台账投影的表结构出自另一版本, 未核对",
                f"the projection's tables are of another release (rule set {version.ruleset}) and were not compared: "
                "taizhang rebuild makes them anew from the log, and then they are",
            )
        elif not version.is_own:
            _compare_with_others(report, connection, cursor, version, progress)
        else:
            _compare(report, connection, cursor, version, progress)


def _compare_with_others(
    report: Report, connection: Connection[Any], cursor: Cursor[Any], version: Version, progress: Progress
) -> None:
    """Compare rows that other rules made: equal ones are proved, others may be the upgrade's doing and are no fault."""
    trial = Report(report.size)
    _compare(trial, connection, cursor, version, progress)
    if not trial.faults:
        report.good += trial.good
        report.notes(
            "台账投影出自另一版规则, 结果与本版一致",
            f"the projection was made by other rules ({version.ruleset}), which gave the same rows as those of this "
            "release",
        )
        return
    first = trial.first
    where = "" if first is None or first.position is None else f", first at position {first.position}"
    chinese = "" if first is None or first.position is None else f", 首见于位置 {first.position}"
    report.notes(
        f"台账投影出自另一版规则, 与本版结果有 {trial.faults_total} 处不同{chinese}: 由规则变更还是篡改所致, 未作判断",
        f"the projection was made by other rules ({version.ruleset}) and differs from what this release's give in "
        f"{trial.faults_total} places{where}: whether by the change of rules or by tampering was NOT judged. "
        "The release that made it can tell; taizhang rebuild makes it anew from the log",
    )


def _compare(
    report: Report, connection: Connection[Any], cursor: Cursor[Any], version: Version, progress: Progress
) -> None:
    known = len(report.faults)
    held = dict(cursor.execute(_HELD, (version.number,)).fetchall())
    tables = _Compared(report, connection, version.tables.schema)
    memory = BuildingMemory(tables, LogReader(connection))
    fold, position = LedgerFold(memory, fits, 0, 0), 0
    with _batches(connection, version.position) as ahead:
        for batch in ahead:
            tables.span = (position + 1, batch[-1].position)
            counted = [event for event in batch if event.position not in held and is_readable(event)]
            memory.prefetch(cursor, counted)
            for event in counted:
                memory.now = event.position
                _apply(report, fold, event)
            tables.add(cursor, fold.take())
            position = batch[-1].position
            progress(len(batch))
            if memory_used_up():
                break
    if position < version.position:
        report.holds(
            f"台账各表只核对到位置 {position}",
            f"the tables were compared up to position {position} only: that took a quarter of the machine's memory",
        )
    else:
        memory.write(cursor)
        tables.finish()
    tables.close()
    _tell_held(report, connection, held)
    if len(report.faults) == known:
        report.holds(
            f"台账各表与前 {position:,} 个事件重新汇总的结果逐行一致",
            f"every row of the ledger's tables follows from the first {position:,} events, folded anew",
        )
        if position >= report.size and report.statement is not None:
            report.statement = "complete"


def _apply(report: Report, fold: LedgerFold, event: Event) -> None:
    """Apply one event; that it cannot be is a fault of the ledger, which should have held it."""
    try:
        fold.apply(event)
    except psycopg.Error:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever an event does to the fold, as in the projector
        words = f"the event cannot be applied and is not held: {type(fault).__name__} {fault}"
        report.fails(event.position, "事件无法汇总, 却未搁置", words)


def _tell_held(report: Report, connection: Connection[Any], held: Mapping[int, str]) -> None:
    """Events without a part in the ledger: a fault, unless they truly cannot be applied or wait for one that cannot."""
    at_fault = [
        position for position, fault in held.items() if fault != WAITS and could_be_applied(connection, position)
    ]
    for position in at_fault[:FAULTS_MAX]:
        report.fails(
            position,
            "事件被搁置, 未计入台账",
            f"the event is sound, and held ({held[position]}): it and {len(held) - 1} others have no part in the "
            "ledger; run: taizhang held retry",
        )
    if held and not at_fault:
        first = next(iter(held))
        report.notes(
            f"{len(held)} 个事件无法应用, 被搁置, 未计入台账",
            f"{len(held)} events cannot be applied and have no part in the ledger, the first at position {first} "
            f"({held[first]}): taizhang held list",
        )


@contextmanager
def _batches(connection: Connection[Any], until: int) -> Iterator[Iterator[list[Event]]]:
    """The events up to a position; of a long log read ahead on another connection, since what is in it stays."""
    if until >= READ_AHEAD_FROM:
        conninfo = make_conninfo(connection.info.dsn, password=connection.info.password)
        with batches(conninfo, until, BATCH_EVENTS) as ahead:
            yield ahead
    else:
        log = LogReader(connection)
        starts = range(0, until, BATCH_EVENTS)
        yield (log.after(start, min(BATCH_EVENTS, until - start)) for start in starts)


class _Compared(LedgerTables):
    """Compares the rows that the fold would write with those that are there."""

    def __init__(self, report: Report, connection: Connection[Any], schema: str) -> None:
        super().__init__(schema)
        self.span = (0, 0)
        self._report = report
        self._stored = {name: _Rows(connection, schema, name) for name in _KEYS}
        self._told = 0

    def add(self, _: Cursor[Any], changes: Changes, *, frozen: bool = False) -> None:
        del frozen  # nothing is written
        for table, made in _rows_of(changes).items():
            expected = _countable(table, made)
            stored = self._stored[table]
            last = max((row[stored.at] for row in expected), default=-1) if table in _NUMBERED else self.span[1]
            found = stored.up_to(last)
            if found != expected:
                self._differ(table, stored.at, Counter(expected), Counter(found))

    def fill(self, cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
        """The records of a table, each with its name; what is remembered decides the rows of events to come."""
        key = next(iter(COLUMNS[table]))
        statement = sql.SQL("SELECT {}, record FROM {}.{}").format(
            sql.Identifier(key), sql.Identifier(self.schema), sql.Identifier(table)
        )
        made = dict(tuple(row) for row in rows)
        found = dict(cursor.execute(statement, binary=True))
        wrong = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
        if wrong:
            self._tell(None, table, f"{len(wrong)} records differ, as that of {wrong[0]}")

    def _differ(self, table: str, at: int, expected: Counter[Row], found: Counter[Row]) -> None:
        """Tell of the first row that is missing, and the first that should not be there."""
        missing, extra = list((expected - found).elements()), list((found - expected).elements())
        if not missing and not extra:
            return
        first, last = self.span
        if table not in _NUMBERED:
            first = last = min(row[at] for row in (*missing, *extra))
        said = [f"{len(missing)} missing, as {_shown(missing[0])}"] if missing else []
        said += [f"{len(extra)} that do not follow from the events, as {_shown(extra[0])}"] if extra else []
        self._tell(first, table, "; ".join(said), last if last > first else None)

    def _tell(self, position: int | None, table: str, words: str, last: int | None = None) -> None:
        self._told += 1
        if self._told <= FAULTS_MAX:
            english = f"table {self.schema}.{table}: {words}; taizhang rebuild makes it anew from the log"
            self._report.fails(position, f"台账表 {table} 与事件不符", english, last)

    def finish(self) -> None:
        """What is left in the tables has no event."""
        for table, stored in self._stored.items():
            rest = stored.up_to(None)
            if rest:
                self._tell(None, table, f"{len(rest)} rows beyond the last event, as {_shown(rest[0])}")

    def close(self) -> None:
        """Let go of the tables."""
        for stored in self._stored.values():
            stored.close()


def _rows_of(changes: Changes) -> dict[str, Iterable[Row]]:
    """By table the rows of a batch, each with its values in the order of the columns."""
    return {
        "organization": changes.organizations,
        "attributes": ((number, org_no, *attributes) for number, org_no, attributes in changes.attributes),
        "entry": ((*entry[:6], *entry.state) for entry in changes.entries),
        "presence": changes.presences,
        "anomaly": changes.anomalies,
        "policy": changes.policies,
        "activity_policy": changes.activity_policies,
        "branch": changes.branches,
        "meeting": changes.meetings,
        "parent": changes.parents,
        "in_effect": changes.in_effect,
        "mention": changes.mentions,
        "word": changes.words,
    }


class _Rows:
    """One table's rows, read in order as they are asked for."""

    def __init__(self, connection: Connection[Any], schema: str, table: str) -> None:
        key, order = _KEYS[table]
        names = list(COLUMNS[table])
        self.at, self._table = names.index(key), table
        self._cursor = connection.cursor(f"check_{table}")
        self._cursor.itersize = _READ_AT_ONCE
        statement = f"SELECT {', '.join(names)} FROM {{}}.{{}} ORDER BY {order}"  # noqa: S608 - names of the tables' own columns
        self._cursor.execute(sql.SQL(statement).format(sql.Identifier(schema), sql.Identifier(table)), binary=True)
        self._rows = self._all()
        self._next = next(self._rows, None)

    def _all(self) -> Iterator[Row]:
        yield from self._cursor if self._table not in _LISTING else _countable(self._table, self._cursor)

    def up_to(self, last: int | None) -> list[Row]:
        """The rows not given yet whose key is at most `last`; None for all."""
        taken = []
        while self._next is not None and (last is None or self._next[self.at] <= last):
            taken.append(self._next)
            self._next = next(self._rows, None)
        return taken

    def close(self) -> None:
        """End the reading."""
        self._cursor.close()


def _countable(table: str, rows: Iterable[Row]) -> list[Row]:
    """Rows that can be counted: a policy's and a branch's hold lists."""
    if table not in _LISTING:
        return list(rows)
    return [tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows]


def _shown(row: Row) -> str:
    return "(" + ", ".join("" if value is None else str(value) for value in row)[:300] + ")"
