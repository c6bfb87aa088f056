"""The cards that offices keep (一企一档, 一支部一档): line by line what stands in them, and the events that say so.

What the log does not hold is a line too, left open with its reason: whoever fills it in does so by hand. Members of a
single small unit are told in bands (spec/domain.md, Small units): a card is taken away.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from domain.ledger.bands import band, is_small
from domain.ledger.placements import NONE
from domain.ledger.rows import Row
from domain.ledger.traces import DecidedBy
from domain.values.terms import BODY_KINDS
from services.inspection.branch_history import branch_history
from services.ledger.branch_dossier import branch_dossier
from services.ledger.branches import BranchLedger, BranchRow
from services.ledger.dossier import Dossier, dossier
from services.ledger.ledger_at import LedgerAt
from services.ledger.meaning import bodies_at
from services.system.errors import NotFoundError

# Why a line is left open: it is of a person, or no registry says it.
Open = Literal["personal", "not_held"]
_STEPS_MAX: Final = 100_000
_ATTRIBUTES: Final = (
    "category", "industry", "registered_region", "region", "address", "supervisor", "employees", "above_scale",
    "legal_person",
)  # fmt: skip
_MEMBERS: Final = ("full_members", "probationary_members", "members_elsewhere", "activists")


class CardLine(NamedTuple):
    """One line of a card.

    Attributes:
        part: under which heading it stands.
        item: what it says.
        value: None where nothing was said, or it is left open; a Band of a small unit's members.
        decided_by: positions of the events that say so, in order.
        of: whose it is, where a part has several of a kind (a branch); None: the card's.
        open: why nobody but the office itself can fill it in.
    """

    part: str
    item: str
    value: str | int | bool | date | None
    decided_by: Sequence[int] = ()
    of: str | None = None
    open: Open | None = None


class Card(NamedTuple):
    """A card: of whom, its lines in order, and between them what holds; None: it cannot be judged."""

    subject: str
    name: str
    lines: list[CardLine]
    checks: dict[str, bool | None]


def organization_card(ledger: LedgerAt, org: str) -> Card:
    """An organization's card at both clocks.

    Raises:
        NotFoundError: no event known then speaks of it, or it is not active on the date.
    """
    found = dossier(ledger.queries, org, *ledger.clocks)
    if found.row is None or found.decided_by is None:
        raise NotFoundError(
            f"{org} is not active on {ledger.clocks.as_of}, so it has no card; its events are under "
            f"/v1/organizations/{org}/history"
        )
    row, by = found.row, found.decided_by
    lines = [
        CardLine("unit", "org", row.org, by.attributes["category"]),
        CardLine("unit", "name", row.attributes.name, by.attributes["name"]),
        CardLine("unit", "kind", row.attributes.kind, by.attributes["category"]),
        *(CardLine("unit", name, getattr(row.attributes, name), by.attributes.get(name, ())) for name in _ATTRIBUTES),
        *_bodies(ledger, row, by.bodies),
        CardLine("unit", "excluded", row.excluded, by.excluded),
        *(CardLine("unit", name, None, open="personal") for name in ("legal_representative", "contact")),
        CardLine("unit", "founded_on", None, open="not_held"),
        CardLine("party", "organization_covered", row.organization_covered, by.organization_covered),
        CardLine("party", "effectively_covered", row.effectively_covered, by.effectively_covered),
        *_branches(ledger, found, by.formation),
        CardLine("party", "secretary", None, open="personal"),
        CardLine("party", "eligible", row.eligible, by.eligible),
        CardLine("party", "measure", None if row.organization_covered else row.measure, by.measure),
        CardLine("party", "no_branch_reason", None, open="not_held"),
        *_members(ledger, row, by),
        CardLine("members", "applicants", None, open="not_held"),
        CardLine("instructors", "instructors", len(found.instructors), by.work_covered if found.instructors else ()),
        CardLine("instructors", "instructor_names", None, open="personal"),
    ]
    return Card(org, row.attributes.name, lines, _checks(ledger, found, row))


def _bodies(ledger: LedgerAt, row: Row, decided_by: Sequence[int]) -> Iterator[CardLine]:
    existing = bodies_at(ledger.queries.everywhere(), *ledger.clocks).existing
    for kind, body in zip(BODY_KINDS, row.bodies, strict=True):
        if body is not None:
            name = existing[body].name if body in existing else body
            yield CardLine("unit", f"body_kind.{kind}", NONE if body == NONE else name, decided_by)


def _branches(ledger: LedgerAt, found: Dossier, decided_by: Sequence[int]) -> Iterator[CardLine]:
    """The branches that cover it; of one that is not all in sight, what the dossier tells of it."""
    branches = BranchLedger(ledger)
    seen = {each.branch: each for each in branches.rows([b.branch for b in found.branches if branches.sees(b.branch)])}
    for here in found.branches:
        row = seen.get(here.branch)
        told = [("branch_name", here.name), ("tier", here.tier), ("formation", here.formation)]
        for item, value in (*told, *(() if row is None else _of_branch(row))):
            yield CardLine("party", item, value, decided_by, here.branch)


def _of_branch(row: BranchRow) -> Iterable[tuple[str, str | date | None]]:
    return (
        ("parent", row.parent), ("formed_on", row.formed_on), ("term_from", row.term_from), ("term_to", row.term_to),
    )  # fmt: skip


def _members(ledger: LedgerAt, row: Row, by: DecidedBy) -> Iterator[CardLine]:
    small = is_small(row, ledger.policy)
    for name in _MEMBERS:
        count = getattr(row, name)
        yield CardLine("members", name, band(count) if small else count, getattr(by, name))


def _checks(ledger: LedgerAt, found: Dossier, row: Row) -> dict[str, bool | None]:
    employees = row.attributes.employees
    members = row.full_members + row.probationary_members + row.members_elsewhere
    judged = employees is not None and not is_small(row, ledger.policy)
    counted = ledger.policy.formations_counted
    return {
        "members_within_employees": members <= (employees or 0) if judged else None,
        "covered_by_a_branch": row.organization_covered == any(each.formation in counted for each in found.branches),
        "formation_of_a_branch": (row.formation is None) == (not found.branches),
    }


def branch_card(ledger: LedgerAt, branch: str) -> Card:
    """A branch's card at both clocks; each line with the events that changed it.

    Raises:
        NotFoundError: no event known then speaks of it, it is out of sight, or not formed on the date.
    """
    found = branch_dossier(ledger, branch)
    row = found.row
    if row is None:
        raise NotFoundError(
            f"{branch} is not formed on {ledger.clocks.as_of}, so it has no card; its events are under "
            f"/v1/branches/{branch}/history"
        )
    by: dict[str, list[int]] = {}
    for step in branch_history(ledger, branch, after=0, limit=_STEPS_MAX):
        for name in step.changed:
            by.setdefault(name, []).append(step.event.position)
    covers = by.get("covers", [])
    told = ("name", "tier", "formation", "region", "parent", "formed_on", "groups")
    lines = [
        CardLine("branch", "branch", branch, by.get("name", [])),
        *(CardLine("branch", name, getattr(row, name), by.get(name, [])) for name in told),
        CardLine("branch", "secretary", None, open="personal"),
        CardLine("branch", "vacant_since", row.vacant_since, by.get("vacant_since", [])),
        CardLine("term", "term_from", row.term_from, by.get("term_from", [])),
        CardLine("term", "term_to", row.term_to, by.get("term_to", [])),
        CardLine("term", "in_effect", row.in_effect, by.get("in_effect", [])),
        CardLine("term", "lacks", ", ".join(row.lacks) or None, by.get("in_effect", [])),
        *(CardLine("covers", "org", each.name or each.org, covers, each.org) for each in found.covers),
        CardLine("covers", "covers", row.covers, covers),
        CardLine("covers", "covers_in_all", row.covers_in_all, covers),
        *_members_of_branch(ledger, row, [each.org for each in found.covers if each.active]),
        CardLine("meetings", "meetings", sum(each.held for each in found.meetings), by.get("meetings", [])),
        CardLine("meetings", "last_meeting", found.meetings[0].day if found.meetings else None, by.get("meetings", [])),
        CardLine("meetings", "dues", None, open="not_held"),
    ]
    active = sum(each.active for each in found.covers)
    checks: dict[str, bool | None] = {
        "covers_as_listed": row.covers == active,
        "term_begins_before_it_ends": None if row.term_to is None else row.term_from <= row.term_to,
        "in_effect_lacks_nothing": None if row.in_effect is None else row.in_effect == (not row.lacks),
    }
    return Card(branch, row.name, lines, checks)


def _members_of_branch(ledger: LedgerAt, row: BranchRow, orgs: Sequence[str]) -> Iterator[CardLine]:
    """Of one small unit alone they are that unit's, and so told in bands; the events are on the units' own cards."""
    alone = row.covers_in_all == len(orgs) == 1
    unit = dossier(ledger.queries, orgs[0], *ledger.clocks).row if alone else None
    small = unit is not None and is_small(unit, ledger.policy)
    for name in _MEMBERS:
        count = getattr(row, name)
        yield CardLine("members", name, band(count) if small else count)
