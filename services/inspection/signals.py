"""The signals, looked for at both clocks: candidates from columns and log, decided on the facts that stand."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain, pairwise
from typing import Final, NamedTuple

import numpy as np

from domain.events.facts import Fact
from domain.inspection.signals import (
    PAST_WINDOWS,
    RAISING,
    FullMembers,
    Hit,
    Signal,
    SignalPolicy,
    Window,
    backdated,
    correction_spike,
    exclusion_spike,
    moved_in_and_out,
    never_met,
    short_lived_branch,
    without_members_since,
)
from domain.ledger.policy import Policy
from domain.ledger.rates import ANY
from projections.ledger.columns.columns import MEMBERS, Int32
from projections.ledger.columns.counts import Standing, deciding_entries, members_counted, standing
from projections.ledger.columns.coverings import Covering
from projections.ledger.columns.rows import OrgEntry, deciding
from services.fieldwork.instructors import instructed
from services.inspection.signal_facts import Look, day_of
from services.ledger.ledger_at import LedgerAt
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.log.reader import LogReader

# A hit names at most so many events, the first ones.
POSITIONS_MAX: Final = 200
_FORMED: Final = "taizhang.branch.formed.v1"
_EXCLUDED: Final = "taizhang.organization.excluded.v1"
_REGION_DIGITS: Final = 6
# A source speaks for many offices at once.
_OF_SOURCES: Final = frozenset(("correction_spike",))

_FACTS_BY_WINDOW: Final = """
SELECT source, (%(as_of)s - effective_on) / %(days)s, count(*) FROM taizhang.log
 WHERE notification_id <= %(known_at)s AND effective_on > %(begin)s AND effective_on <= %(as_of)s GROUP BY 1, 2
"""


class Found(NamedTuple):
    """The thresholds in force, the positions that adopted them, and the hits in order of `hit_key`.

    `last` is of each hit the last of all its events, also of those that it does not name.
    """

    policy: SignalPolicy
    decided_by: Sequence[int]
    hits: list[Hit]
    last: list[int]

    def newer(self, since: int | None) -> list[Hit]:
        """The hits with an event after a position; None for all."""
        return [hit for hit, last in zip(self.hits, self.last, strict=True) if since is None or last > since]


def find(
    queries: Queries, as_of: date, known_at: int, *, signals: Iterable[Signal], deadlines: Sequence[date]
) -> Found:
    """The hits of these signals; deadlines after `as_of` are left out."""
    past = [deadline for deadline in sorted(set(deadlines)) if deadline <= as_of]
    with queries.connection() as connection:
        look = Look(queries, connection, as_of, known_at)
        hits = [hit for signal in set(signals) for hit in _FINDERS[signal](look, past)]
        if queries.scope is not None:
            hits = _in_sight(Sight(queries, as_of, known_at), LogReader(connection), hits)
    ordered = sorted((hit._replace(positions=sorted(set(hit.positions))) for hit in hits), key=hit_key)
    cut = [hit._replace(positions=hit.positions[:POSITIONS_MAX]) for hit in ordered]
    return Found(look.policy, look.decided_by, cut, [max(hit.positions, default=0) for hit in ordered])


def _in_sight(sight: Sight, log: LogReader, hits: Sequence[Hit]) -> list[Hit]:
    """The hits on what is in sight, explained by the events in sight."""
    events = log.events(sorted({p for hit in hits for p in hit.positions}))
    seen = {event.position for event in events if sight.sees_any(event)}
    shown = []
    for hit in hits:
        positions = [p for p in hit.positions if p in seen]
        region = hit.subject if hit.subject.isdecimal() else None
        concerns = bool(positions) and sight.subject(hit.subject) is not None and hit.signal not in _OF_SOURCES
        if sight.sees_region(region) if region is not None else concerns:
            shown.append(hit._replace(detail=sight.redacted(hit.detail), positions=positions))
    return shown


def hit_key(hit: Hit) -> tuple[str, str, str, int]:
    """The order of the list: by signal, deadline, subject, first event."""
    return (hit.signal, str(hit.deadline or ""), hit.subject, next(iter(hit.positions), 0))


def _backdated(look: Look, deadlines: Sequence[date]) -> Iterator[Hit]:
    for deadline in deadlines:
        facts = look.effective(deadline - timedelta(look.policy.backdated_days), deadline, RAISING)
        learned = look.learned(facts)
        hits = (backdated(fact, learned[max(fact.decided_by)], deadline, look.policy) for fact in facts)
        yield from (hit for hit in hits if hit is not None)


def _short_lived(look: Look, deadlines: Sequence[date]) -> Iterator[Hit]:
    for deadline in deadlines:
        for facts in _formed_before(look, deadline, look.policy.short_lived_days):
            yield from _one(short_lived_branch(facts, deadline, look.as_of, look.policy))


def _never_met(look: Look, deadlines: Sequence[date]) -> Iterator[Hit]:
    # Where no activity policy is in force nobody asks for meetings, and few are reported.
    if not look.view.snapshot.is_judged(look.as_of.toordinal(), look.known_at):
        return
    for deadline in deadlines:
        for facts in _formed_before(look, deadline, look.policy.never_met_days):
            yield from _one(never_met(facts, deadline, look.as_of, look.policy))


def _formed_before(look: Look, deadline: date, days: int) -> Iterator[Sequence[Fact]]:
    """The facts of each branch formed at most so many days before a deadline."""
    formed = look.effective(deadline - timedelta(days), deadline, (_FORMED,))
    branches = sorted({fact.entity for fact in formed})
    by_entity = look.facts(branches)
    yield from (by_entity[branch] for branch in branches)


def _one(hit: Hit | None) -> Iterator[Hit]:
    if hit is not None:
        yield hit


def _moved_in_and_out(look: Look, deadlines: Sequence[date]) -> Iterator[Hit]:
    for deadline in deadlines:
        days = timedelta(look.policy.moved_days)
        moments = (deadline - days, deadline, min(deadline + days, look.as_of))
        policy = look.view.snapshot.policy(deadline.toordinal(), look.known_at)
        threshold = policy.full_members_for_branch
        few, enough, few_again = (_reaching(look, day, policy) for day in moments)
        candidates = sorted(set(enough) - set(few) - set(few_again))
        present = [look.full_members(candidates, day, policy) for day in moments]
        for number in candidates:
            org = look.view.snapshot.orgs[number]
            passing = moved_in_and_out(FullMembers(*(p.get(org, frozenset()) for p in present)), threshold)
            if passing:
                about = look.facts(sorted(passing))
                moves = [f for facts in about.values() for f in facts if moments[0] < f.effective_on <= moments[2]]
                detail = {"members": sorted(passing), "full_members_for_branch": threshold}
                yield Hit("moved_in_and_out", deadline, org, detail, [p for fact in moves for p in fact.decided_by])


def _reaching(look: Look, day: date, policy: Policy) -> list[int]:
    """The numbers of the organizations that have the full members that a policy asks for on a day."""
    rows = _rows(look, day)
    members = members_counted(look.view.snapshot.entries, rows.entry, policy)
    numbers: list[int] = rows.org_no[members >= policy.full_members_for_branch].tolist()
    return numbers


def _rows(look: Look, day: date) -> Standing:
    policy = look.view.snapshot.policy(day.toordinal(), look.known_at)
    return standing(look.view.snapshot, day.toordinal(), look.known_at, policy)


def _without_members(look: Look, _: Sequence[date]) -> Iterator[Hit]:
    """Branches none of whose organizations has a member now, and since when."""
    snapshot, day = look.view.snapshot, look.as_of.toordinal()
    entries = deciding_entries(snapshot, day, look.known_at)
    columns = snapshot.entries
    members = sum(columns[name][entries] for name in MEMBERS)
    memberless: Int32 = columns["org_no"][entries[(members == 0) & (columns["formations"][entries] != 0)]]
    covered_by = _covering_only(look.queries.covering(look.view, day, look.known_at), memberless)
    with look.connection.cursor() as cursor:
        entries_of = look.view.reading.entries_of(cursor, sorted({*chain(*covered_by.values())}), look.known_at)
    by_entity = look.facts(sorted(covered_by))
    for branch, covered in sorted(covered_by.items()):
        # A branch is judged by all that it covers: who may not see all of it is not told of it.
        if branch not in by_entity or not all(number in entries_of for number in covered):
            continue
        facts = [fact for fact in by_entity[branch] if fact.effective_on <= look.as_of]
        since = {snapshot.orgs[number]: _memberless_since(entries_of[number], day) for number in covered}
        empty_since = without_members_since(facts, since)
        days = 0 if empty_since is None else (look.as_of - empty_since).days
        if days > look.policy.without_members_days:
            detail = {"since": empty_since, "days": days, "organizations": sorted(since)[:POSITIONS_MAX]}
            positions = [p for fact in facts for p in fact.decided_by]
            yield Hit("branch_without_members", None, branch, detail, positions)


def _covering_only(covering: Covering, numbers: Int32) -> dict[str, list[int]]:
    """By name the branches that cover none but these organizations, each with theirs."""
    others = ~np.isin(covering.org_no, numbers)
    left = covering.where(~np.isin(covering.branch, covering.branch[others]))
    found: dict[str, list[int]] = {}
    for branch, number in zip(left.branch.tolist(), left.org_no.tolist(), strict=True):
        found.setdefault(left.names[branch], []).append(number)
    return found


def _memberless_since(entries: Sequence[OrgEntry], day: int) -> date:
    """The first day of the stretch without members that the day lies in; the calendar's first if there never was one.

    `entries` are the organization's, as known, in order; a raw state has the members by standing at 2 to 4.
    """
    begins = sorted({d for e in entries for d in (e.day_from, e.day_to) if d <= day}, reverse=True)
    since = day
    for begin in begins:
        state = deciding(entries, begin, entries[-1].position)
        if state is not None and any(state[2:5]):
            return date.fromordinal(since)
        since = begin
    return date.min


def _exclusion_spike(look: Look, deadlines: Sequence[date]) -> Iterator[Hit]:
    """By county: organizations excluded at the deadline that were active and not excluded a window before."""
    days = timedelta(look.policy.exclusion_days)
    for deadline in deadlines:
        moments = [deadline - n * days for n in range(PAST_WINDOWS + 2)]
        stood = (_rows(look, moment) for moment in moments)
        counted = [_exclusions(look, before, after) for after, before in pairwise(stood)]
        for region, now in sorted(counted[0].items()):
            past = [windows.get(region, Window(0, 0)) for windows in counted[1:]]
            detail = exclusion_spike(now, past, look.policy)
            if detail is not None:
                facts = look.effective(deadline - days, deadline, (_EXCLUDED,))
                yield Hit("exclusion_spike", deadline, region, detail, _excluding(look, region, deadline, facts))


def _exclusions(look: Look, before: Standing, after: Standing) -> dict[str, Window]:
    """By county how many organizations became excluded between two dates, of how many at the later one."""
    snapshot = look.view.snapshot
    excluded = np.isin(after.org_no, before.org_no[before.excluded == 0]) & (after.excluded != 0)
    counties = [text[:_REGION_DIGITS] for text in list(snapshot.regions)]
    found: dict[str, Window] = {}
    for region in {counties[number] for number in np.unique(after.region).tolist()}:
        inside = np.fromiter((c == region for c in counties), np.bool_, len(counties))[after.region]
        found[region] = Window(int((inside & excluded).sum()), int(inside.sum()))
    return found


def _excluding(look: Look, region: str, deadline: date, facts: Sequence[Fact]) -> list[int]:
    """The positions of the exclusions of organizations that are in a county at the deadline."""
    snapshot, rows = look.view.snapshot, _rows(look, deadline)
    here = {
        snapshot.orgs[number]
        for number, place in zip(rows.org_no.tolist(), rows.region.tolist(), strict=True)
        if snapshot.regions[place].startswith(region)
    }
    return [position for fact in facts if fact.entity in here for position in fact.decided_by]


def _correction_spike(look: Look, _: Sequence[date]) -> Iterator[Hit]:
    """By the source that is corrected: corrections and retractions by their `time`, facts by their effective date."""
    days = look.policy.correction_days
    begin = look.as_of - timedelta(days * (PAST_WINDOWS + 1))
    parameters = {"as_of": look.as_of, "days": days, "known_at": look.known_at, "begin": begin}
    facts: dict[str, dict[int, int]] = {}
    for source, window, count in look.connection.execute(_FACTS_BY_WINDOW, parameters):
        facts.setdefault(source, {})[window] = count
    words: dict[str, dict[int, list[int]]] = {}
    for key in look.targets():
        for word in look.words[key]:
            day = day_of(word.time_ns)
            if begin < day <= look.as_of:
                windows = words.setdefault(key[0], {})
                windows.setdefault((look.as_of - day).days // days, []).append(word.position)
    for source, windows in sorted(words.items()):
        of = facts.get(source, {})
        now, *past = (Window(len(windows.get(n, ())), of.get(n, 0)) for n in range(PAST_WINDOWS + 1))
        detail = correction_spike(now, past, look.policy)
        if detail is not None:
            yield Hit("correction_spike", None, source, detail, windows[0])


def _assigned_on_paper(look: Look, _: Sequence[date]) -> Iterator[Hit]:
    """Organizations with instructors of whom, for so long, no contact was told at all."""
    # Where no contact was ever told of, nobody reports them. Whoever asks may see none of those that there are.
    if not look.queries.everywhere().office_facts(["contact"], look.as_of, look.known_at):
        return
    for each in instructed(LedgerAt(look.queries, look.as_of, look.known_at), ANY).quiet(look.as_of):
        if each.last is None:
            detail = {"since": each.since, "days": each.days, "instructors": each.instructors}
            yield Hit("assigned_on_paper", None, each.org, detail, each.decided_by)


_FINDERS: Final[Mapping[Signal, Callable[[Look, Sequence[date]], Iterator[Hit]]]] = {
    "backdated": _backdated,
    "short_lived_branch": _short_lived,
    "never_met": _never_met,
    "moved_in_and_out": _moved_in_and_out,
    "branch_without_members": _without_members,
    "exclusion_spike": _exclusion_spike,
    "correction_spike": _correction_spike,
    "assigned_on_paper": _assigned_on_paper,
}
