"""The names that organizations have on a date."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from projections.ledger.columns.counts import deciding_entries
from services.ledger.queries import Queries


def names_of(queries: Queries, orgs: Sequence[str], as_of: date, known_at: int) -> dict[str, str]:
    """By organization its name at the end of a date; those that are not active then are left out."""
    if not orgs:
        return {}
    view = queries.view.current
    snapshot, version = view.snapshot, view.version.number
    numbers = {org: queries.homes.number(version, snapshot, org) for org in orgs}
    entries = deciding_entries(snapshot, as_of.toordinal(), known_at)
    entry_of = np.full(snapshot.organizations, -1, np.int32)
    entry_of[snapshot.entries["org_no"][entries]] = entries
    attributes_no = {
        org: int(snapshot.entries["attributes_no"][entry_of[number]])
        for org, number in numbers.items()
        if number is not None and number < snapshot.organizations and entry_of[number] >= 0
    }
    with queries.cursor() as cursor:
        found = view.reading.attributes(cursor, [number for number in attributes_no.values() if number >= 0])
    return {org: found[number].name for org, number in attributes_no.items() if number in found}
