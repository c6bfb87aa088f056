"""How many branches there are of each tier: committees, general branches, branches."""

from collections import Counter
from typing import NamedTuple

from domain.values.scope import in_scope
from projections.ledger.columns.counts import standing
from services.fieldwork.weak_branches import branches
from services.ledger.ledger_at import LedgerAt


class Tier(NamedTuple):
    """Branches of one tier, None where no event names it, and the organizations that they cover."""

    tier: str | None
    branches: int
    covers: int


def branch_tiers(ledger: LedgerAt) -> list[Tier]:
    """The tiers with the branches that cover an active organization in sight, the most branches first."""
    covers = covered_by(ledger)
    states = branches(ledger.queries, list(covers), *ledger.clocks)
    count: Counter[str | None] = Counter()
    sums: Counter[str | None] = Counter()
    for name, organizations in covers.items():
        tier = states[name].tier
        count[tier] += 1
        sums[tier] += organizations
    found = [Tier(tier, number, sums[tier]) for tier, number in count.items()]
    return sorted(found, key=lambda each: (-each.branches, each.tier or ""))


def covered_by(ledger: LedgerAt) -> dict[str, int]:
    """By branch how many active organizations it covers, if all of them are in sight."""
    scope, view, day = ledger.queries.scope, ledger.view, ledger.clocks.day
    rows = standing(view.snapshot, day, ledger.clocks.known_at, ledger.policy)
    regions = list(view.snapshot.regions)
    home = {int(org): regions[region] for org, region in zip(rows.org_no, rows.region, strict=True)}
    found: Counter[str] = Counter()
    hidden: set[str] = set()
    covering = ledger.queries.covering(view, day, ledger.clocks.known_at)
    for branch, org in zip(covering.branch.tolist(), covering.org_no.tolist(), strict=True):
        if org in home:
            name = covering.names[branch]
            found[name] += 1
            # Whoever may not see all that a branch covers is not told of it.
            if not in_scope(home[org], scope):
                hidden.add(name)
    return {name: count for name, count in found.items() if name not in hidden}
