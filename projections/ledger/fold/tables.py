"""The ledger's tables: create them, add a batch, load what the fold remembers."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, Final

from psycopg import Cursor, sql

from domain.events.facts import EventKey
from domain.values.terms import BODY_KINDS
from projections.ledger.columns.columns import ENTRY_FIELDS, wire
from projections.ledger.fold.records import (
    EntityRecord,
    OrganizationRecord,
    decode_entity,
    decode_organization,
    encode_entity,
    encode_organization,
)
from projections.ledger.rows import Changes, Entry

COLUMNS: Final[dict[str, dict[str, str]]] = {
    "entry": {name: "int8" if name == "position" else "int4" for name in ENTRY_FIELDS},
    "organization": {"org_no": "int4", "org": "text"},
    "attributes": {
        "attributes_no": "int4", "org_no": "int4", "kind": "text", "category": "text", "name": "text",
        "region": "text", "industry": "text", "employees": "int4", "supervisor": "text", "address": "text",
        "registered_region": "text", "legal_person": "bool", "above_scale": "bool",
    },
    "presence": {
        "position": "int8", "entity": "text", "org_no": "int4", "day_from": "int4", "day_to": "int4", "value": "text",
    },
    "anomaly": {
        "position": "int8", "anomaly": "text", "subject": "text", "fact_position": "int8", "day": "int4",
        "detail": "text", "present": "bool",
    },
    "policy": {
        "position": "int8", "day_from": "int4", "day_to": "int4", "full_members_for_branch": "int4",
        "employees_for_branch": "int4", "formations_counted": "text[]", "members_counted": "text", "small_unit": "int4",
    },
    "answers": {"answers": "int4", **dict.fromkeys(BODY_KINDS, "text"), "waiting": "text[]"},
    "activity_policy": {"position": "int8", "day_from": "int4", "day_to": "int4", "data": "text"},
    "branch": {
        "position": "int8", "branch": "text", "day_from": "int4", "day_to": "int4", "name": "text", "tier": "text",
        "formation": "text", "region": "text", "groups": "int4", "formed_on": "int4", "term_from": "int4",
        "term_to": "int4", "extended_to": "int4[]", "vacant_since": "int4",
    },
    "meeting": {"position": "int8", "branch": "text", "day": "int4", "kind": "text", "held": "int4"},
    "parent": {"position": "int8", "branch": "text", "day_from": "int4", "day_to": "int4", "parent": "text"},
    "in_effect": {"position": "int8", "branch": "text", "day_from": "int4", "day_to": "int4", "in_effect": "bool"},
    "mention": {"identifier": "text", "position": "int8", "since": "int8"},
    "word": {"source": "text", "id": "text", "position": "int8"},
    "entity": {"name": "text", "record": "bytea"},
    "organization_record": {"org": "text", "record": "bytea"},
}  # fmt: skip

# Records go by COPY through a table of the session: an array of them would be written out value by value.
_STAGE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_record (name text, record bytea) ON COMMIT DELETE ROWS
"""
_UPSERT: Final = """
INSERT INTO {schema}.{table} AS kept SELECT * FROM staged_record
ON CONFLICT ({key}) DO UPDATE SET record = excluded.record
"""
# A list of names travels as one text; no name holds a line break (domain.events.envelope).
_ENTITIES: Final = """
SELECT name, record FROM {schema}.entity WHERE name = ANY(string_to_array(%s, E'\\n'))
"""
_RECORDS: Final = """
SELECT org, record FROM {schema}.organization_record WHERE org = ANY(string_to_array(%s, E'\\n'))
"""
_BRANCHES: Final = "SELECT name FROM {schema}.entity WHERE name LIKE 'branch:%'"
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
_NAMING: Final = "SELECT position FROM {schema}.mention WHERE identifier = %s ORDER BY position"

_IS_PROTECTED: Final = "SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)"
_POINT: Final = """
CREATE OR REPLACE VIEW {view} WITH (security_invoker) AS SELECT position FROM {schema}.mention
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
        self._run(cursor, "policies.sql")

    def protect(self, cursor: Cursor[Any]) -> bool:
        """Add the row-level policies to tables that were created before there were any; whether they were."""
        row = cursor.execute(_IS_PROTECTED, (f"{self.schema}.mention",)).fetchone()
        if row != (False,):
            return False
        self._run(cursor, "policies.sql")
        self.index(cursor)
        return True

    def point(self, cursor: Cursor[Any], view: str = "taizhang.mention") -> None:
        """Let the log's row-level policy, which reads the view, go by what this version's events name."""
        cursor.execute(sql.SQL(_POINT).format(schema=self._schema, view=sql.Identifier(*view.split("."))))

    def index(self, cursor: Cursor[Any]) -> None:
        """Create the readers' indexes, as far as they are missing."""
        self._run(cursor, "indexes.sql")

    def analyze(self, cursor: Cursor[Any]) -> None:
        """Tell the planner what the tables hold; by itself the server would, within a minute of the last row."""
        for table in COLUMNS:
            cursor.execute(sql.SQL("ANALYZE {}.{}").format(self._schema, sql.Identifier(table)))

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

    def add(self, cursor: Cursor[Any], changes: Changes, *, frozen: bool = False) -> None:
        """Append a batch's rows; `frozen` where the tables were emptied in the same transaction."""
        self._copy(cursor, "organization", changes.organizations, frozen=frozen)
        self._copy(cursor, "attributes", [(n, o, *a) for n, o, a in changes.attributes], frozen=frozen)
        self._copy_entries(cursor, changes.entries, frozen=frozen)
        answers = [(number, *each.bodies, list(each.waiting)) for number, each in changes.answers]
        self._copy(cursor, "answers", answers, frozen=frozen)
        self._copy(cursor, "presence", changes.presences, frozen=frozen)
        self._copy(cursor, "anomaly", changes.anomalies, frozen=frozen)
        self._copy(cursor, "policy", changes.policies, frozen=frozen)
        self._copy(cursor, "activity_policy", changes.activity_policies, frozen=frozen)
        self._copy(cursor, "branch", changes.branches, frozen=frozen)
        self._copy(cursor, "meeting", changes.meetings, frozen=frozen)
        self._copy(cursor, "parent", changes.parents, frozen=frozen)
        self._copy(cursor, "in_effect", changes.in_effect, frozen=frozen)
        self._copy(cursor, "mention", changes.mentions, frozen=frozen)
        self._copy(cursor, "word", changes.words, frozen=frozen)

    def empty(self, cursor: Cursor[Any]) -> None:
        """Empty all tables: rows that are then copied within the same transaction can be frozen at once."""
        names = [sql.SQL("{}.{}").format(self._schema, sql.Identifier(table)) for table in COLUMNS]
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))

    def fill(self, cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Copy rows into a table that was emptied in the same transaction."""
        self._copy(cursor, table, rows, frozen=True)

    def _statement(self, table: str, *, frozen: bool) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
        options = sql.SQL("FORMAT binary, FREEZE" if frozen else "FORMAT binary")
        return sql.SQL("COPY {}.{} ({}) FROM STDIN ({})").format(self._schema, sql.Identifier(table), names, options)

    def _copy(self, cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]], *, frozen: bool) -> None:
        if not rows:
            return
        with cursor.copy(self._statement(table, frozen=frozen)) as copy:
            copy.set_types(list(COLUMNS[table].values()))
            write = copy.write_row
            for row in rows:
                write(row)

    def _copy_entries(self, cursor: Cursor[Any], entries: Sequence[Entry], *, frozen: bool) -> None:
        if entries:
            with cursor.copy(self._statement("entry", frozen=frozen)) as copy:
                copy.write(wire(entries))

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

    def branches(self, cursor: Cursor[Any]) -> list[str]:
        """The branches that there are records of."""
        return [name for (name,) in cursor.execute(self._sql(_BRANCHES))]

    def organizations(self, cursor: Cursor[Any], orgs: Sequence[str]) -> dict[str, OrganizationRecord]:
        """The records of these organizations, as far as there are any."""
        rows = cursor.execute(self._sql(_RECORDS), ("\n".join(orgs),), binary=True)
        return {org: decode_organization(raw) for org, raw in rows}

    def naming(self, cursor: Cursor[Any], identifier: str) -> list[int]:
        """The positions of the events that name it."""
        return [position for (position,) in cursor.execute(self._sql(_NAMING), (identifier,))]

    def words(self, cursor: Cursor[Any], targets: Sequence[EventKey]) -> dict[EventKey, list[int]]:
        """The positions of the corrections and retractions of these events, in order."""
        found: dict[EventKey, list[int]] = {}
        parameters = ("\n".join(s for s, _ in targets), "\n".join(i for _, i in targets))
        for source, event_id, position in cursor.execute(self._sql(_WORDS), parameters):
            found.setdefault((source, event_id), []).append(position)
        return found
