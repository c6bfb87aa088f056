"""Exemplars (典型): branches, organizations and offices that met stated criteria all through so many months.

The criteria are part of the question. Nothing here speaks of a person: members are numbers, and of small units where
their band begins, so that no criterion tells them apart.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from domain.figures.ranking import exact
from domain.ledger.rates import ANY, Filters, Key, Rate, key_order, rates
from domain.values.periods import months_before
from domain.values.terms import RateName
from projections.ledger.columns.branches import BranchReading
from services.assessment.series import rates_before
from services.ledger.branches import BranchLedger, BranchRow, Wanted
from services.ledger.ledger_at import LedgerAt
from services.ledger.listing import as_told


class ExemplaryOrganization(NamedTuple):
    """An organization by its identifier, with its place."""

    org: str
    region: str


class ExemplaryOffice(NamedTuple):
    """An office's group: its rate on the date, and the lowest on the dates that were looked at."""

    key: Key
    rate: Rate
    lowest: Rate


def days_looked_at(as_of: date, months: int) -> list[date]:
    """The date, and the same day of each of so many months before; of a month's last day the months' last days."""
    return [months_before(as_of, each) for each in range(months + 1)]


def branches(ledger: LedgerAt, wanted: Wanted, months: int, members_min: int, covers_min: int) -> Sequence[BranchRow]:
    """The branches in sight that are meant and were in effect on each day, by identifier.

    Whoever is in effect had held what it owes in every judged period. `members_min` counts full and probationary ones.
    """
    (as_of, known_at), view = ledger.clocks, ledger.view
    now = BranchLedger(ledger)
    names = set(now.found(wanted._replace(in_effect=True)))
    with ledger.queries.everywhere().cursor() as cursor:
        for day in days_looked_at(as_of, months)[1:]:
            reading = BranchReading(cursor, view.reading.schema, day.toordinal(), known_at)
            names &= reading.in_effect(sorted(names))
    rows = now.rows(sorted(names))
    return [
        each
        for each in rows
        if each.full_members + each.probationary_members >= members_min and each.covers_in_all >= covers_min
    ]


def organizations(ledger: LedgerAt, filters: Filters, months: int, members_min: int) -> Sequence[ExemplaryOrganization]:
    """The organizations that are meant, not excluded, and effectively covered on each day, in order."""
    queries, (as_of, known_at) = ledger.queries, ledger.clocks
    rows = ledger.rows(filters._replace(effectively_covered=True))
    rows = rows.where(rows.excluded == 0)
    members = rows.full_members + rows.probationary_members
    rows = rows.where(as_told(rows, ledger.policy, members) >= members_min)
    held = rows.org_no
    for day in days_looked_at(as_of, months)[1:]:
        then = LedgerAt(queries, day, known_at).rows(ANY._replace(effectively_covered=True))
        held = np.intersect1d(held, then.org_no[then.excluded == 0])
    orgs, regions = ledger.view.snapshot.orgs, ledger.view.snapshot.regions
    places = dict(zip(rows.org_no.tolist(), rows.region.tolist(), strict=True))
    return sorted(ExemplaryOrganization(orgs[number], regions[places[number]]) for number in held.tolist())


def offices(  # noqa: PLR0917 - one question
    ledger: LedgerAt, filters: Filters, by: str, rate: RateName, least: Fraction, months: int, small: int
) -> Sequence[ExemplaryOffice]:
    """The groups of a dimension whose rate was at least so much on each day, over no fewer than `small` on the date."""
    found: dict[Key, list[Rate]] = {}
    for place, day in enumerate(days_looked_at(ledger.clocks.as_of, months)):
        now = rates_before(ledger.queries, day, ledger.clocks.known_at, (by,), filters).groups
        for key, counts in now.items():
            each = rates(counts)[rate]
            value = exact(each)
            if value is not None and value >= least and len(found.get(key, [])) == place:
                found.setdefault(key, []).append(each)
    held = {
        key: each
        for key, each in found.items()
        if len(each) == months + 1 and each[0].denominator >= small and key[0] is not None
    }
    return [
        ExemplaryOffice(key, each[0], min(each, key=lambda one: exact(one) or Fraction(0)))
        for key, each in sorted(held.items(), key=lambda item: key_order(item[0]))
    ]
