"""The organizations of a document, one row each: what the ledger says of them, and what of that may be published."""

from collections.abc import Iterator
from typing import Final

from api.exports.document import WITHHELD, Column, Kind, Table, Value
from api.exports.figures import Asked, Shown
from api.site.texts import text
from domain.ledger.bands import bands
from domain.ledger.policy import Policy
from domain.ledger.rows import Row
from services.ledger.ledger_at import LedgerAt
from services.ledger.listing import ListKey, listing
from services.ledger.queries import Queries

# How many are read at once.
_AT_ONCE: Final = 2_000
# The name, the heading's text, and the kind of each column.
_COLUMNS: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("org", "export.org", "text"), ("name", "export.name", "text"), ("kind", "kind", "text"),
    ("category", "category", "text"), ("place", "region", "text"), ("region", "export.region", "text"),
    ("industry", "export.industry", "text"), ("supervisor", "export.supervisor", "text"),
    ("employees", "count.employees", "count"), ("full_members", "count.full_members", "count"),
    ("probationary_members", "count.probationary_members", "count"), ("activists", "count.activists", "count"),
    ("bands", "column.bands", "text"),
    ("organization_covered", "organization_covered", "text"), ("formation", "formation", "text"),
    ("work_covered", "work_covered", "text"), ("eligible", "eligible", "text"), ("measure", "measure", "text"),
    ("excluded", "excluded", "text"),
)  # fmt: skip
_OF_MEMBERS: Final = ("full_members", "probationary_members", "activists")
# Counts of an organization's own people, and what follows from them (spec/domain.md: eligible, measure).
_OF_PEOPLE: Final = ("employees", "full_members", "probationary_members", "activists", "bands", "eligible", "measure")


def listed(queries: Queries, asked: Asked, shown: Shown) -> tuple[list[Table], list[str]]:
    """The sheet of organizations and its notes, where a document is asked for them."""
    if not asked.organizations:
        return [], []
    notes = [text(asked.lang, "export.note.organizations")]
    if asked.public:
        notes.append(text(asked.lang, "export.note.organizations.publication"))
    return [_organizations(queries, asked, shown)], notes


def _organizations(queries: Queries, asked: Asked, shown: Shown) -> Table:
    """All organizations that the document counts, by code; for publication nothing of their people."""
    columns = [Column(name, text(shown.lang, title), kind) for name, title, kind in _COLUMNS]
    policy = LedgerAt(queries, asked.as_of, asked.known_at).policy
    rows = (_values(shown, each, policy, public=asked.public) for each in _rows(queries, asked))
    return Table("organizations", text(shown.lang, "export.sheet.organizations"), columns, rows)


def _rows(queries: Queries, asked: Asked) -> Iterator[Row]:
    """All rows, so many at once, of the one version that `queries` is pinned to."""
    after: ListKey | None = None
    while page := listing(queries, asked.as_of, asked.known_at, asked.filters, after=after, limit=_AT_ONCE):
        yield from (each.row for each in page)
        after = page[-1].key


def _values(shown: Shown, row: Row, policy: Policy, *, public: bool) -> list[Value]:
    its, words = row.attributes, shown.names.term
    values: dict[str, Value] = {
        "org": row.org, "name": its.name, "kind": words("kind", its.kind), "category": words("category", its.category),
        "place": words("region", its.region), "region": its.region, "industry": its.industry,
        "supervisor": its.supervisor, "employees": its.employees, "full_members": row.full_members,
        "probationary_members": row.probationary_members, "activists": row.activists, "bands": None,
        "organization_covered": words("organization_covered", row.organization_covered),
        "formation": words("formation", row.formation), "work_covered": words("work_covered", row.work_covered),
        "eligible": words("eligible", row.eligible), "measure": words("measure", row.measure),
        "excluded": None if row.excluded is None else words("excluded", row.excluded),
    }  # fmt: skip
    small = bands(row, policy)
    if small is not None:
        told = "; ".join(
            f"{text(shown.lang, f'count.{name}')} {text(shown.lang, f'card.{small[name]}')}" for name in _OF_MEMBERS
        )
        values |= {**dict.fromkeys(_OF_MEMBERS), "bands": told}
    return [WITHHELD if public and name in _OF_PEOPLE else values[name] for name, _, _ in _COLUMNS]
