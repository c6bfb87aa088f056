"""The ledger's tables: create them, add a batch, load what the fold remembers."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, Final

from psycopg import Cursor, sql

from domain.facts import EventKey
from projections.ledger.changes import Changes
from projections.ledger.records import (
    EntityRecord,
    OrganizationRecord,
    decode_entity,
    decode_organization,
    encode_entity,
    encode_organization,
)

_COLUMNS: Final = {
    "entry": (
        "entry, position, org_no, day_from, day_to, previous, attributes_no, excluded,"
        " full_members, probationary_members, activists, standalone, joint, affiliated, instructors"
    ),
    "organization": "org_no, org",
    "attributes": ("attributes_no, org_no, kind, category, name, region, industry, employees, supervisor, address"),
    "presence": "position, entity, org_no, day_from, day_to, value",
    "anomaly": "position, anomaly, subject, fact_position, day, detail, present",
    "policy": ("position, day_from, day_to, full_members_for_branch, employees_for_branch, formations_counted"),
    "mention": "identifier, position, since",
    "word": "source, id, position",
}

# Records go by COPY through a table of the session: an array of them would be written out value by value.
_STAGE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_record (name text, record bytea) ON COMMIT DELETE ROWS
"""
_UPSERT: Final = """
INSERT INTO {schema}.{table} AS kept SELECT * FROM staged_record
ON CONFLICT ({key}) DO UPDATE SET record = excluded.record
"""
# A list of names travels as one text; no name holds a line break (domain.envelope).
_ENTITIES: Final = """
SELECT name, record FROM {schema}.entity WHERE name = ANY(string_to_array(%s, E'\\n'))
"""
_RECORDS: Final = """
SELECT org, record FROM {schema}.organization_record WHERE org = ANY(string_to_array(%s, E'\\n'))
"""
_NEXT: Final = """
SELECT (SELECT coalesce(max(entry) + 1, 0) FROM {schema}.entry),
       (SELECT coalesce(max(attributes_no) + 1, 0) FROM {schema}.attributes),
       (SELECT coalesce(max(org_no) + 1, 0) FROM {schema}.organization)
"""
_WORDS: Final = """
SELECT w.source, w.id, w.position FROM {schema}.word w
JOIN unnest(string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n')) AS t (source, id) USING (source, id)
ORDER BY w.position
"""


class LedgerTables:
    """The tables of one version, in the PostgreSQL schema `schema`."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._schema = sql.Identifier(schema)

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(schema=self._schema)

    def create(self, cursor: Cursor[Any]) -> None:
        """Create the schema and its tables, empty and without the indexes that only readers need."""
        cursor.execute(self._sql("CREATE SCHEMA {schema}"))
        self._run(cursor, "tables.sql")

    def index(self, cursor: Cursor[Any]) -> None:
        """Create the readers' indexes, as far as they are missing."""
        self._run(cursor, "indexes.sql")

    def _run(self, cursor: Cursor[Any], file: str) -> None:
        cursor.execute(self._sql((resources.files(__package__) / file).read_text("utf-8")))

    def drop(self, cursor: Cursor[Any]) -> None:
        """Drop the schema with all its tables."""
        cursor.execute(self._sql("DROP SCHEMA IF EXISTS {schema} CASCADE"))

    def next_numbers(self, cursor: Cursor[Any]) -> tuple[int, int, int]:
        """The next entry, attributes and organization numbers."""
        row = cursor.execute(self._sql(_NEXT)).fetchone()
        assert row is not None  # noqa: S101  a SELECT of scalars gives one row
        return row[0], row[1], row[2]

    def add(self, cursor: Cursor[Any], changes: Changes) -> None:
        """Append a batch's rows."""
        self._copy(cursor, "organization", changes.organizations)
        self._copy(cursor, "attributes", ((n, o, *a) for n, o, a in changes.attributes))
        self._copy(cursor, "entry", ((*e[:6], *e.state) for e in changes.entries))
        self._copy(cursor, "presence", changes.presences)
        self._copy(cursor, "anomaly", changes.anomalies)
        self._copy(cursor, "policy", changes.policies)
        self._copy(cursor, "mention", changes.mentions)
        self._copy(cursor, "word", changes.words)

    def _copy(self, cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
        statement = sql.SQL("COPY {}.{} ({}) FROM STDIN").format(
            self._schema,
            sql.Identifier(table),
            sql.SQL(_COLUMNS[table]),
        )
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return
        with cursor.copy(statement) as copy:
            copy.write_row(first)
            for row in iterator:
                copy.write_row(row)

    def save(
        self,
        cursor: Cursor[Any],
        entities: Mapping[str, EntityRecord],
        organizations: Mapping[str, OrganizationRecord],
    ) -> None:
        """Keep the records that a batch changed."""
        cursor.execute(_STAGE)
        self._upsert(cursor, "entity", "name", ((n, encode_entity(r)) for n, r in entities.items()))
        orgs = ((o, encode_organization(r)) for o, r in organizations.items())
        self._upsert(cursor, "organization_record", "org", orgs)

    def _upsert(self, cursor: Cursor[Any], table: str, key: str, records: Iterable[tuple[str, bytes]]) -> None:
        with cursor.copy("COPY staged_record FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["text", "bytea"])
            for record in records:
                copy.write_row(record)
        cursor.execute(
            sql.SQL(_UPSERT).format(schema=self._schema, table=sql.Identifier(table), key=sql.Identifier(key))
        )
        cursor.execute("TRUNCATE staged_record")

    def entities(self, cursor: Cursor[Any], names: Sequence[str]) -> dict[str, EntityRecord]:
        """The records of these entities, as far as there are any."""
        rows = cursor.execute(self._sql(_ENTITIES), ("\n".join(names),), binary=True)
        return {name: decode_entity(raw) for name, raw in rows}

    def organizations(self, cursor: Cursor[Any], orgs: Sequence[str]) -> dict[str, OrganizationRecord]:
        """The records of these organizations, as far as there are any."""
        rows = cursor.execute(self._sql(_RECORDS), ("\n".join(orgs),), binary=True)
        return {org: decode_organization(raw) for org, raw in rows}

    def words(self, cursor: Cursor[Any], targets: Sequence[EventKey]) -> dict[EventKey, list[int]]:
        """The positions of the corrections and retractions of these events, in order."""
        found: dict[EventKey, list[int]] = {}
        parameters = ("\n".join(s for s, _ in targets), "\n".join(i for _, i in targets))
        for source, event_id, position in cursor.execute(self._sql(_WORDS), parameters):
            found.setdefault((source, event_id), []).append(position)
        return found
