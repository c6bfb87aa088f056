"""Members of a single small unit in bands (spec/domain.md, Small units): none, one to two, three and more.

In rows, lists and exports of single organizations they stand in place of the numbers; the dossier, whose reading is
recorded, has these, and groups are counted exactly.
"""

from collections.abc import Mapping
from typing import Final, Literal

from domain.ledger.policy import Policy
from domain.ledger.rows import Row

Band = Literal["band_none", "band_few", "band_three"]
#: From so many on all are one band.
BAND_TOP: Final = 3
MEMBERS: Final = ("full_members", "probationary_members", "activists", "members_elsewhere")


def is_small(row: Row, policy: Policy) -> bool:
    """Whether a unit's members are told in bands: a sole proprietor, or fewer employees than the policy's size."""
    employees = row.attributes.employees
    return row.attributes.category == "sole_proprietor" or (employees is not None and employees < policy.small_unit)


def band(count: int) -> Band:
    """None, one to two, or three and more."""
    if count == 0:
        return "band_none"
    return "band_few" if count < BAND_TOP else "band_three"


def bands(row: Row, policy: Policy) -> Mapping[str, Band] | None:
    """A small unit's members by standing; None of a unit whose numbers are told."""
    return {name: band(getattr(row, name)) for name in MEMBERS} if is_small(row, policy) else None
