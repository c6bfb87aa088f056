"""What differs between two versions of the ledger: the organizations whose history is not the same in both.

For whoever keeps a copy by the one and goes on with the other; no figure is made of it.
"""

from typing import Any, Final

from psycopg import Cursor, sql

from projections.ledger.columns.columns import ENTRY_FIELDS
from projections.ledger.fold.tables import COLUMNS

# Numbers that each version gives for itself; what they stand for is compared.
_OWN: Final = frozenset({"entry", "org_no", "previous", "attributes_no"})
_STATE: Final = ", ".join(
    [f"e.{name}" for name in ENTRY_FIELDS if name not in _OWN]
    + ["e.attributes_no < 0"]
    + [f"a.{name}" for name in COLUMNS["attributes"] if name not in _OWN]
)
_HISTORIES: Final = f"""
SELECT o.org, md5(string_agg(ROW({_STATE})::text, ' ' ORDER BY e.entry)) AS history
  FROM {{schema}}.entry e JOIN {{schema}}.organization o ON o.org_no = e.org_no
  LEFT JOIN {{schema}}.attributes a ON a.attributes_no = e.attributes_no
 WHERE e.position <= %(until)s GROUP BY o.org
"""  # noqa: S608 - names of the tables' own columns
_DIFFERING: Final = """
SELECT org FROM ({}) AS before FULL JOIN ({}) AS after USING (org) WHERE before.history IS DISTINCT FROM after.history
"""
_POLICIES: Final = f"""
SELECT {", ".join(COLUMNS["policy"])} FROM {{schema}}.policy WHERE position <= %(until)s ORDER BY position, day_from
"""  # noqa: S608 - as above


def differing(cursor: Cursor[Any], before: str, after: str, until: int) -> set[str] | None:
    """The organizations whose entries up to position `until` differ between two schemas; None: all, by the policy."""
    policies = [
        cursor.execute(sql.SQL(_POLICIES).format(schema=sql.Identifier(each)), {"until": until}).fetchall()
        for each in (before, after)
    ]
    if policies[0] != policies[1]:
        return None
    histories = [sql.SQL(_HISTORIES).format(schema=sql.Identifier(each)) for each in (before, after)]
    return {org for (org,) in cursor.execute(sql.SQL(_DIFFERING).format(*histories), {"until": until})}
