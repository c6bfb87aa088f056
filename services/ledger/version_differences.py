"""What a consumer of the ledger's changes lacks once another version of the ledger has been put in use."""

import threading
from typing import Any, Final

import psycopg
from psycopg import Cursor

from domain.values.scope import Scope
from projections.ledger.differences import differing
from services.ledger import versions
from services.ledger.view import View, label_of

# Pairs of versions and scopes kept: a swap is rare, and all consumers ask about the same one.
KEPT_MAX: Final = 50


class VersionDifferences:
    """Which organizations' histories differ between the version of a mark and the one in use; worked out once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, Scope], frozenset[str] | None] = {}

    def between(self, cursor: Cursor[Any], label: str, view: View, scope: Scope) -> frozenset[str] | None:
        """The organizations that differ; None where all may, since nothing is left to compare with.

        Args:
            cursor: sees what lies within the scope, of either version.
            label: of the version before, as `View.label` gave it.
            view: the version in use.
            scope: the regions that the cursor is limited to.
        """
        key = label, view.label, scope
        with self._lock:
            if key not in self._kept:
                while len(self._kept) >= KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = _between(cursor, label, view)
            return self._kept[key]


def _between(cursor: Cursor[Any], label: str, view: View) -> frozenset[str] | None:
    before = versions.kept(cursor, int(label.partition(".")[0]))
    # Where the label is another, other rules read the copy's rows.
    if before is None or label_of(before) != label or before.tables_hash != view.version.tables_hash:
        return None
    try:
        with cursor.connection.transaction():
            found = differing(cursor, before.tables.schema, view.reading.schema, before.position)
    except psycopg.errors.UndefinedTable:
        return None  # dropped meanwhile
    return None if found is None else frozenset(found)
