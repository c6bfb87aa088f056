"""Finding organizations by a part of their name or identifier."""

from typing import Any, Final, NamedTuple

from psycopg import Cursor, sql

# strpos, not LIKE: what is looked for may hold % and _.
_NAMED: Final = """
SELECT attributes_no FROM {schema}.attributes WHERE strpos(lower(name), lower(%s)) > 0
"""
_CODED: Final = """
SELECT org_no FROM {schema}.organization WHERE strpos(upper(org), upper(%s)) > 0
"""


class Found(NamedTuple):
    """Numbers of attributes with such a name, and of organizations with such an identifier."""

    attributes: list[int]
    organizations: list[int]


def find(cursor: Cursor[Any], schema: str, part: str) -> Found:
    """All that hold `part`, letters' case aside; a name counts on the days on which it was the organization's."""

    def numbers(query: str) -> list[int]:
        rows = cursor.execute(sql.SQL(query).format(schema=sql.Identifier(schema)), (part,))
        return [number for (number,) in rows]

    return Found(numbers(_NAMED), numbers(_CODED))
