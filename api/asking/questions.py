"""What every call says of itself, once and beside itself: who may ask, where, its trail, its page, its forms.

The rules of admission, the trail of reading and the table in deploy/questions.md are all derived from these.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

from services.access.callers import Holder, Role

# How a call treats a caller whose grant is limited to regions:
#   scoped: it answers from what lies in them, and as if nothing else existed;
#   whole: it is closed to the caller, since what it tells cannot be cut by region;
#   none: it tells nothing of any organization.
Regions = Literal["scoped", "whole", "none"]

# What a look is called in the trail of reading.
Action = Literal[
    "list", "dossier", "history", "explain", "changes", "signals", "replay", "audit", "event", "raw_events",
    "evidence", "export", "person", "stream", "measures", "weak_branches", "matches", "survey", "anomalies",
    "quarantine", "figures", "orders", "notices",
]  # fmt: skip


class Not(NamedTuple):
    """Why a question has no trail, page, command or form for a spreadsheet."""

    reason: str


class OfOne(NamedTuple):
    """A trail that is left where a figure is of a single organization, and why not elsewhere."""

    action: Action
    reason: str


class Question(NamedTuple):
    """What a call says of itself.

    roles: of which a caller needs one; none in the set: whoever is signed in; None: no sign-in at all.
    trail: what the trail of reading calls a look at it.
    command: of `taizhang`, without that name.
    page: why no page shows it; None where one does.
    forms: besides JSON, as `format` takes them.
    """

    roles: frozenset[Role] | None
    regions: Regions
    trail: Action | OfOne | Not
    command: str | Not
    page: Not | None
    forms: tuple[str, ...] | Not


READING: Final[frozenset[Role]] = frozenset(("inspector", "assessment", "steward", "operator"))
INSPECTING: Final[frozenset[Role]] = frozenset(("inspector", "steward"))
PUBLISHING: Final[frozenset[Role]] = frozenset(("publisher", "steward"))
STEWARDING: Final[frozenset[Role]] = frozenset(("steward",))
AUDITING: Final[frozenset[Role]] = frozenset(("auditor",))
ADMINISTERING: Final[frozenset[Role]] = frozenset(("administrator",))
ASSESSING: Final[frozenset[Role]] = frozenset(("assessment",))
SIGNED_IN: Final[frozenset[Role]] = frozenset()

FIGURES_ONLY: Final = OfOne("figures", "figures of groups: recorded where one of them is a single organization")
AN_ACT: Final = Not("an act, which the log or its own record has")
ONE_RECORD: Final = Not("one record, no table")
IS_A_FILE: Final = Not("the answer is a file by itself")
FOR_PROGRAMS: Final = Not("for programs: verifiers, registries, monitoring")
BY_HTTP: Final = Not("asked by page or HTTP")
# The command of every question that has a table.
ASK: Final = "ask"

E = TypeVar("E", bound=Callable[..., Any])


def question(  # each is said of the call
    roles: frozenset[Role],
    regions: Regions,
    *,
    trail: Action | OfOne | Not,
    command: str | Not,
    page: Not | None = None,
    forms: tuple[str, ...] | Not | None = None,
) -> Callable[[E], E]:
    """Say what a call is; `forms` are left out where the endpoint is `taken_away` (api/exports/lists.py)."""

    def said(endpoint: E) -> E:
        taken = getattr(endpoint, "forms", None) if forms is None else forms
        if taken is None:
            raise TypeError(f"{endpoint.__qualname__}: say its forms, or why it has none")
        return _say(endpoint, Question(roles, regions, trail, command, page, taken))

    return said


def act(roles: frozenset[Role], regions: Regions, *, command: str | Not, page: Not | None = None) -> Callable[[E], E]:
    """Say that a call is an act: no look, no table."""
    return lambda endpoint: _say(endpoint, Question(roles, regions, AN_ACT, command, page, AN_ACT))


def open_to_anyone(why: str, command: str | None = None) -> Callable[[E], E]:
    """Say that a call needs no sign-in, and why; nobody is named by it, and no page shows it."""
    no = Not(why)
    return lambda endpoint: _say(endpoint, Question(None, "none", no, command or no, no, no))


def shows(*shown: Callable[..., Any]) -> Callable[[E], E]:
    """Say which calls' answers a page shows: who may see it and its trail are those of the first."""

    def said(endpoint: E) -> E:
        endpoint.shown = shown  # type: ignore[attr-defined]  # functions take attributes
        return _say(endpoint, question_of(shown[0]))

    return said


def _say(endpoint: E, said: Question | None) -> E:
    if said is None:
        raise TypeError(f"{endpoint.__qualname__} shows a call that says nothing of itself")
    endpoint.question = said  # type: ignore[attr-defined]  # as above
    return endpoint


def let_in(holders: Sequence[Holder], rule: Question) -> list[Holder]:
    """Which of a caller's grants open a call, each by itself: one with a role for it, and its regions where it asks."""
    fit = [each for each in holders if not rule.roles or not each.roles.isdisjoint(rule.roles)]
    return [each for each in fit if each.scope is None] if rule.regions == "whole" else fit


def question_of(endpoint: object) -> Question | None:
    """What the call of an endpoint says of itself; None for one that says nothing, which is closed to everyone."""
    found = getattr(endpoint, "question", None)
    return found if isinstance(found, Question) else None


def shown_by(endpoint: object) -> tuple[Callable[..., Any], ...]:
    """The endpoints whose answers a page shows; none for a call that is no page."""
    found: tuple[Callable[..., Any], ...] = getattr(endpoint, "shown", ())
    return found
