"""Notices on the setting of branches (组织设置提示), found by the ledger itself and never held against anybody.

Whose firms could stand alone, too few full members or none, a joint branch over many, a standalone one over several, a
committee that covers organizations itself, a tier that its numbers do not carry (spec/domain.md, Notices).
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

import numpy as np

from domain.events.facts import Fact, standing_facts
from domain.fieldwork.rectification import Contradicted, Rectification, rectifications
from domain.inspection.signals import branch_after
from domain.ledger.branches import Branch
from domain.ledger.policy import Policy
from domain.ledger.rates import ANY
from domain.values.scope import Scope
from domain.values.terms import FORMATIONS, Formation, Tier
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Standing, members_counted, seen, standing
from projections.ledger.columns.coverings import Covering
from services.ledger.branches import BranchLedger, Wanted
from services.ledger.ledger_at import LedgerAt
from services.ledger.projector import fits
from services.ledger.queries import Queries
from services.ledger.traces import events_about

Weakness = Literal[
    "could_stand_alone", "below_threshold", "without_members", "joint_over_many", "standalone_over_several",
    "committee_covers", "tier_not_carried",
]  # fmt: skip
WEAKNESSES: Final[tuple[Weakness, ...]] = get_args(Weakness)
SHARED: Final = ("joint", "affiliated")
# A joint branch covers so many as a rule at most.
JOINT_MAX: Final = 5
# From so many full and probationary members on a tier is set up, with all that stand below it.
CARRIED_FROM: Final[Mapping[Tier, int]] = {"branch": 0, "general_branch": 50, "committee": 100}


class WeakBranch(NamedTuple):
    """A branch of which something is noticed on the date.

    Attributes:
        formation: the strongest by which it covers its organizations.
        covers: active organizations that it covers; excluded ones are among them.
        full_members: at these, of those that the policy counts (`members_counted`).
        weaknesses: what is noticed.
        could_stand_alone: eligible organizations that have no branch of their own, by identifier.
    """

    branch: str
    formation: str
    covers: int
    full_members: int
    weaknesses: list[Weakness]
    could_stand_alone: list[str]


def weak_branches(queries: Queries, as_of: date, known_at: int, region: str | None = None) -> list[WeakBranch]:
    """The branches of which something is noticed at the end of a date, as known at a position, by name.

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
    covering = queries.covering(view, day, known_at)
    at = np.full(view.snapshot.organizations, -1, np.int32)
    at[rows.org_no] = np.arange(len(rows), dtype=np.int32)
    row = at[covering.org_no]
    scope = queries.scope_at(as_of, known_at)
    judged = _judged(view.snapshot, scope, rows, covering.where(row >= 0), row[row >= 0], policy, region)
    return _with_notices(LedgerAt(queries, as_of, known_at), {each.branch: each for each in judged}, region)


def _with_notices(ledger: LedgerAt, judged: Mapping[str, WeakBranch], region: str | None) -> list[WeakBranch]:
    """The branches with what is noticed of their own setting too, by name."""
    branches, found = BranchLedger(ledger), dict(judged)
    in_region = None if region is None else set(ledger.rows(ANY._replace(region=region)).org_no.tolist())
    orgs = ledger.view.snapshot.orgs
    inside = None if in_region is None else {orgs[number] for number in in_region}
    for name in branches.found(Wanted()):
        formations = branches.formations(name)
        here = inside is None or bool(inside.intersection(formations))
        if not formations and region is not None:
            here = branches.named(name)[1].startswith(region)
        noticed = _noticed(branches, name, formations) if here else []
        if not noticed:
            continue
        each = found.get(name)
        if each is None:
            formation = min(formations.values(), key=FORMATIONS.index, default=branches.formation(name))
            each = WeakBranch(name, formation, len(formations), branches.members(name, "full_members"), [], [])
        found[name] = each._replace(weaknesses=[*each.weaknesses, *noticed])
    return [found[name] for name in sorted(found)]


def _noticed(branches: BranchLedger, name: str, formations: Mapping[str, Formation]) -> list[Weakness]:
    """What is noticed of one branch by its tier, its pairs and its members."""
    tier, how = branches.tier(name), Counter(formations.values())
    any_member = branches.members(name, "full_members", "probationary_members", "members_elsewhere")
    carried = branches.members(name, "full_members", "probationary_members")
    found: dict[Weakness, bool] = {
        "without_members": branches.covers_in_all(name) > 0 and any_member == 0,
        "joint_over_many": how["joint"] > JOINT_MAX,
        "standalone_over_several": how["standalone"] > 1,
        "committee_covers": tier == "committee" and bool(formations),
        "tier_not_carried": carried < CARRIED_FROM[tier],
    }
    return [each for each, holds in found.items() if holds]


def _judged(  # noqa: PLR0917 - one question
    snapshot: Snapshot, scope: Scope, rows: Standing, covering: Covering, row: Int32, policy: Policy, region: str | None
) -> list[WeakBranch]:
    """The weak ones among branches; `row` is for each that is covered its place among the rows."""
    if not len(row):
        return []
    regions = list(snapshot.regions)
    in_sight = seen(snapshot, rows.region, rows.answers, scope)
    in_region = np.array([region is None or code.startswith(region) for code in regions])
    begins = np.flatnonzero(np.append(True, covering.branch[1:] != covering.branch[:-1]))
    home = rows.region[row]
    # A branch is judged by all that it covers: who may not see all of it is not told of it.
    told = np.logical_and.reduceat(in_sight[row], begins) & np.logical_or.reduceat(in_region[home], begins)
    members = np.add.reduceat(members_counted(snapshot.entries, rows.entry[row], policy), begins)
    few = members < policy.full_members_for_branch
    # An eligible organization under a branch of its own stands alone already.
    could = rows.eligible & (rows.formation != FORMATIONS.index("standalone")) & (rows.excluded == 0)
    grown = could[row] & np.isin(covering.formation, [FORMATIONS.index(name) for name in SHARED])
    weak = np.flatnonzero(told & (few | np.logical_or.reduceat(grown, begins)))
    ends = np.append(begins[1:], len(row))
    judged = []
    for first, end, full_members in zip(*(a[weak].tolist() for a in (begins, ends, members)), strict=True):
        firms = sorted(snapshot.orgs[n] for n in covering.org_no[first:end][grown[first:end]].tolist())
        weaknesses: list[Weakness] = ["could_stand_alone"] if firms else []
        if full_members < policy.full_members_for_branch:
            weaknesses.append("below_threshold")
        name, formation = covering.names[covering.branch[first]], FORMATIONS[covering.formation[first:end].min()]
        judged.append(WeakBranch(name, formation, end - first, full_members, weaknesses, firms))
    return judged


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
    return rectifications(queries.office_facts(["rectification"], as_of, known_at))
