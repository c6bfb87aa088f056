"""Organizations left out of the denominators: shells, closed shops, double entries.

None is excluded on the day of the speech, so that its 52,000 are the registered and the counted
ones alike. The campaign's survey then finds the shells.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import CAMPAIGN, DEADLINE, END, OPENING, SPEECH, between, day
from services.demo_city.county import County
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization

_REASONS: Final = ("not_operating", "not_operating", "not_operating", "duplicate", "out_of_scope")
_BEFORE_SPEECH: Final = 0.006
_BY_SURVEY: Final = 0.05
_AFTER_DEADLINE: Final = 0.006
_READMITTED_AT_ONCE: Final = 0.05
_READMITTED_LATER: Final = 0.12
_SURVEY_ENDS: Final = day("2024-12-20")


def exclusions(county: County, rng: random.Random) -> Iterator[Fact]:
    """Decides who is excluded and until when, and publishes it; before the campaign is planned."""
    for org in (*county.economic, *county.internet, *county.social):
        if org.story is None and org.deregistered is None:
            yield from _facts(rng, org, _span(rng, org))


def _span(rng: random.Random, org: Organization) -> tuple[int, int | None] | None:
    drawn = rng.random()
    if drawn < _BEFORE_SPEECH and org.registered == OPENING:
        start = between(rng, day("2023-08-01"), day("2024-05-31"))
        return start, between(rng, start + 20, SPEECH - 12)
    if org.covered or org.eligible or org.registered > SPEECH:
        return None
    if drawn > 1 - _BY_SURVEY:
        start = between(rng, CAMPAIGN, _SURVEY_ENDS)
        again = rng.random()
        if again < _READMITTED_AT_ONCE:
            return start, between(rng, start + 4, DEADLINE - 3)
        return start, between(rng, DEADLINE + 10, END) if again < _READMITTED_LATER else None
    if drawn > 1 - _BY_SURVEY - _AFTER_DEADLINE:
        return between(rng, DEADLINE + 8, END), None
    return None


def _facts(rng: random.Random, org: Organization, span: tuple[int, int | None] | None) -> Iterator[Fact]:
    if span is None:
        return
    org.excluded.append(span)
    start, end = span
    yield facts.excluded(start, org.org, _REASONS[int(rng.random() * len(_REASONS))])
    if end is not None:
        yield facts.readmitted(end, org.org)
