"""The branches' ledger (一支部一档) at both clocks: every formed branch with its figures, and whether it is in effect.

Whether a branch is in effect is the projection's own word, by which rates are counted; why it is not, the judgement of
domain.ledger.living. A branch is in sight where all organizations are of which its figures are made, and by its own
region where there are none.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cached_property
from typing import Final, Literal, NamedTuple, get_args

from domain.ledger.living import Judgement, Lack, judge, term
from domain.ledger.rates import Filters
from domain.values.names import one_width
from domain.values.scope import Scope, in_scope
from domain.values.terms import FORMATIONS, KINDS, Formation, Kind, MeetingKind, Tier
from projections.ledger.columns.branches import BranchReading, BranchState
from projections.ledger.columns.counts import seen, standing
from services.ledger.ledger_at import LedgerAt
from services.ledger.name_forms import wanted
from services.ledger.sight import WITHHELD

Sort = Literal["branch", "covers", "full_members", "term_to"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
_MEMBERS: Final = ("full_members", "probationary_members", "activists", "members_elsewhere")


class BranchRow(NamedTuple):
    """A formed branch.

    Attributes:
        parent: the branch that it stands under, `withheld` where that one is out of sight; None: under none.
        covers: the active organizations that it covers itself.
        covers_in_all: of a committee or general branch with those that any below it covers, each once; the members are
            those at these.
        term_to: the term's last day, extended or by the policy's length; None where it has no end.
        in_effect: None without an activity policy.
        lacks: why it is not in effect.
    """

    branch: str
    name: str
    tier: Tier
    formation: Formation
    region: str
    parent: str | None
    groups: int
    formed_on: date
    covers: int
    covers_in_all: int
    full_members: int
    probationary_members: int
    activists: int
    members_elsewhere: int
    term_from: date
    term_to: date | None
    vacant_since: date | None
    in_effect: bool | None
    lacks: tuple[Lack, ...]


class Wanted(NamedTuple):
    """Which branches are meant; None means any.

    Attributes:
        region: the branch's own region begins so.
        parent: it stands under this one, directly or further down.
        body: its figures have an organization that answers to this body or to one below it.
        lacks: it is not in effect, for this reason among others.
        term_over: its term is over on the date, or is not.
        term_ends_within: its term is not over, and its last day at most so many days after the date.
        formed_after: it was formed after this date.
        members_from, members_to: full members, both ends included.
        q: words, apart by blanks, that its name or identifier holds, as of organizations.
    """

    tier: Tier | None = None
    formation: Formation | None = None
    region: str | None = None
    parent: str | None = None
    body: str | None = None
    in_effect: bool | None = None
    lacks: Lack | None = None
    term_over: bool | None = None
    term_ends_within: int | None = None
    formed_after: date | None = None
    members_from: int | None = None
    members_to: int | None = None
    q: str | None = None


class ServedTerm(NamedTuple):
    """A branch's term, in ordinals: when it was formed, the term's first and its last day (None: without end)."""

    formed_on: int
    first: int
    last: int | None


class BranchKey(NamedTuple):
    """Where a branch stands in the list: by value, then by identifier; the value is 0 where that alone sorts."""

    value: int
    branch: str


class BranchLedger:
    """All branches at one pair of clocks, read once; those out of sight count for the life of others alone."""

    def __init__(self, ledger: LedgerAt) -> None:
        self._ledger = ledger
        view, (_, known_at), day = ledger.view, ledger.clocks, ledger.clocks.day
        self._day, self._policy = day, view.snapshot.activity_policy(day, known_at)
        with ledger.queries.everywhere().cursor() as cursor:
            reading = BranchReading(cursor, view.reading.schema, day, known_at)
            self._states, parents, self._living = reading.states(), reading.parents(), reading.in_effect()
        # One that is not formed is none to stand under.
        self._parents = {name: above for name, above in parents.items() if above in self._states}
        self._below: dict[str, list[str]] = {}
        for name, above in sorted(self._parents.items()):
            self._below.setdefault(above, []).append(name)
        self._rows = standing(view.snapshot, day, known_at, ledger.policy)
        at = {number: index for index, number in enumerate(self._rows.org_no.tolist())}
        covering = ledger.queries.covering(view, day, known_at)
        # By branch the rows of the active organizations that it covers itself, and by which formation.
        self._own: dict[str, dict[int, Formation]] = {}
        for number, org, how in zip(*(each.tolist() for each in covering[1:]), strict=True):
            if org in at:
                self._own.setdefault(covering.names[number], {})[at[org]] = FORMATIONS[how]

    @cached_property
    def _scope(self) -> Scope:
        """What is in sight at these clocks."""
        return self._ledger.queries.scope_at(*self._ledger.clocks)

    @cached_property
    def _seen(self) -> list[bool]:
        """By row whether the organization is in sight."""
        rows = self._rows
        found: list[bool] = seen(self._ledger.view.snapshot, rows.region, rows.answers, self._scope).tolist()
        return found

    @cached_property
    def _members(self) -> dict[str, list[int]]:
        """By row how many members of each standing are there."""
        return {name: getattr(self._rows, name).tolist() for name in _MEMBERS}

    def formations(self, branch: str) -> dict[str, Formation]:
        """By active organization that it covers itself, how."""
        orgs, numbers = self._ledger.view.snapshot.orgs, self._rows.org_no
        return {orgs[int(numbers[row])]: how for row, how in self._own.get(branch, {}).items()}

    def pairs(self) -> Iterator[tuple[str, int, Formation]]:
        """Each branch, in sight or not, with the number of an active organization that it covers itself, and how."""
        numbers = self._rows.org_no.tolist()
        for name, rows in self._own.items():
            yield from ((name, numbers[row], how) for row, how in rows.items())

    def kinds(self, branch: str) -> set[Kind]:
        """The kinds of the organizations of which its figures are made."""
        return {KINDS[self._rows.kind[row]] for row in self._of_figures(branch)}

    def below(self, branch: str) -> list[str]:
        """The formed branches directly below it that are in sight."""
        return [each for each in self._below.get(branch, ()) if self.sees(each)]

    def _under(self, branch: str) -> Iterable[str]:
        for each in self._below.get(branch, ()):
            yield each
            yield from self._under(each)

    def _of_figures(self, branch: str) -> Collection[int]:
        """The rows of the organizations of which its figures are made, each once."""
        own = self._own.get(branch, {})
        if self._states[branch].tier == "branch" or branch not in self._below:
            return own
        return set(own).union(*(self._own.get(each, {}) for each in self._under(branch)))

    def has(self, branch: str) -> bool:
        """Whether a branch is formed, in sight or not."""
        return branch in self._states

    def sees(self, branch: str) -> bool:
        """Whether a branch is formed and in sight."""
        if self._scope is None or not self.has(branch):
            return self.has(branch)
        rows = self._of_figures(branch)
        if not rows:
            return in_scope(self._states[branch].region, self._scope)
        return all(self._seen[row] for row in rows)

    def judged(self, names: Collection[str]) -> dict[str, Judgement]:
        """What was judged of each of these; nothing without an activity policy, or of what is no tier `branch`."""
        chosen = [name for name in names if self._states[name].tier == "branch"]
        if self._policy is None or not chosen:
            return {}
        meetings = self.meetings(chosen)
        full = self._members["full_members"]
        return {
            name: judge(
                self._states[name].life, meetings.get(name, ()), sum(full[row] for row in self._own.get(name, ())),
                self._policy, self._day,
            )
            for name in chosen
        }  # fmt: skip

    def meetings(self, names: Collection[str]) -> dict[str, list[tuple[int, MeetingKind]]]:
        """By branch its quorate meetings by the day, in order."""
        view, known_at = self._ledger.view, self._ledger.clocks.known_at
        with self._ledger.queries.everywhere().cursor() as cursor:
            return BranchReading(cursor, view.reading.schema, self._day, known_at).meetings(list(names))

    def _lacks(self, names: Collection[str]) -> dict[str, tuple[Lack, ...]]:
        """By branch why it is not in effect."""
        if self._policy is None:
            return {}
        idle = [name for name in names if name not in self._living]
        judged = self.judged(idle)
        return {name: judged[name].lacks if name in judged else ("none_below",) for name in idle}

    def _last_day(self, state: BranchState) -> int | None:
        return term(state.life, self._policy).last

    def term(self, name: str) -> ServedTerm:
        """Its term."""
        state = self._states[name]
        return ServedTerm(state.formed_on, state.term_from, self._last_day(state))

    def named(self, name: str) -> tuple[str, str]:
        """Its name and its own region."""
        return self._states[name].name, self._states[name].region

    def found(self, wanted: Wanted) -> list[str]:
        """The branches in sight that are meant, by identifier."""
        names = [name for name in sorted(self._states) if self._fits(name, wanted) and self.sees(name)]
        if wanted.parent is not None:
            under = set(self._under(wanted.parent)) if self.sees(wanted.parent) else set()
            names = [name for name in names if name in under]
        if wanted.body is not None:
            rows = self._ledger.rows(Filters(body=wanted.body)).org_no.tolist()
            answering, numbers = set(rows), self._rows.org_no.tolist()
            names = [name for name in names if any(numbers[row] in answering for row in self._of_figures(name))]
        if wanted.lacks is not None:
            lacks = self._lacks(names)
            names = [name for name in names if wanted.lacks in lacks.get(name, ())]
        return names

    def _fits(self, name: str, wanted: Wanted) -> bool:
        state = self._states[name]
        if wanted.tier not in (None, state.tier) or wanted.formation not in (None, state.formation):
            return False
        if wanted.region is not None and not state.region.startswith(wanted.region):
            return False
        if wanted.in_effect is not None and (self._policy is None or (name in self._living) != wanted.in_effect):
            return False
        if wanted.formed_after is not None and state.formed_on <= wanted.formed_after.toordinal():
            return False
        return self._fits_term(state, wanted) and self._fits_members(name, wanted) and _is_called(state, wanted.q)

    def _fits_term(self, state: BranchState, wanted: Wanted) -> bool:
        if wanted.term_over is None and wanted.term_ends_within is None:
            return True
        left = None if (last := self._last_day(state)) is None else last - self._day
        if wanted.term_over is not None and wanted.term_over != (left is not None and left < 0):
            return False
        return wanted.term_ends_within is None or (left is not None and 0 <= left <= wanted.term_ends_within)

    def _fits_members(self, name: str, wanted: Wanted) -> bool:
        if wanted.members_from is None and wanted.members_to is None:
            return True
        members = sum(self._members["full_members"][row] for row in self._of_figures(name))
        most = members if wanted.members_to is None else wanted.members_to
        return (wanted.members_from or 0) <= members <= most

    @property
    def is_judged(self) -> bool:
        """Whether an activity policy is in force."""
        return self._policy is not None

    def covers(self, name: str) -> int:
        """How many active organizations it covers itself."""
        return len(self._own.get(name, ()))

    def covers_in_all(self, name: str) -> int:
        """How many organizations its figures are of."""
        return len(self._of_figures(name))

    def members(self, name: str, *of: str) -> int:
        """How many members of these standings, as rows name them, are at the organizations of its figures."""
        return sum(self._members[each][row] for each in of for row in self._of_figures(name))

    def tier(self, name: str) -> Tier:
        """Its tier."""
        return self._states[name].tier

    def formation(self, name: str) -> Formation:
        """Its own formation."""
        return self._states[name].formation

    def is_in_effect(self, name: str) -> bool | None:
        """Whether it is in effect; None without an activity policy."""
        return None if self._policy is None else name in self._living

    def key(self, name: str, sort: Sort) -> BranchKey:
        """Where it stands: first the most covered or members, or the term that ends soonest; one without end last."""
        if sort == "branch":
            return BranchKey(0, name)
        if sort == "term_to":
            return BranchKey(self._last_day(self._states[name]) or date.max.toordinal(), name)
        rows = self._of_figures(name)
        full = self._members["full_members"]
        return BranchKey(-(len(rows) if sort == "covers" else sum(full[row] for row in rows)), name)

    def page(self, names: Iterable[str], sort: Sort, after: BranchKey | None, limit: int) -> list[BranchKey]:
        """Up to `limit` of these in order, those after a key."""
        keys = sorted(self.key(name, sort) for name in names)
        return [key for key in keys if after is None or key > after][:limit]

    def rows(self, names: Collection[str]) -> list[BranchRow]:
        """These branches in full, in their order."""
        lacks = self._lacks(names)
        return [self._row(name, lacks.get(name, ())) for name in names]

    def _row(self, name: str, lacks: tuple[Lack, ...]) -> BranchRow:
        state, rows = self._states[name], self._of_figures(name)
        parent = self._parents.get(name)
        if parent is not None and not self.sees(parent):
            parent = WITHHELD
        full, probationary, activists, elsewhere = (sum(self._members[name][row] for row in rows) for name in _MEMBERS)
        last = self._last_day(state)
        return BranchRow(
            name, state.name, state.tier, state.formation, state.region, parent, state.groups,
            date.fromordinal(state.formed_on), self.covers(name), len(rows),
            full, probationary, activists, elsewhere,
            date.fromordinal(state.term_from), None if last is None else date.fromordinal(last),
            None if state.vacant_since is None else date.fromordinal(state.vacant_since),
            self.is_in_effect(name), lacks,
        )  # fmt: skip


def _is_called(state: BranchState, q: str | None) -> bool:
    """Whether its name or identifier holds each of the words, in any of its forms."""
    if q is None:
        return True
    named = one_width(state.name).lower(), state.branch.lower()
    return all(any(form.lower() in each for form in forms for each in named) for forms in wanted(q))
