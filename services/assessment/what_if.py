"""The same history under another policy: asked, never stored."""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from domain.ledger.meaning import lifted, without_levels
from domain.ledger.policy import Policy
from domain.ledger.rates import Filters, answerable
from domain.values.terms import Formation, MembersCounted
from projections.ledger.columns.counts import matching, standing
from projections.ledger.columns.grouping import group
from services.ledger.queries import Queries, Rates, rates_of


class Supposition(NamedTuple):
    """What is supposed; None leaves the value of the policy in force.

    `exclusions_ignored` counts the excluded like all others.
    """

    full_members_for_branch: int | None = None
    employees_for_branch: int | None = None
    formations_counted: tuple[Formation, ...] | None = None
    exclusions_ignored: bool = False
    members_counted: MembersCounted | None = None
    small_unit: int | None = None

    def policy(self, in_force: Policy) -> Policy:
        """The policy that results."""
        given = {name: getattr(self, name, None) for name in Policy._fields}
        return in_force._replace(**{name: value for name, value in given.items() if value is not None})


class WhatIf(NamedTuple):
    """The figures as they are, and as they would be."""

    in_force: Rates
    supposed: Rates


def what_if(  # noqa: PLR0917 - one question
    queries: Queries, as_of: date, known_at: int, supposition: Supposition, group_by: tuple[str, ...], filters: Filters
) -> WhatIf:
    """Counts by group and in total under the policy in force and under another one.

    Filters on what the policy decides (measure, eligible) mean the rows under each side's own policy.
    """
    in_force = queries.rates(as_of, known_at, group_by, filters)
    snapshot = queries.view.current.snapshot
    meant = queries.meaning(filters, as_of, known_at, group_by)
    policy = supposition.policy(in_force.policy)
    rows = standing(snapshot, as_of.toordinal(), known_at, policy)
    rows = rows.where(matching(snapshot, rows, meant.filters))
    if supposition.exclusions_ignored:
        rows = replace(rows, excluded=np.zeros_like(rows.excluded))
    judged = snapshot.is_judged(as_of.toordinal(), known_at)
    if not answerable(filters, judged=judged):
        return WhatIf(in_force, in_force)
    groups = lifted(group(snapshot, rows, without_levels(group_by)), group_by, meant.bodies)
    return WhatIf(in_force, rates_of(groups, policy, judged=judged))
