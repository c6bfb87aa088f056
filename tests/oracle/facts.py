"""What is known: events taken once, the last word about each, and the canonical order.

Source: domain.md, "The ledger is a function of a set".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from tests.oracle.forms import fits
from tests.oracle.instants import read_date, read_instant

RANKS = {
    "organization.registered": 0,
    "member.enrolled": 0,
    "branch.formed": 0,
    "instructor.assigned": 0,
    "body.created": 0,
    "organization.deregistered": 2,
    "member.removed": 2,
    "branch.dissolved": 2,
    "instructor.withdrawn": 2,
    "body.closed": 2,
}
CHANGE = 1
SUBJECTS = {"organization": "org", "member": "member", "branch": "branch", "instructor": "org", "body": "body"}


class Identity(NamedTuple):
    source: str
    id: str


@dataclass(frozen=True)
class Anomaly:
    """A contradiction. `about` is the fact that it lies in, or the organization or body that a state speaks of."""

    code: str
    subject: str
    about: Identity | str


@dataclass(frozen=True)
class Fact:
    identity: Identity
    name: str
    time: int
    data: Mapping[str, Any]

    @property
    def effective_on(self) -> date:
        return read_date(self.data["effective_on"])

    @property
    def subject(self) -> str:
        """The data's first identifier; empty where it has none, as a policy."""
        family = self.name.split(".", 1)[0]
        named = SUBJECTS.get(family)
        return str(self.data[named]) if named else ""

    @property
    def canonical(self) -> tuple[date, int, int, str, str]:
        return (self.effective_on, self.time, RANKS.get(self.name, CHANGE), *self.identity)


@dataclass(frozen=True)
class Word:
    """A correction (with a replacement) or a retraction (without) of the event that it names."""

    identity: Identity
    time: int
    target: Identity
    replacement: Mapping[str, Any] | None

    @property
    def order(self) -> tuple[int, str, str]:
        return (self.time, *self.identity)


def name_of(event: Mapping[str, Any]) -> str:
    return str(event["type"]).removeprefix("taizhang.").removesuffix(".v1")


def accepted(deliveries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each event once, in order of arrival: the nth is at position n.

    A repeat has no effect, and neither has other content under a known name.
    """
    taken: dict[Identity, Mapping[str, Any]] = {}
    for event in deliveries:
        taken.setdefault(Identity(event["source"], event["id"]), event)
    return list(taken.values())


def _said(events: Iterable[Mapping[str, Any]]) -> tuple[dict[Identity, Fact], list[Word]]:
    facts: dict[Identity, Fact] = {}
    words: list[Word] = []
    for event in events:
        identity, name, data = Identity(event["source"], event["id"]), name_of(event), event["data"]
        time = read_instant(event["time"])
        if name in ("event.corrected", "event.retracted"):
            named = data["corrects" if name == "event.corrected" else "retracts"]
            words.append(Word(identity, time, Identity(named["source"], named["id"]), data.get("replacement")))
        else:
            facts[identity] = Fact(identity, name, time, data)
    return facts, words


def known_facts(events: Iterable[Mapping[str, Any]]) -> tuple[list[Fact], list[Anomaly]]:
    """The facts that stand, in canonical order, and what is wrong with the words about them."""
    facts, words = _said(events)
    identities_of_words = {word.identity for word in words}
    anomalies = []
    last: dict[Identity, Word] = {}
    for word in sorted(words, key=lambda word: word.order):
        if word.target in identities_of_words:
            anomalies.append(Anomaly("target_not_a_fact", "", word.identity))
        elif word.target not in facts:
            anomalies.append(Anomaly("target_unknown", "", word.identity))
        elif word.replacement is not None and not fits(facts[word.target].name, word.replacement):
            anomalies.append(Anomaly("replacement_unfit", facts[word.target].subject, word.identity))
        else:
            last[word.target] = word
    standing = []
    for identity, fact in facts.items():
        said = last.get(identity)
        if said is None:
            standing.append(fact)
        elif said.replacement is not None:
            standing.append(Fact(identity, fact.name, fact.time, said.replacement))
    return sorted(standing, key=lambda fact: fact.canonical), anomalies
