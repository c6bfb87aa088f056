"""What has become known of a date since a state of knowledge: organizations in and out of each count, by source."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.rates import Counts, Filters
from projections.ledger.columns.moves import Moved
from services.inspection.changes import EVENTS_MAX, moved_since, policy_positions, touches_of
from services.ledger.ledger_at import LedgerAt
from services.system.errors import InvalidValueError

# The counts of organizations that rates are made of.
COUNTED: Final = (
    "registered", "organizations", "organization_covered", "work_covered", "eligible", "eligible_covered",
)  # fmt: skip
_SOURCES: Final = "SELECT notification_id, source FROM taizhang.log WHERE notification_id = ANY(%s)"


class InOut(NamedTuple):
    """Organizations that came into a count, and that went out of it."""

    into: int
    out: int


class SourceSince(NamedTuple):
    """Of the organizations that events of one source touched; those that two sources touched stand under both."""

    source: str
    events: int
    organizations: int
    counts: Mapping[str, InOut]


class Since(NamedTuple):
    """Organizations that moved between two states of knowledge, by count, and by source."""

    organizations: int
    counts: Mapping[str, InOut]
    sources: list[SourceSince]


def known_since(ledger: LedgerAt, since: int, filters: Filters) -> Since:
    """Who came in and went out, from the state of knowledge `since` on.

    Raises:
        InvalidValueError: more than EVENTS_MAX events took part.
    """
    found = moved_since(ledger, since, filters)
    touches = touches_of(ledger, since, found.org_no)
    if len(touches.position) > EVENTS_MAX:
        raise InvalidValueError(
            f"{len(touches.position)} events moved organizations since position {since}; name an earlier known_at, so "
            f"that at most {EVENTS_MAX} did"
        )
    policies = policy_positions(ledger, since)
    positions = np.union1d(touches.position, np.array(policies, np.int64)).tolist()
    with ledger.queries.cursor() as cursor:
        source_of = dict(cursor.execute(_SOURCES, (positions,)).fetchall())
    every: NDArray[np.bool_] = np.ones(len(found.org_no), np.bool_)
    sources = []
    for source in sorted(set(source_of.values())):
        of_source = [position for position in positions if source_of[position] == source]
        touched = touches.org_no[np.isin(touches.position, of_source)]
        # An event of the policy touches all that moved.
        chosen = every if set(of_source) & set(policies) else np.isin(found.org_no, touched)
        sources.append(SourceSince(source, len(of_source), int(chosen.sum()), _counts(found, chosen)))
    return Since(len(found.org_no), _counts(found, every), sources)


def _counts(found: Moved, chosen: NDArray[np.bool_]) -> dict[str, InOut]:
    by_name = {name: found.difference[chosen, field] for field, name in enumerate(Counts._fields)}
    return {name: InOut(int((by_name[name] > 0).sum()), int((by_name[name] < 0).sum())) for name in COUNTED}
