"""A branch's own state, and how each fact changes it: what it covers and how, its term, secretary and meetings.

As domain.ledger.entities does of the others: the state before and the fact's data give the state after and the anomaly.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from domain.values.instants import parse_date
from domain.values.terms import Anomaly, Formation, MeetingKind, Tier

Meeting = tuple[int, MeetingKind]


class Branch(NamedTuple):
    """A branch; `formation` is None while not formed.

    `pairs` are those of the organizations it covers of which it is said how; it covers all others by its own formation.
    Days are ordinals. `term_to` is the term's last day where it was said, `extended_to` what was said since in its
    place, in order; `meetings` are the quorate ones, in order, each with its kind.
    """

    name: str | None = None
    tier: Tier | None = None
    formation: Formation | None = None
    region: str | None = None
    covers: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, Formation]] = frozenset()
    groups: int = 0
    formed_on: int = 0
    term_from: int = 0
    term_to: int | None = None
    extended_to: tuple[int, ...] = ()
    vacant_since: int | None = None
    meetings: tuple[Meeting, ...] = ()


def formations(branch: Branch, orgs: Collection[str]) -> dict[str, Formation]:
    """By organization how the branch covers it, for some of those that it covers."""
    if branch.formation is None:
        return {}
    said, own = dict(branch.pairs), branch.formation
    return {org: said.get(org, own) for org in orgs}


def branch_formed(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    if before.formation is not None:
        return before, "already_formed"
    on = _day(data["effective_on"])
    branch = Branch(
        data["name"], data["tier"], data["formation"], data["region"], groups=data.get("groups", 0),
        formed_on=on, term_from=on,
    )  # fmt: skip
    return _covering(branch, data["covers"]), None


def _day(text: str) -> int:
    return parse_date(text).toordinal()


def _covering(branch: Branch, items: Sequence[Any]) -> Branch:
    """The branch with these items of `covers` or `add`: who is covered already is covered as is said anew."""
    if not items:
        return branch
    said: dict[str, Formation | None] = {}
    for item in items:
        if isinstance(item, str):
            said[item] = None
        else:
            said[item["org"]] = item["formation"]
    pairs = {**dict(branch.pairs), **said}
    return branch._replace(
        covers=branch.covers.union(said), pairs=frozenset((org, how) for org, how in pairs.items() if how is not None)
    )


def branch_changed(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    """Its parent is no part of its own state (domain.ledger.hierarchy)."""
    if before.formation is None:
        return before, "not_formed"
    return before._replace(**{name: data[name] for name in ("name", "tier", "groups") if name in data}), None


def branch_coverage_changed(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    if before.formation is None:
        return before, "not_formed"
    after = _covering(before, data.get("add") or ())
    if drop := data.get("drop"):
        pairs = frozenset(pair for pair in after.pairs if pair[0] not in drop)
        after = after._replace(covers=after.covers.difference(drop), pairs=pairs)
    return after._replace(formation=data.get("formation") or before.formation), None


def branch_term_began(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    if before.formation is None:
        return before, "not_formed"
    to = _day(data["to"]) if "to" in data else None
    return before._replace(term_from=_day(data["effective_on"]), term_to=to, extended_to=()), None


def branch_term_extended(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    """Whether it is too long is seen under the activity policy of the date (domain.ledger.living.term)."""
    if before.formation is None:
        return before, "not_formed"
    return before._replace(extended_to=(*before.extended_to, _day(data["to"]))), None


def branch_meeting_held(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    if before.formation is None:
        return before, "not_formed"
    if not data["quorate"]:
        return before, None
    return before._replace(meetings=(*before.meetings, (_day(data["effective_on"]), data["kind"]))), None


def branch_secretary_reported(before: Branch, data: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    """Vacant since the first of several reports that say so."""
    if before.formation is None:
        return before, "not_formed"
    if data["state"] == "filled":
        return before._replace(vacant_since=None), None
    since = _day(data["effective_on"]) if before.vacant_since is None else before.vacant_since
    return before._replace(vacant_since=since), None


def branch_dissolved(before: Branch, _: Mapping[str, Any]) -> tuple[Branch, Anomaly | None]:
    if before.formation is None:
        return before, "not_formed"
    return Branch(), None
