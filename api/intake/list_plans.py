"""A full list beside what its source has said, and its plan published: for the API and for the page."""

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import Request

from api.asking.clocks import read_position
from api.web.parts import Parts, parts_of
from api.web.problems import invalid
from api.web.publishing import messages_of
from domain.events.lists import ListProfiled
from domain.fieldwork.list_elsewhere import Elsewhere
from domain.fieldwork.list_statements import WHOLE, Part, read_declared
from domain.listing.list_places import Places
from services.access.callers import Holder
from services.intake.in_turn import CameSinceError
from services.lists import elsewhere, facts
from services.lists.profiles import profile_of
from services.lists.reconcile import Compared, Report, reconcile
from services.lists.scratch import Scratch
from services.lists.turns import Published, came_since, publish_plan
from services.log.messages import Message

# How often a plan is made anew where something came while it was made.
TRIES_MAX: Final = 5


class ListAsked(NamedTuple):
    """Which list is compared: whose, of which date and part, and as known at which position; None: the log's head."""

    source: str
    as_of: date
    part: Part = WHOLE
    known_at: int | None = None


class Outcome(NamedTuple):
    """What a list says, why it may not be published, and what was."""

    report: Report
    hindrance: str | None
    published: Published | None


def read_part(regions: Sequence[str], page: str) -> Part:
    """The part that a list is declared to be.

    Args:
        regions: codes with which the regions begin.
        page: `N/M`, or empty.

    Raises:
        Problem: 400.
    """
    try:
        return read_declared(regions, page)
    except ValueError as error:
        shown = page or ", ".join(regions)
        raise invalid("query.page" if page else "query.region", shown, "part", str(error)) from None


def profile_kept(parts: Parts, source: str, as_of: date, known_at: int | None) -> ListProfiled | None:
    """The profile in force; `known_at` None: at the log's head."""
    with parts.queries.connection() as connection:
        position = facts.head(connection) if known_at is None else known_at
        return profile_of(connection, parts.queries.view.current, source, as_of, position)


def names(parts: Parts, as_of: date, known_at: int) -> dict[str, str]:
    """The divisions of a date that have a name, with it, by code."""
    known = parts.regions.at(parts.queries, known_at).at(as_of)
    return {code: each.name for code, each in known.items() if each.name}


def compared(parts: Parts, path: Path, asked: ListAsked, scratch: Scratch) -> Report:
    """The list beside what its source has said; what would be published is in `scratch`.

    Raises:
        ListRefusedError: the file cannot be read as a list at all.
    """
    view = parts.queries.view.current
    with parts.queries.connection() as connection:
        known_at = facts.head(connection) if asked.known_at is None else asked.known_at
    # Before the connection below is taken, since it takes one of its own.
    places = Places(names(parts, asked.as_of, known_at).items())
    with parts.queries.connection() as connection:
        profile = profile_of(connection, view, asked.source, asked.as_of, known_at)

        def ask(orgs: Sequence[str]) -> Elsewhere:
            found = elsewhere.gathered(connection, view, asked.source, orgs, known_at)
            return elsewhere.read(found, asked.source)

        beside = Compared(facts.lines(connection, view, asked.source, known_at), ask, asked.part)
        return reconcile(path, asked.source, asked.as_of, profile, beside, scratch, places)


def look(parts: Parts, path: Path, asked: ListAsked, confirm: str | None = None) -> Outcome:
    """What a list would publish, and whether it may."""
    with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        report = compared(parts, path, asked, scratch)
    return Outcome(report, hindrance(parts, asked, report, confirm), None)


def publish(request: Request, holder: Holder, path: Path, asked: ListAsked, confirm: str | None) -> Outcome:
    """Publish a list's plan, if it may; made anew where something came while it was made, but not if it is confirmed.

    Raises:
        ListRefusedError: the file cannot be read as a list at all.
        CameSinceError, ActRefusedError: nothing was published (services/intake/in_turn.py).
    """
    parts = parts_of(request)

    def made(events: Sequence[bytes], begin: int) -> Sequence[Message]:
        return messages_of(request, holder.publisher(), events, begin)

    for again in reversed(range(TRIES_MAX)):
        with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
            report = compared(parts, path, asked, scratch)
            hindered = hindrance(parts, asked, report, confirm)
            if hindered is not None or report.plan is None:
                return Outcome(report, hindered, None)
            try:
                done = publish_plan(parts.intake, report.plan, asked.source, scratch.events(), made)
            except CameSinceError:
                # What was decided on an earlier state is refused; else the new state decides.
                if asked.known_at is not None or not again:
                    raise
            else:
                return Outcome(report, None, done)
    raise AssertionError("unreachable")


def hindrance(parts: Parts, asked: ListAsked, report: Report, confirm: str | None) -> str | None:
    """Why the plan may not be published; where another was confirmed, what came since.

    Raises:
        Problem: 400, `confirm` is no name of a plan.
    """
    if confirm is None or report.plan is None:
        return report.hindrance(confirm)
    position, _, digest = confirm.rpartition("-")
    if not position or not digest:
        raise invalid("confirm", confirm, "plan", "confirm is the name of the plan that was looked at, POSITION-DIGEST")
    since = ""
    if digest != report.plan.digest:
        at = read_position("confirm", position)
        since = came_since(parts.recorder, asked.source, report.plan, at)
    return report.hindrance(confirm, since)
