"""How often random questions meet what can go wrong: a law over histories in which little happens says little."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.fact_data import DAYS
from tests.histories import Delivery, Question
from tests.oracle import facts as known
from tests.oracle.fold import State
from tests.oracle.rates import grouped
from tests.oracle.rows import Row, branch_rows, ledger

# The least share of the questions, in hundredths.
FLOORS = {
    "with a covered organization": 50,
    "coverage lost": 10,
    "excluded": 10,
    "eligible at the boundary": 10,
    "a correction that is not the last": 10,
    "a fact that moves to another entity": 10,
    "industry grouped": 10,
    "under a body": 20,
    "under a body that does not exist": 3,
    "taken from a body that was left": 1,
    "of a basis": 1,
    "a circle of bodies": 3,
}
FLOORS_TO_COME = {
    "with a living branch": 10,
    "covered, and by no living branch": 10,
    "with a term that is over": 5,
    "with a secretary's office vacant for too long": 3,
    "with meetings missed": 10,
    "under a body": 10,
    "with members elsewhere": 10,
    "eligible by members elsewhere alone": 1,
    "an extension that is too long": 2,
    "a parent in a circle": 3,
}
BOUNDARY = 3


def _corrections(events: Sequence[Delivery], question: Question) -> set[str]:
    """What the corrections known at the question do that an easier rule would miss."""
    facts = {known.Identity(event["source"], event["id"]): event for event in events[: question.known_at]}
    standing = {fact.identity: fact for fact in known.known_facts(events[: question.known_at])[0]}
    said: Counter[known.Identity] = Counter()
    found = set()
    for event in facts.values():
        if known.name_of(event) in ("event.corrected", "event.retracted"):
            about = event["data"].get("corrects") or event["data"].get("retracts")
            target = known.Identity(about["source"], about["id"])
            if known.name_of(facts.get(target, event)) != known.name_of(event):
                said[target] += 1
                if said[target] > 1 and "corrects" in event["data"]:
                    found.add("a correction that is not the last")
    for identity, fact in standing.items():
        before = known.Fact(identity, fact.name, fact.time, facts[identity]["data"])
        if fact.subject != before.subject and fact.effective_on <= question.as_of:
            found.add("a fact that moves to another entity")
    return found


def _lost(standing: Sequence[known.Fact], question: Question, rows: Mapping[str, Row]) -> bool:
    """Whether an organization that is not covered was active and covered on one of some days before."""
    uncovered = {org for org, row in rows.items() if not row["organization_covered"]}
    if not uncovered:
        return False
    for days in range(1, len(DAYS), 4):
        _, before, _ = ledger(standing, question.as_of - timedelta(days=days))
        if any(row["organization_covered"] for org, row in before.items() if org in uncovered):
            return True
    return False


def _of_bodies(
    state: State, rows: Mapping[str, Row], anomalies: Sequence[known.Anomaly], question: Question
) -> set[str]:
    """What a question meets of bodies and bases."""
    codes = {(anomaly.code, (anomaly.subject or "").partition(":")[0]) for anomaly in anomalies}
    met = {
        "under a body": any(row["bodies"] for row in rows.values()),
        "under a body that does not exist": any(code == "body_not_created" for code, _ in codes),
        "taken from a body that was left": any(code == "not_placed" for code, _ in codes),
        "of a basis": question.filters.get("basis") in state.bases,
        "a circle of bodies": ("parent_in_circle", "body") in codes,
    }
    return {name for name, there in met.items() if there}


class Power:
    """Counts the questions of a law by what they meet."""

    def __init__(self, floors: Mapping[str, int] = FLOORS) -> None:
        self.floors = floors
        self.questions = 0
        self.met: Counter[str] = Counter()

    def add(self, events: Sequence[Delivery], question: Question) -> None:
        """Count one question."""
        standing, _ = known.known_facts(events[: question.known_at])
        state, rows, anomalies = ledger(standing, question.as_of)
        wanted = {name: to for name, to in question.filters.items() if name != "basis"}
        answer = grouped(state, rows, question.group_by, wanted)
        self.questions += 1
        whole: Counter[str] = Counter()
        for _, counts in answer:
            whole.update({name: count or 0 for name, count in counts.items()})
        found = _corrections(events, question)
        if whole["organization_covered"]:
            found.add("with a covered organization")
        if whole["excluded"]:
            found.add("excluded")
        asked_for = state.policy["full_members_for_branch"]
        if asked_for == BOUNDARY and any(row["full_members"] == BOUNDARY for row in rows.values()):
            found.add("eligible at the boundary")
        if _lost(standing, question, rows):
            found.add("coverage lost")
        if "industry" in question.group_by and answer:
            found.add("industry grouped")
        found |= _of_bodies(state, rows, anomalies, question)
        self.met.update(found)

    def add_to_come(self, events: Sequence[Delivery], question: Question) -> None:
        """Count one question of the types to come."""
        self.questions += 1
        standing, _ = known.known_facts(events[: question.known_at])
        state, rows, anomalies = ledger(standing, question.as_of)
        branches = branch_rows(state, question.as_of).values()
        policy = state.activity_policy
        threshold = state.policy["full_members_for_branch"]
        codes = {anomaly.code for anomaly in anomalies}
        met = {
            "with a living branch": any(branch["in_effect"] for branch in branches),
            "covered, and by no living branch": any(
                row["organization_covered"] and row["effectively_covered"] is False for row in rows.values()
            ),
            "with a term that is over": any(
                branch["term"][1] is not None and branch["term"][1] < question.as_of for branch in branches
            ),
            "with a secretary's office vacant for too long": policy is not None
            and any(
                branch["vacant_since"] and (question.as_of - branch["vacant_since"]).days > policy["vacant_days_max"]
                for branch in branches
            ),
            "with meetings missed": any(branch["missed"] for branch in branches),
            "under a body": any(row["bodies"] for row in rows.values()),
            "with members elsewhere": any(row["members_elsewhere"] for row in rows.values()),
            "eligible by members elsewhere alone": any(
                row["eligible"] and row["full_members"] < threshold for row in rows.values()
            ),
            "an extension that is too long": "extension_too_long" in codes,
            "a parent in a circle": "parent_in_circle" in codes,
        }
        self.met.update(name for name, there in met.items() if there)

    def shares(self) -> dict[str, float]:
        """Of each thing, the share of the questions in hundredths."""
        return {name: round(100 * self.met[name] / max(1, self.questions), 1) for name in self.floors}

    def told(self) -> str:
        """The figures as a line."""
        return f"{self.questions} questions, % " + ", ".join(f"{name} {of}" for name, of in self.shares().items())

    def lacking(self) -> dict[str, Any]:
        """What occurred too seldom."""
        return {name: share for name, share in self.shares().items() if share < self.floors[name]}
