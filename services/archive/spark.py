"""`taizhang replay --engine spark`: the events of an archive folded anew in keyed steps, on any Spark master.

0. *Events by name*: what was said of an event meets it, and the fact that stands comes out (domain.events.facts).
1. *Facts by entity*: folded in canonical order, they tell at which organizations the entity is on the date.
2. *Branches*, under an activity policy: the full members of all parts are added, and each branch is judged by its own
   facts; the tree of branches, small, is gone up here.
3. *Organizations*: all that decides the rows of some of them, folded once more, gives rows and counts.
4. *Groups*: the counts of all parts are added.

What is too wide to be anywhere (the policy, and whatever else is about no organization) goes to every part. Each step
reads partitions that Spark has sorted; the rules are `domain`'s own, called as the fold in one process calls them.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import orjson
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from domain.events.envelope import check_data
from domain.events.facts import ACTIVITY_POLICY, LEDGER_FAMILIES, Event, Fact, family_of, standing_fact
from domain.ledger.entities import apply, initial_state
from domain.ledger.hierarchy import DECIDING_PARENTS, hierarchy
from domain.ledger.living import with_those_above
from domain.ledger.rates import Counts, Filters, Key, add, group
from domain.ledger.rows import Ledger, ledger_of
from domain.tree.merkle import Frontier
from projections.ledger.touched import organizations_at
from services.archive.figures import Counted, Question, answer
from services.archive.layout import EVENT, ArchiveError, Segment, digest_of
from services.archive.opening import events_in, require_root
from services.evidence.copies.stored import event_of

APPLICATION: Final = "taizhang-replay"
# Families whose entities are at organizations; whatever else decides rows is told to all.
_KEYED: Final = frozenset({"organization", "member", "branch", "instructor"})
_BATCH_ROWS: Final = 4096
# Parts of step 2, of which each is folded in memory: so many for each segment of the log.
_PARTS_OF_SEGMENT: Final = 2

_SEGMENT: Final = "log string, path string, sha256 string, segment string, position bigint"
_NAMED: Final = (
    "log string, name string, position bigint, source string, id string, type string, time_ns bigint, data binary"
)
_FACT: Final = (
    "log string, entity string, day int, time_ns bigint, rank int, source string, id string, type string, data binary, "
    "position bigint"
)
_SENT: Final = f"part int, {_FACT}"
_MEMBERS: Final = "log string, branch string, full int"
_JUDGED: Final = "log string, branch string, in_effect int"
_COUNTED: Final = "log string, key string, counts binary"
# A committee or general branch: those below it say whether it is in effect.
_ABOVE: Final = -1
_ADOPTED: Final = "taizhang.activity_policy.adopted.v1"
Rows = Iterator[tuple[Any, ...]]


def replay(asked: Question, master: str | None = None) -> dict[str, Any]:
    """The answer to a question, from nothing but the events.

    Args:
        asked: the question.
        master: of Spark; all cores of this machine, if left out.

    Raises:
        ArchiveError: a file is not what was signed, or its events do not give the roots that were.
    """
    session = _session(master)
    parts = max(_PARTS_OF_SEGMENT * sum(len(log.segments(known.position)) for log, known in asked.logs), 2)
    session.conf.set("spark.sql.shuffle.partitions", str(parts))
    named = _step(_segments(session, asked), _read_segments, _NAMED)
    facts = _step(_sorted(named, "log", "name", "position"), partial(_standing, asked.as_of), _FACT)
    order = ("log", "entity", "day", "time_ns", "rank", "source", "id")
    facts = facts.persist()
    sent = _sorted(_step(_sorted(facts, *order), partial(_places, parts), _SENT), "part", "log")
    try:
        living = _living(facts, sent, order, asked.as_of)
        counting = partial(_count, asked.dimensions, asked.filters, asked.as_of, living)
        found = _step(sent, counting, _COUNTED).collect()
    except Exception as fault:
        # Spark hands over what a task raised as text.
        message = next((line for line in str(fault).splitlines() if _ARCHIVE_FAULT in line), None)
        if message is None:
            raise
        raise ArchiveError(message.partition(_ARCHIVE_FAULT)[2].strip()) from None
    finally:
        facts.unpersist()
    return answer(asked, [Counted(_added(log.origin, found), log.origin in living) for log, _ in asked.logs])


def _living(facts: DataFrame, sent: DataFrame, order: tuple[str, ...], as_of: date) -> dict[str, dict[str, bool]]:
    """Step 2: of each log that has an activity policy on the date which branches are in effect."""
    adopted = _by_log(facts.where(facts.type == _ADOPTED).collect())
    if not adopted:
        return {}
    full: dict[str, dict[str, int]] = {}
    for log, branch, members in _step(sent, partial(_full_members, as_of), _MEMBERS).collect():
        at = full.setdefault(log, {})
        at[branch] = at.get(branch, 0) + members
    of_branches = _sorted(facts.where(facts.type.startswith("taizhang.branch.")), *order)
    own: dict[str, dict[str, bool | None]] = {}
    for log, branch, alive in _step(of_branches, partial(_judged, as_of, adopted, full), _JUDGED).collect():
        own.setdefault(log, {})[branch] = None if alive == _ABOVE else alive == 1
    trees = _by_log(facts.where(facts.type.isin([*DECIDING_PARENTS])).collect())
    return {log: with_those_above(own.get(log, {}), hierarchy(sorted(trees.get(log, []))).parents) for log in adopted}


def _by_log(rows: Iterable[Any]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(_fact(tuple(row)))
    return {log: sorted(facts) for log, facts in found.items()}


_ARCHIVE_FAULT: Final = f"{ArchiveError.__module__}.{ArchiveError.__qualname__}:"


def _session(master: str | None) -> SparkSession:
    # Workers on this machine run the same Python; a cluster's have one of their own, with taizhang installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    building = SparkSession.builder.appName(APPLICATION).config("spark.ui.enabled", "false")
    building = building.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(_BATCH_ROWS))
    session: SparkSession = building.master(master or "local[*]").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _segments(session: SparkSession, asked: Question) -> DataFrame:
    """A row for each segment that holds events known then; each is a task of its own."""
    rows = [
        (
            log.origin, str((log.folder / segment.files[EVENT][0]).resolve()), segment.files[EVENT][1],
            orjson.dumps(segment._asdict()).decode(), known.position,
        )
        for log, known in asked.logs
        for segment in log.segments(known.position)
    ]  # fmt: skip
    return session.createDataFrame(rows, _SEGMENT).repartition(max(len(rows), 1), "path")


def _sorted(rows: DataFrame, *columns: str) -> DataFrame:
    """Rows with the same first two columns in one partition, all in order."""
    return rows.repartition(*columns[:2]).sortWithinPartitions(*columns)


def _step(rows: DataFrame, work: Callable[[Rows], Iterable[tuple[Any, ...]]], schema: str) -> DataFrame:
    """Rows made of rows, partition by partition."""
    return rows.mapInArrow(partial(_in_arrow, work, _arrow_schema(schema)), schema)


def _in_arrow(
    work: Callable[[Rows], Iterable[tuple[Any, ...]]], schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    made = iter(work(_rows(batches)))
    while chunk := list(islice(made, _BATCH_ROWS)):
        columns = zip(*chunk, strict=True)
        yield pa.record_batch([pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema)


def _rows(batches: Iterator[pa.RecordBatch]) -> Rows:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


_TYPES: Final = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "binary": pa.binary()}


def _arrow_schema(schema: str) -> pa.Schema:
    return pa.schema([(name, _TYPES[kind]) for name, kind in (each.split() for each in schema.split(", "))])


def _read_segments(segments: Rows) -> Rows:
    """The facts and words of whole segments, each checked against its hash and its root."""
    for log, name_of_file, digest, told, position in segments:
        path = Path(name_of_file)
        segment = Segment(**orjson.loads(told))
        if digest_of(path) != digest:
            raise ArchiveError(f"{path} is not the file that the log's key signed for: it was changed")
        tree = Frontier()
        for stored in events_in(path, segment.last):
            tree.append(stored.leaf_hash)
            if stored.position > position:
                continue
            event = event_of(stored)
            if not event.is_fact or family_of(event.type) in LEDGER_FAMILIES:
                name = "\n".join(event.key if event.is_fact else event.target)
                yield (
                    log, name, event.position, event.source, event.id, event.type, event.time_ns,
                    orjson.dumps(event.data),
                )  # fmt: skip
        require_root(segment, tree)


def _standing(as_of: date, named: Rows) -> Rows:
    """Step 0: of each event that is named, the fact that stands after all that was said of it."""
    for (log, _), rows in groupby(named, itemgetter(0, 1)):
        told = [_event(row) for row in rows]
        words = [event for event in told if not event.is_fact]
        for event in told:
            if event.is_fact:
                fact = standing_fact(event, words, _fits)
                if fact is not None and fact.effective_on <= as_of:
                    yield (
                        log,
                        fact.entity,
                        fact.effective_on.toordinal(),
                        *fact[1:6],
                        orjson.dumps(fact.data),
                        fact.position,
                    )


def _event(row: tuple[Any, ...]) -> Event:
    _, _, position, source, id_, type_, time_ns, data = row
    return Event(position, source, id_, type_, time_ns, orjson.loads(data))


def _fits(type_: str, data: object) -> bool:
    return not check_data(type_, data)


def _places(parts: int, facts: Rows) -> Rows:
    """Step 1: the facts of each entity, sent to the parts of the organizations where it is on the date."""
    for (log, entity), rows in groupby(facts, itemgetter(0, 1)):
        told = list(rows)
        for part in sorted(_parts(parts, log, entity, told)):
            for row in told:
                yield (part, *row)


def _parts(parts: int, log: str, entity: str, rows: list[tuple[Any, ...]]) -> set[int]:
    if family_of(rows[0][7]) not in _KEYED:
        return set(range(parts))
    state = initial_state(rows[0][7])
    for row in rows:
        state, _ = apply(state, _fact(row))
    return {crc32(f"{log} {org}".encode()) % parts for org in organizations_at(entity, state)}


def _fact(row: tuple[Any, ...]) -> Fact:
    _, _, day, time_ns, rank, source, id_, type_, data, position = row
    return Fact(date.fromordinal(day), time_ns, rank, source, id_, type_, orjson.loads(data), position, (position,))


def _ledgers(as_of: date, sent: Rows) -> Iterator[tuple[str, Ledger]]:
    """The ledger of each part."""
    for (_, log), rows in groupby(sent, itemgetter(0, 1)):
        # Those of the part alone: an organization's own facts were sent nowhere else.
        told: dict[str, list[Fact]] = {}
        for fact in sorted(_fact(row[1:]) for row in rows):
            told.setdefault(fact.entity, []).append(fact)
        yield log, ledger_of(told.items(), as_of)


def _full_members(as_of: date, sent: Rows) -> Rows:
    """Step 2: by branch the full members at the organizations of each part."""
    for log, ledger in _ledgers(as_of, sent):
        for branch, full in ledger.full_members().items():
            yield log, branch, full


def _judged(as_of: date, adopted: dict[str, list[Fact]], full: dict[str, dict[str, int]], facts: Rows) -> Rows:
    """Step 2: what is judged of each branch by itself."""
    for (log, branch), rows in groupby(facts, itemgetter(0, 1)):
        if log in adopted:
            told = [(branch, [_fact(row) for row in rows]), (ACTIVITY_POLICY, adopted[log])]
            for alive in ledger_of(told, as_of).judged(full.get(log, {})).values():
                yield log, branch, _ABOVE if alive is None else int(alive)


def _count(
    group_by: tuple[str, ...], filters: Filters, as_of: date, living: dict[str, dict[str, bool]], sent: Rows
) -> Rows:
    """Step 3: the counts of the organizations of each part."""
    for log, ledger in _ledgers(as_of, sent):
        for key, counts in group(ledger.rows(living=living.get(log, {})), group_by, filters).items():
            yield log, orjson.dumps(key).decode(), orjson.dumps(list(counts))


def _added(log: str, found: Iterable[Any]) -> dict[Key, Counts]:
    """Step 4: the counts of one log's groups."""
    groups: dict[Key, Counts] = {}
    for origin, key, counts in found:
        if origin == log:
            read: Key = tuple(orjson.loads(key))
            groups[read] = add(groups.get(read, Counts()), Counts(*orjson.loads(counts)))
    return groups
