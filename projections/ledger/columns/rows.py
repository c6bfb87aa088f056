"""Reading the ledger's tables: the columns' growth, one organization, presences, anomalies, mentions."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from psycopg import Cursor, sql

from domain.ledger.entities import Attributes, Organization
from domain.ledger.placements import Answers
from domain.ledger.presence import Presence
from domain.values.terms import BODY_KINDS, EXCLUSION_REASONS, FORMATIONS, Anomaly
from projections.ledger.columns.columns import COPY_HEADER, COPY_TRAILER, ENTRY_FIELDS, AttributesRow, Columns
from projections.ledger.rows import AT_EFFECTIVE, INACTIVE, ActivityPolicyEntry, PolicyEntry, RawState

_STATE: Final = (
    "attributes_no, excluded, full_members, probationary_members, activists, standalone, joint, affiliated, "
    "instructors, full_elsewhere, probationary_elsewhere, answers, effective_standalone, effective_joint, "
    "effective_affiliated"
)
_ENTRIES: Final = f"""
COPY (SELECT {", ".join(ENTRY_FIELDS)} FROM {{schema}}.entry WHERE entry >= %s AND position <= %s
      ORDER BY entry LIMIT %s)
TO STDOUT (FORMAT binary)
"""  # noqa: S608 - names of this module's own columns
_ATTRIBUTES: Final = """
SELECT org_no, kind, category, region, industry, employees, legal_person FROM {schema}.attributes
WHERE attributes_no >= %s ORDER BY attributes_no LIMIT %s
"""
_ORGANIZATIONS: Final = "SELECT org FROM {schema}.organization WHERE org_no >= %s ORDER BY org_no LIMIT %s"
POSITION_MAX: Final = 2**63 - 1
# Of each table at once while the columns grow: in memory as Python objects some 600 bytes each, a tenth of a second.
PART: Final = 20_000
# Of the entries in their wire form, which take three times as much while they are read.
_WIRE_BYTES: Final = 4 << 20
_ANSWERS: Final = f"""
SELECT {", ".join(BODY_KINDS)}, waiting FROM {{schema}}.answers WHERE answers >= %s ORDER BY answers
"""  # noqa: S608 - names of the specification
_POLICIES: Final = """
SELECT position, day_from, day_to, full_members_for_branch, employees_for_branch, formations_counted,
       members_counted, small_unit FROM {schema}.policy ORDER BY position OFFSET %s
"""
_ACTIVITY_POLICIES: Final = """
SELECT position, day_from, day_to, data FROM {schema}.activity_policy ORDER BY position OFFSET %s
"""
_ATTRIBUTES_OF: Final = """
SELECT attributes_no, kind, category, name, region, industry, employees, supervisor, address,
       registered_region, legal_person, above_scale
FROM {schema}.attributes WHERE attributes_no = ANY(%s)
"""
_ORG_NO: Final = "SELECT org_no FROM {schema}.organization WHERE org = %s"
_ORG_ENTRIES: Final = f"""
SELECT position, day_from, day_to, {_STATE} FROM {{schema}}.entry
WHERE org_no = %s AND position <= %s ORDER BY entry
"""  # noqa: S608 - as above
_ENTRIES_OF: Final = f"""
SELECT org_no, position, day_from, day_to, {_STATE} FROM {{schema}}.entry
WHERE org_no = ANY(%s) AND position <= %s ORDER BY entry
"""  # noqa: S608 - as above
_PRESENCES: Final = """
SELECT DISTINCT ON (p.entity, p.org_no) p.entity, o.org, p.value
FROM {schema}.presence p JOIN {schema}.organization o USING (org_no)
WHERE p.org_no = ANY(%s) AND p.position <= %s AND p.day_from <= %s AND p.day_to > %s
ORDER BY p.entity, p.org_no, p.position DESC
"""
_MOVING: Final = """
SELECT entity, org_no, day_from, day_to, value FROM {schema}.presence
 WHERE position <= %(known_at)s AND day_to > %(since)s AND day_from <= %(until)s AND entity IN (
       SELECT entity FROM {schema}.presence
        WHERE entity LIKE 'member:%%' AND position <= %(known_at)s
          AND (day_from > %(since)s AND day_from <= %(until)s OR day_to > %(since)s AND day_to <= %(until)s))
 ORDER BY entity, position
"""
_ANOMALIES: Final = """
SELECT anomaly, subject, fact_position, day, detail FROM (
    SELECT DISTINCT ON (fact_position, anomaly, subject, day, detail)
           anomaly, subject, fact_position, day, detail, present
    FROM {schema}.anomaly
    WHERE position <= %(known_at)s AND (day IS NULL OR day <= %(day)s)
      AND (%(anomaly)s::text IS NULL OR anomaly = %(anomaly)s)
      AND (%(subjects)s::text[] IS NULL OR subject = ANY(%(subjects)s))
    ORDER BY fact_position, anomaly, subject, day, detail, position DESC
) latest WHERE present
"""
_MENTIONS: Final = """
SELECT DISTINCT position FROM {schema}.mention WHERE identifier = ANY(%s) AND since <= %s ORDER BY position
"""
_LAST_MENTION: Final = """
SELECT coalesce(max(since), 0) FROM {schema}.mention WHERE identifier = %s AND since <= %s
"""


@lru_cache(maxsize=256)
def _composed(text: str, schema: str) -> sql.Composed:
    return sql.SQL(text).format(schema=sql.Identifier(schema))


class OrgEntry(NamedTuple):
    """One entry of one organization: from `position` on, its raw state on [day_from, day_to)."""

    position: int
    day_from: int
    day_to: int
    state: RawState


class PresenceRow(NamedTuple):
    """A member (value: what they count as), branch (formation) or instructor (`assigned`) at an organization."""

    entity: str
    org: str
    value: str


class AnomalyRow(NamedTuple):
    """A contradiction that is present; `position` is the event that shows it, None for a state of a date."""

    anomaly: Anomaly
    subject: str | None
    position: int | None
    effective_on: date | None
    detail: str


class LedgerReading:
    """Reads one version of the ledger projection, in the PostgreSQL schema `schema`."""

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def _sql(self, text: str) -> sql.Composed:
        return _composed(text, self.schema)

    def grow(self, cursor: Cursor[Any], columns: Columns) -> bool:
        """Add to the columns what the tables have beyond them, a part of it; in a REPEATABLE READ transaction.

        A table of this version only ever grows, by numbers without gaps: what is loaded stays right in a later
        transaction. So a ledger of any size is loaded by short ones, and the columns may be read after the last.

        Returns:
            Whether there may be more; if not, the columns are what the tables are in this transaction.
        """
        counts = columns.counts
        entries, attributes, organizations, policies, answers, activity_policies = counts
        rows = cursor.execute(self._sql(_ORGANIZATIONS), (organizations, PART)).fetchall()
        columns.add_organizations([org for (org,) in rows])
        rows = cursor.execute(self._sql(_ATTRIBUTES), (attributes, PART)).fetchall()
        columns.add_attributes([AttributesRow(*row) for row in rows])
        found = cursor.execute(self._sql(_POLICIES), (policies,)).fetchall()
        columns.add_policies([PolicyEntry(*r) for r in found])
        columns.add_answers(self.answers(cursor, answers))
        found = cursor.execute(self._sql(_ACTIVITY_POLICIES), (activity_policies,)).fetchall()
        columns.add_activity_policies([ActivityPolicyEntry(*r) for r in found])
        for wire in self.entry_parts(cursor, entries, POSITION_MAX, PART):
            columns.add_entries(wire)
        return any(now - before >= PART for before, now in zip(counts[:3], columns.counts[:3], strict=True))

    def answers(self, cursor: Cursor[Any], first: int) -> list[Answers]:
        """The distinct answers from a number on, in order; that of number 0, nothing said, stands in no table."""
        rows = cursor.execute(self._sql(_ANSWERS), (first,)).fetchall()
        return [Answers(tuple(bodies), tuple(waiting)) for *bodies, waiting in rows]

    def entry_parts(self, cursor: Cursor[Any], entry: int, known_at: int, limit: int | None = None) -> Iterator[bytes]:
        """The entries from a number on, as known at a position, in COPY's binary format, some MiB at a time.

        In parts, so that a long log's wire form never stands in memory whole.
        """
        header = len(COPY_HEADER)
        parts: list[bytes | bytearray | memoryview] = []
        size = 0
        with cursor.copy(self._sql(_ENTRIES), (entry, known_at, limit)) as copy:
            for part in copy:
                parts.append(part)
                size += len(part)
                if size > _WIRE_BYTES:
                    yield b"".join(parts)[header:]
                    parts.clear()
                    header = size = 0
        yield b"".join(parts)[header : size - len(COPY_TRAILER)]

    def attributes(self, cursor: Cursor[Any], numbers: Sequence[int]) -> dict[int, Attributes]:
        """The attributes of these numbers."""
        rows = cursor.execute(self._sql(_ATTRIBUTES_OF), (list(numbers),), binary=True)
        return {number: Attributes(*values) for number, *values in rows}

    def org_no(self, cursor: Cursor[Any], org: str) -> int | None:
        """The number of an organization that any event has spoken of."""
        row = cursor.execute(self._sql(_ORG_NO), (org,)).fetchone()
        return row[0] if row else None

    def org_entries(self, cursor: Cursor[Any], org_no: int, known_at: int) -> list[OrgEntry]:
        """All entries of one organization as known at a position, in order."""
        rows = cursor.execute(self._sql(_ORG_ENTRIES), (org_no, known_at))
        return [OrgEntry(p, f, t, tuple(state)) for p, f, t, *state in rows]

    def entries_of(self, cursor: Cursor[Any], org_nos: Sequence[int], known_at: int) -> dict[int, list[OrgEntry]]:
        """By number all entries of each of these organizations as known at a position, in order."""
        found: dict[int, list[OrgEntry]] = {}
        for number, p, f, t, *state in cursor.execute(self._sql(_ENTRIES_OF), (list(org_nos), known_at), binary=True):
            found.setdefault(number, []).append(OrgEntry(p, f, t, tuple(state)))
        return found

    def presences(self, cursor: Cursor[Any], org_nos: Sequence[int], day: int, known_at: int) -> list[PresenceRow]:
        """Who and what is at these organizations on a day, as known at a position; by entity."""
        rows = cursor.execute(self._sql(_PRESENCES), (list(org_nos), known_at, day, day), binary=True).fetchall()
        return [PresenceRow(*row) for row in rows if row[2] is not None]

    def members_moving(self, cursor: Cursor[Any], since: int, until: int, known_at: int) -> Iterator[list[Any]]:
        """Of each member that something changes after `since` up to `until`, the presences of these days, in order.

        Each is the organization's number, the first day, the one after the last, and what the member counts as.
        """
        rows = cursor.execute(self._sql(_MOVING), {"since": since, "until": until, "known_at": known_at}, binary=True)
        for _, of_one in groupby(rows, itemgetter(0)):
            yield [values for _, *values in of_one]

    def anomalies(
        self,
        cursor: Cursor[Any],
        day: int,
        known_at: int,
        *,
        anomaly: str | None = None,
        subjects: Sequence[str] | None = None,
    ) -> list[AnomalyRow]:
        """The contradictions between facts effective by a day, as known at a position."""
        parameters = {
            "known_at": known_at,
            "day": day,
            "anomaly": anomaly,
            "subjects": None if subjects is None else list(subjects),
        }
        return [
            AnomalyRow(name, subject, position, None if at is None else date.fromordinal(at), detail)
            for name, subject, position, at, detail in cursor.execute(self._sql(_ANOMALIES), parameters)
        ]

    def mentions(self, cursor: Cursor[Any], identifiers: Sequence[str], known_at: int) -> list[int]:
        """The positions of the events that speak of any of these, as known at a position."""
        rows = cursor.execute(self._sql(_MENTIONS), (list(identifiers), known_at), binary=True).fetchall()
        return [position for (position,) in rows]

    def last_mention(self, cursor: Cursor[Any], identifier: str, known_at: int) -> int:
        """The last position at or before `known_at` at which an event came to speak of it; 0 where none did."""
        row = cursor.execute(self._sql(_LAST_MENTION), (identifier, known_at)).fetchone()
        return int(row[0]) if row else 0


def deciding(entries: Sequence[OrgEntry], day: int, known_at: int) -> RawState | None:
    """The raw state on a day as known at a position; None where no event has spoken of it."""
    for entry in reversed(entries):
        if entry.position <= known_at and entry.day_from <= day < entry.day_to:
            return entry.state
    return None


def organization_state(state: RawState, attributes: Attributes) -> Organization:
    """The organization's own state; inactive if the raw state is."""
    if state[0] == INACTIVE:
        return Organization()
    return Organization(attributes, EXCLUSION_REASONS[state[1] - 1] if state[1] else None)


def presence(state: RawState, *, judged: bool) -> Presence:
    """What stands at the organization; `judged`: an activity policy is in force."""
    formations = frozenset(f for f, count in zip(FORMATIONS, state[5:8], strict=True) if count > 0)
    effective = frozenset(f for f in FORMATIONS if state[AT_EFFECTIVE[f]] > 0) if judged else None
    return Presence(state[2], state[3], state[4], formations, *state[8:11], effective)
