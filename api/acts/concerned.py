"""What the identifiers of an event are called, as far as whoever asks may see it; what is not in sight has no name."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from domain.ledger.bodies import Bodies
from services.assessment.campaigns import campaigns
from services.fieldwork.surveys import all_surveys
from services.fieldwork.weak_branches import branches
from services.ledger.listing import names_of
from services.ledger.meaning import bodies_at
from services.ledger.queries import Queries


def called(queries: Queries, data: object, as_of: date, known_at: int) -> dict[str, str]:
    """By identifier its name at the end of a date; those without a name in sight are left out."""
    named = list(dict.fromkeys(_texts(data)))
    orgs = _of(named, "uscc:", "group:")
    found = names_of(queries, orgs, as_of, known_at)
    if of_branches := _of(named, "branch:"):
        states = branches(queries, of_branches, as_of, known_at)
        found |= {branch: state.name for branch, state in states.items() if state.name}
    if of_bodies := _of(named, "body:"):
        existing = _bodies(queries, as_of, known_at).existing
        found |= {body: existing[body].name for body in of_bodies if body in existing}
    if _of(named, "campaign:"):
        found |= {each.campaign: each.name for each in campaigns(queries, as_of, known_at).campaigns}
    if _of(named, "survey:"):
        found |= {each.survey: each.name for each in all_surveys(queries, as_of, known_at)}
    return {name: found[name] for name in named if name in found}


def _bodies(queries: Queries, as_of: date, known_at: int) -> Bodies:
    return bodies_at(queries.everywhere(), as_of, known_at)


def _of(named: Sequence[str], *prefixes: str) -> list[str]:
    return [each for each in named if each.startswith(prefixes)]


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
