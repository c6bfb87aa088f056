"""Whether the events of a bundle are all that the log has of the organizations that it names, or that it has none."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.events.facts import Event
from services.evidence.bundles.bundle import Question
from services.evidence.bundles.relevant import consulted, named
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.vouched import Told
from services.evidence.roots.completeness import Completeness, belonging_to, due, faults
from services.evidence.verifier.report import Report
from services.evidence.verifier.roots_check import sound, stated_in


class Shown(NamedTuple):
    """What a bundle shows, already found to follow: its question and list, its events and their leaf hashes."""

    question: Question
    organizations: Sequence[str]
    events: Sequence[Event]
    hashes: Mapping[int, bytes]


def check_complete(report: Report, complete: Completeness, checkpoint: Checkpoint, shown: Shown) -> Told | None:
    """Raise the statement to complete where everything consulted has, by the map, exactly the events shown.

    That the event with the roots is in the checkpoint's tree was checked with the others.

    Returns the event that states the roots, where it does.
    """
    stored = sound(report, complete.stated)
    stated = None if stored is None or report.faults else stated_in(report, stored)
    if stored is None or stated is None or report.faults:
        return None
    question = shown.question
    if question.filters is not None or question.known_at != stated.known_at:
        words = (
            f"completeness is shown of organizations named, as known at position {stated.known_at}; the question is "
            f"another: {question.in_words()}"
        )
        report.fails(None, "所问不是树根所证的", words)
        return None
    belonging = belonging_to(stated, ((event, shown.hashes[event.position]) for event in shown.events))
    wanted = due(belonging, *consulted(shown.events, shown.organizations))
    for entity, why in faults(stated, complete, belonging, wanted):
        report.fails(None, f"{entity} 的事件未证明无遗漏", f"that the events of {entity} are all is not so: {why}")
    if report.faults:
        return None
    many = len({*belonging.events} | wanted.whole)
    report.holds(
        f"位置 {stored.position} 公布的树根证明: 至位置 {stated.known_at}, 所涉 {many} 个对象的事件无遗漏",
        f"by the roots that position {stored.position} states, these are all events of the {many} entities that have a "
        f"part, up to position {stated.known_at}",
    )
    spoken_of = {name for event in shown.events for name in named(event)}
    for org in question.organizations:
        if org not in spoken_of:
            report.holds(f"{org} 在台账中无任何事件", f"{org} occurs in no event of the ledger")
    report.statement, report.partial = "complete", False
    return Told(checkpoint.origin, stored.position, stored.leaf(stored.position), stated.as_of, stated.known_at)
