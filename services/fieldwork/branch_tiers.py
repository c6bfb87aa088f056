"""How many branches there are of each tier: committees, general branches, branches."""

from collections import Counter
from typing import NamedTuple

from domain.values.terms import Tier
from services.ledger.branches import BranchLedger, Wanted
from services.ledger.ledger_at import LedgerAt


class OfTier(NamedTuple):
    """Branches of one tier, and the organizations that they cover."""

    tier: Tier
    branches: int
    covers: int


def branch_tiers(ledger: LedgerAt) -> list[OfTier]:
    """The tiers with the branches in sight that cover an active organization, the most branches first."""
    branches = BranchLedger(ledger)
    count: Counter[Tier] = Counter()
    sums: Counter[Tier] = Counter()
    for name in branches.found(Wanted()):
        if covers := branches.covers(name):
            count[branches.tier(name)] += 1
            sums[branches.tier(name)] += covers
    found = [OfTier(tier, number, sums[tier]) for tier, number in count.items()]
    return sorted(found, key=lambda each: (-each.branches, each.tier))
