"""Weak branches, found by the ledger itself: whose firms could stand alone, and with too few full members."""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from psycopg import sql

from domain.facts import Fact, standing_facts
from domain.fold import Branch
from domain.rectification import Contradicted, Rectification, rectifications
from domain.scope import in_scope
from domain.signals import branch_after
from domain.terms import FORMATIONS
from projections.ledger.standing import standing
from services.deciding import events_about
from services.office_facts import office_facts
from services.projector import fits
from services.queries import Queries

Weakness = Literal["could_stand_alone", "below_threshold"]
WEAKNESSES: Final[tuple[Weakness, ...]] = get_args(Weakness)
SHARED: Final = ("joint", "affiliated")

_COVERING: Final = """
SELECT entity, org_no, value FROM (
    SELECT DISTINCT ON (entity, org_no) entity, org_no, value FROM {schema}.presence
     WHERE entity LIKE 'branch:%%' AND position <= %s AND day_from <= %s AND day_to > %s
     ORDER BY entity, org_no, position DESC
) latest WHERE value IS NOT NULL ORDER BY entity, org_no
"""


class WeakBranch(NamedTuple):
    """A branch that is weak on the date.

    Attributes:
        formation: how it covers its organizations.
        covers: active organizations that it covers; excluded ones are among them.
        full_members: at these.
        weaknesses: why it is found.
        could_stand_alone: eligible organizations that have no branch of their own, by identifier.
    """

    branch: str
    formation: str
    covers: int
    full_members: int
    weaknesses: list[Weakness]
    could_stand_alone: list[str]


def weak_branches(queries: Queries, as_of: date, known_at: int, region: str | None = None) -> list[WeakBranch]:
    """The weak branches at the end of a date, as known at a position, by name.

    Args:
        queries: the ledger.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge.
        region: only those that cover an organization in a region that begins so.
    """
    view = queries.view.current
    day = as_of.toordinal()
    policy = view.snapshot.policy(day, known_at)
    rows = standing(view.snapshot, day, known_at, policy)
    at = np.full(view.snapshot.organizations, -1, np.int32)
    at[rows.org_no] = np.arange(len(rows), dtype=np.int32)
    statement = sql.SQL(_COVERING).format(schema=sql.Identifier(view.reading.schema))
    with queries.cursor() as cursor:
        covering = cursor.execute(statement, (known_at, day, day)).fetchall()
    regions = list(view.snapshot.regions)
    seen = [in_scope(code, queries.scope) for code in regions]
    meant = [region is None or code.startswith(region) for code in regions]
    by_branch: dict[tuple[str, str], list[int]] = {}
    for branch, org_no, formation in covering:
        if org_no < len(at) and at[org_no] >= 0:
            by_branch.setdefault((branch, formation), []).append(int(at[org_no]))
    # An eligible organization under a branch of its own stands alone already.
    alone = FORMATIONS.index("standalone")
    could = (rows.eligible & (rows.formation != alone) & (rows.excluded == 0)).tolist()
    home_of, members_of, numbers_of = (a.tolist() for a in (rows.region, rows.full_members, rows.org_no))
    found = []
    for (branch, formation), numbers in by_branch.items():
        # A branch is judged by all that it covers: who may not see all of it is not told of it.
        homes = [home_of[i] for i in numbers]
        if not all(seen[home] for home in homes) or not any(meant[home] for home in homes):
            continue
        full_members = sum(members_of[i] for i in numbers)
        grown = [view.snapshot.orgs[numbers_of[i]] for i in numbers if could[i]] if formation in SHARED else []
        weaknesses: list[Weakness] = ["could_stand_alone"] if grown else []
        if full_members < policy.full_members_for_branch:
            weaknesses.append("below_threshold")
        if weaknesses:
            found.append(WeakBranch(branch, formation, len(numbers), full_members, weaknesses, sorted(grown)))
    return found


def branches(queries: Queries, names: list[str], as_of: date, known_at: int) -> Mapping[str, Branch]:
    """These branches' own states: name, tier, region."""
    with queries.connection() as connection:
        events = events_about(connection, queries.view.current.reading, names, known_at)
    facts: dict[str, list[Fact]] = {name: [] for name in names}
    for fact in standing_facts(events, fits)[0]:
        if fact.effective_on <= as_of and fact.entity in facts:
            facts[fact.entity].append(fact)
    return {name: branch_after(of_branch) for name, of_branch in facts.items()}


def all_rectifications(queries: Queries, as_of: date, known_at: int) -> tuple[list[Rectification], list[Contradicted]]:
    """Every rectification opened by the date, as known at a position, and the facts without effect."""
    with queries.connection() as connection:
        return rectifications(office_facts(connection, queries.view.current, ["rectification"], as_of, known_at))
