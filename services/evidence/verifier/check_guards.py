"""What keeps the tables as they are: triggers, functions, views, rules, policies, constraints and what the reader may.

What is due is nowhere written a second time: the migrations and the projection's own SQL make it anew in schemas of
another name, in a transaction that is rolled back, and both are compared as the server itself describes them.
"""

from typing import Any, Final

import psycopg
from psycopg import Connection, Cursor, Rollback

from projections.ledger.fold.tables import LedgerTables
from services.evidence.verifier.report import Report
from services.ledger import versions
from services.ledger.ruleset import ruleset
from services.postgres.database import READER, SCHEMA, migrations

SCRATCH: Final = f"{SCHEMA}_verify"
SCRATCH_LEDGER: Final = f"{SCRATCH}_ledger"
#: What guards a table may not have beside those that are due either.
_NO_MORE: Final = frozenset(("trigger", "rule", "policy"))
FAULTS_MAX: Final = 20

_GUARDS: Final = """
WITH relation AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT 'relation', relname::text, concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity)
  FROM relation
UNION ALL
SELECT 'right', relname::text, (SELECT coalesce(string_agg(p, ' ' ORDER BY p), 'none')
                                  FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER,REFERENCES}'::text[]) AS p
                                 WHERE has_table_privilege(%(reader)s, r.oid, p)) FROM relation r
UNION ALL
SELECT 'trigger', relname || '.' || tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid))
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT 'view', relname::text, concat_ws(' ', reloptions::text, pg_get_viewdef(oid)) FROM relation WHERE relkind = 'v'
UNION ALL
SELECT 'rule', relname || '.' || rulename, pg_get_ruledef(w.oid)
  FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'policy', relname || '.' || polname,
       concat_ws(' ', polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid),
                 pg_get_expr(polwithcheck, polrelid))
  FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL
SELECT 'constraint', relname || '.' || conname, concat_ws(' ', convalidated, pg_get_constraintdef(o.oid))
  FROM pg_constraint o JOIN relation r ON r.oid = o.conrelid WHERE contype IN ('p', 'u', 'c', 'f')
UNION ALL
SELECT 'function', proname::text, pg_get_functiondef(f.oid)
  FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname = %(schema)s AND prokind = 'f'
"""
_APPLIED: Final = "SELECT version FROM taizhang.migration"

Guards = dict[tuple[str, str], str]


def check_guards(report: Report, connection: Connection[Any]) -> None:
    """Compare the guards of the schema, and of the projection in use, with those that are due; nothing is changed."""
    known = len(report.faults)
    has, due, schemas = list[Guards](), list[Guards](), [SCHEMA]
    try:
        with connection.transaction(), connection.cursor() as cursor:
            version = versions.in_use(cursor)
            if version is not None and version.ruleset == ruleset():  # another release made its tables otherwise
                schemas.append(version.tables.schema)
            has = [_guards(cursor, schema) for schema in schemas]
            _make(cursor, None if version is None else version.tables)
            due = [_guards(cursor, schema) for schema in (SCRATCH, SCRATCH_LEDGER)[: len(schemas)]]
            raise Rollback
    except psycopg.errors.DuplicateSchema:
        report.fails(None, f"模式 {SCRATCH} 不应存在", f"schema {SCRATCH} is in the way of this check: drop it")
        return
    except psycopg.Error as fault:
        report.notes(
            "未核对触发器、视图与权限策略",
            f"triggers, views and policies were not checked, what is due could not be made beside them: {fault}",
        )
        return
    for schema, here, expected in zip(schemas, has, due, strict=True):
        for each in _differing(here, expected)[:FAULTS_MAX]:
            report.fails(None, f"防护被改动: {schema}.{each}", f"guard {schema}.{each}; restore the database")
    if len(report.faults) == known:
        guards = sum(map(len, due))
        report.holds(
            f"{guards} 项触发器、函数、视图、策略、约束与读者权限如初",
            f"{guards} triggers, functions, views, policies, constraints and the reader's rights are as they were made",
        )


def _make(cursor: Cursor[Any], tables: LedgerTables | None) -> None:
    """The schemas under other names."""
    cursor.execute(f"CREATE SCHEMA {SCRATCH}".encode())
    applied = {version for (version,) in cursor.execute(_APPLIED)}
    for migration in (each for each in migrations() if each.version in applied):
        cursor.execute(migration.text.replace(f"{SCHEMA}.", f"{SCRATCH}.").encode())
    if tables is not None:
        LedgerTables(SCRATCH_LEDGER).create(cursor)
        tables.point(cursor, f"{SCRATCH}.mention")


def _guards(cursor: Cursor[Any], schema: str) -> Guards:
    """By kind and name, as the server describes them, with every name in full and under the schema's own name."""
    cursor.execute("SELECT set_config('search_path', '', true)")
    rows = cursor.execute(_GUARDS, {"schema": schema, "reader": READER}).fetchall()
    return {
        (kind, name): text.replace(f"{schema}.", ".").replace(f"{SCRATCH}.", f"{SCHEMA}.") for kind, name, text in rows
    }


def _differing(has: Guards, due: Guards) -> list[str]:
    found = [f"{name}: the {kind} is missing" for kind, name in due.keys() - has.keys()]
    found += [f"{name}: a {kind} that is not due" for kind, name in has.keys() - due.keys() if kind in _NO_MORE]
    found += [
        f"{name}: the {kind} was changed: it is {has[kind, name][:300]!r}, due is {due[kind, name][:300]!r}"
        for kind, name in due.keys() & has.keys()
        if has[kind, name] != due[kind, name]
    ]
    return sorted(found)
