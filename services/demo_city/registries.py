"""What the market, civil-affairs and transport registries publish of each organization's life."""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts, trades
from services.demo_city.chance import OPENING, SPEECH, between, day
from services.demo_city.facts import Data, Fact
from services.demo_city.organization import Organization
from services.demo_city.population import Registrar

_ANNUAL_REPORTS: Final = ((day("2024-01-08"), day("2024-06-28")), (day("2025-01-06"), day("2025-06-27")))
_REPORTING: Final = 0.72
_REASONS: Final = ("dissolved", "dissolved", "dissolved", "revoked", "merged", "moved_away")
_RESTORED: Final = (day("2023-10-09"), day("2024-05-31"))
"""Now and then a registration ends by mistake and is made anew; well before the speech."""


def life(org: Organization, registrar: Registrar) -> Iterator[Fact]:
    """Every fact of one organization's own registry, each on a day of its own."""
    rng = registrar.rng
    source = facts.SOURCE_OF_KIND[org.kind]
    attributes = _attributes(org)
    yield facts.registered(source, org.registered, dict(attributes))
    last = org.last_day
    days = sorted(
        {on for on in _report_days(rng) if org.registered < on <= last and rng.random() < _REPORTING}
        | ({between(rng, org.registered + 1, last)} if rng.random() < 0.18 and last > org.registered else set())
    )
    for on in days:
        changes = _changes(rng, org, attributes, registrar)
        attributes.update(changes)
        yield facts.changed(source, on, org.org, changes)
    if org.deregistered is not None:
        yield facts.deregistered(source, org.deregistered, org.org, _REASONS[int(rng.random() * len(_REASONS))])
    elif org.registered == OPENING and org.story is None and rng.random() < 0.004:
        yield from _restored(rng, org, source, _attributes(org), days)


def _attributes(org: Organization) -> Data:
    attributes: Data = {
        "org": org.org, "kind": org.kind, "category": org.category, "name": org.name, "region": org.region,
        "industry": org.industry, "employees": org.employees, "supervisor": org.supervisor, "address": org.address,
    }  # fmt: skip
    return {name: value for name, value in attributes.items() if value is not None}


def _report_days(rng: random.Random) -> list[int]:
    return [between(rng, *window) for window in _ANNUAL_REPORTS]


def _changes(rng: random.Random, org: Organization, attributes: Data, registrar: Registrar) -> Data:
    """An annual report's head count, or a change of one attribute; never out of the county or of I64."""
    drawn = rng.random()
    if drawn < 0.78:
        before = attributes.get("employees")
        count = before if isinstance(before, int) else 4
        limit = 48 if org.story == "park" else 10_000
        return {"employees": min(limit, max(1, round(count * (0.85 + rng.random() * 0.36))))}
    if drawn < 0.86:
        region = registrar.region()
        return {"region": region, "address": trades.address(rng, region)}
    if drawn < 0.92:
        return {"address": trades.address(rng, str(attributes["region"]))}
    if drawn < 0.97 or org.category == "sole_proprietor":
        return {"name": f"{org.name[:-4]}新{org.name[-4:]}" if org.kind == "new_economic" else f"{org.name}（联合）"}
    if org.kind == "new_social":
        return {"supervisor": None} if "supervisor" in attributes else {"employees": 10}
    return {"category": "foreign_enterprise" if org.category == "private_enterprise" else "private_enterprise"}


def _restored(rng: random.Random, org: Organization, source: str, attributes: Data, taken: list[int]) -> Iterator[Fact]:
    """Revoked and registered again some weeks later, with the attributes given then alone."""
    ended = between(rng, *_RESTORED)
    again = ended + between(rng, 10, 60)
    if any(ended <= on <= again for on in taken) or any(start <= SPEECH for start, _ in org.excluded):
        return
    yield facts.deregistered(source, ended, org.org, "revoked")
    yield facts.registered(source, again, {**attributes, "employees": attributes.get("employees", 3)})
