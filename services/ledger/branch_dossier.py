"""One branch (一支部一档) at both clocks: its row, what it covers, what was judged of it, its terms and meetings."""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from domain.events.facts import Fact, standing_facts
from domain.ledger.activity import ActivityPolicy
from domain.ledger.branches import Branch
from domain.ledger.entities import apply
from domain.ledger.living import Judgement, life_of, term
from domain.values.terms import Formation, MeetingKind
from projections.ledger.columns.rows import AnomalyRow
from services.ledger.branches import BranchLedger, BranchRow
from services.ledger.dossier import held_anomalies
from services.ledger.ledger_at import LedgerAt
from services.ledger.listing import names_of
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.system.errors import NotFoundError

_NAMING: Final = ("covers", "add", "drop")


class Covered(NamedTuple):
    """An organization that it covers; one that is not active on the date counts for nothing."""

    org: str
    name: str | None
    formation: Formation
    active: bool


class TermServed(NamedTuple):
    """A term: its first day, its last one as it stands (None: without end), and whether that one was put off."""

    first: date
    last: date | None
    extended: bool


class MeetingsHeld(NamedTuple):
    """Quorate meetings of one kind on one day."""

    day: date
    kind: MeetingKind
    held: int


class BranchDossier(NamedTuple):
    """One branch at both clocks; `row` is None and most else empty while it is not formed.

    Attributes:
        judged: None without an activity policy, and of a committee or general branch.
        covers: organizations that it covers itself, by identifier.
        below: the branches directly below it that are in sight.
        terms: the latest first, since it was last formed.
        meetings: the latest first.
    """

    branch: str
    row: BranchRow | None
    judged: Judgement | None
    covers: list[Covered]
    below: list[BranchRow]
    terms: list[TermServed]
    meetings: list[MeetingsHeld]
    anomalies: list[AnomalyRow]


def branch_dossier(ledger: LedgerAt, branch: str) -> BranchDossier:
    """One branch's dossier.

    Raises:
        NotFoundError: no event known then speaks of it, or it is out of sight: in the same words.
    """
    branches = BranchLedger(ledger)
    facts = require_branch(ledger, branches, branch)
    if not branches.has(branch):
        return BranchDossier(branch, None, None, [], [], [], [], _anomalies(ledger, branch))
    state, judged = _folded(facts)[-1], branches.judged([branch]).get(branch)
    covered = _covered(ledger, branches, branch, state)
    anomalies = _anomalies(ledger, branch)
    anomalies += [AnomalyRow("covers_inactive", branch, None, None, each.org) for each in covered if not each.active]
    anomalies += [
        AnomalyRow("extension_too_long", branch, None, None, to.isoformat()) for to in _too_long(ledger, state)
    ]
    # One that was dissolved and formed again begins anew: those of before are in its history.
    formed_on = branches.term(branch).formed_on
    meetings = [each for each in branches.meetings([branch]).get(branch, []) if each[0] >= formed_on]
    held: dict[tuple[int, MeetingKind], int] = {}
    for each in meetings:
        held[each] = held.get(each, 0) + 1
    return BranchDossier(
        branch,
        branches.rows([branch])[0],
        judged,
        covered,
        branches.rows(branches.below(branch)),
        _terms(ledger, facts),
        [MeetingsHeld(date.fromordinal(day), kind, held[day, kind]) for day, kind in sorted(held, reverse=True)],
        anomalies,
    )


def require_branch(ledger: LedgerAt, branches: BranchLedger, branch: str) -> list[Fact]:
    """The facts of a branch in sight that stand, effective by the date, in canonical order.

    While it is not formed, it is in sight where all organizations that its facts name are, and its regions.

    Raises:
        NotFoundError: no event known then speaks of it, or it is out of sight: in the same words.
    """
    as_of, known_at = ledger.clocks
    with ledger.queries.everywhere().connection() as connection:
        events = events_about(connection, ledger.view.reading, [branch], known_at)
    stated = [fact for fact in standing_facts(events, fits)[0] if fact.entity == branch]
    seen = branches.sees(branch) if branches.has(branch) else _sees_all(ledger, stated)
    if not events or not seen:
        raise NotFoundError(f"no event known at position {known_at} speaks of {branch}; check the identifier")
    return [fact for fact in stated if fact.effective_on <= as_of]


def _sees_all(ledger: LedgerAt, facts: Iterable[Fact]) -> bool:
    sight = ledger.sight
    if sight.is_whole:
        return True
    items = [item for fact in facts for name in _NAMING for item in fact.data.get(name) or ()]
    orgs = {item if isinstance(item, str) else item["org"] for item in items}
    regions = {fact.data["region"] for fact in facts if "region" in fact.data}
    return bool(regions) and all(map(sight.sees_region, regions)) and all(map(sight.sees, orgs))


def _folded(facts: Iterable[Fact]) -> list[Branch]:
    """The states after each fact, from that of an unformed branch on."""
    states = [Branch()]
    for fact in facts:
        state = apply(states[-1], fact)[0]
        if isinstance(state, Branch):
            states.append(state)
    return states


def _covered(ledger: LedgerAt, branches: BranchLedger, branch: str, state: Branch) -> list[Covered]:
    active = branches.formations(branch)
    said = dict(state.pairs)
    names = names_of(ledger.queries, sorted(active), *ledger.clocks)
    sight = ledger.sight
    found = []
    for org in sorted(state.covers):
        how = active.get(org) or said.get(org) or state.formation
        if how is not None and (org in active or sight.sees(org)):
            found.append(Covered(org, names.get(org), how, org in active))
    return found


def _too_long(ledger: LedgerAt, state: Branch) -> list[date]:
    life = life_of(state)
    return [] if life is None else [date.fromordinal(to) for to in term(life, _policy(ledger)).too_long]


def _policy(ledger: LedgerAt) -> ActivityPolicy | None:
    return ledger.view.snapshot.activity_policy(ledger.clocks.day, ledger.clocks.known_at)


def _terms(ledger: LedgerAt, facts: Iterable[Fact]) -> list[TermServed]:
    """Its terms, a length that was not said by the policy of the date."""
    policy = _policy(ledger)
    found: dict[tuple[int, int], TermServed] = {}
    for state in _folded(facts):
        life = life_of(state)
        if life is None:
            found.clear()
            continue
        own, now = term(life._replace(extended_to=()), policy).last, term(life, policy).last
        found[life.formed_on, life.term_from] = TermServed(
            date.fromordinal(life.term_from), None if now is None else date.fromordinal(now), now != own
        )
    return sorted(found.values(), reverse=True, key=lambda each: each.first)


def _anomalies(ledger: LedgerAt, branch: str) -> list[AnomalyRow]:
    """What contradicts among the facts about it, with the events about it that could not be applied."""
    as_of, known_at = ledger.clocks
    with ledger.queries.cursor() as cursor:
        found = ledger.view.reading.anomalies(cursor, as_of.toordinal(), known_at, subjects=[branch])
    found += held_anomalies(ledger.queries, as_of, known_at, [branch])
    sight = ledger.sight
    return [each._replace(detail=sight.text(each.detail)) for each in found]
