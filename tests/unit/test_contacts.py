"""Instructors' contacts as a function of facts and a date: since when one is assigned, how long it is quiet."""

from datetime import date

from domain.events.facts import Event, Fact, fact
from domain.fieldwork.contacts import Assignment, assignments

ORG, PERSON = "group:a", "person:p"
PRESENT = {(ORG, PERSON)}


def told(*acts: tuple[str, str]) -> list[Fact]:
    """Acts of one instructor at one organization: assigned, withdrawn, or a contact."""
    types = {"assigned": "instructor.assigned", "withdrawn": "instructor.withdrawn", "contact": "contact.made"}
    found = []
    for n, (name, on) in enumerate(acts, 1):
        data = {"effective_on": on, "org": ORG, "instructor": PERSON} | ({"kind": "call"} if name == "contact" else {})
        found.append(fact(Event(n, "/o", str(n), f"taizhang.{types[name]}.v1", n, data)))
    return sorted(found)


def one(facts: list[Fact], on: str) -> Assignment:
    (found,) = assignments(facts, date.fromisoformat(on), PRESENT)
    return found


def test_it_is_quiet_since_the_last_contact_or_else_since_the_assignment() -> None:
    facts = told(("assigned", "2024-01-01"), ("contact", "2024-02-01"), ("contact", "2024-03-01"))
    quiet = [one(facts, on).quiet_days(date.fromisoformat(on)) for on in ("2024-01-31", "2024-02-01", "2024-03-11")]
    assert quiet == [30, 0, 10]
    assert one(facts, "2024-03-11")[2:5] == (date(2024, 1, 1), 2, date(2024, 3, 1))


def test_a_new_assignment_begins_without_contacts_and_one_repeated_does_not() -> None:
    again = told(("assigned", "2024-01-01"), ("contact", "2024-02-01"), ("assigned", "2024-02-10"))
    assert one(again, "2024-03-01")[2:5] == (date(2024, 1, 1), 1, date(2024, 2, 1))
    anew = [("assigned", "2024-01-01"), ("contact", "2024-02-01"), ("withdrawn", "2024-02-05")]
    facts = told(*anew, ("contact", "2024-02-06"), ("assigned", "2024-02-10"))
    assert one(facts, "2024-03-01")[2:5] == (date(2024, 2, 10), 0, None)
    assert assignments(facts, date(2024, 2, 7), set()) == []


def test_who_is_not_there_by_the_ledger_is_left_out() -> None:
    assert assignments(told(("assigned", "2024-01-01")), date(2024, 2, 1), {(ORG, "person:other")}) == []
