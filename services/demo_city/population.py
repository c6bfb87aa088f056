"""A county's economic and social organizations: who is there, from when, until when.

At the speech exactly as many are active as the plan says. Around them comes the churn: some
deregister before it, some register after it.
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

from services.demo_city import chance, trades
from services.demo_city.chance import END, OPENING, SPEECH, between
from services.demo_city.organization import Organization
from services.demo_city.places import TOWNSHIPS, VILLAGES
from services.demo_city.plan import CountyPlan

_STOCK: Final = 0.80
"""Of those active at the speech: registered before the ledger opened."""
_GONE: Final = 0.09
_CLOSING: Final = 0.045
_NEW: Final = 0.115
"""Of those active at the speech: deregistered before it, deregistered after it, new after it."""

Life = tuple[int, int | None]


class Registrar:
    """Makes a county's organizations, each with a code of its own."""

    def __init__(self, plan: CountyPlan, rng: random.Random) -> None:
        self.county = plan.code
        self.rng = rng
        self._serial = 0
        self._villages = [village.code for township in TOWNSHIPS[plan.code] for village in VILLAGES[township.code]]

    def region(self) -> str:
        """A village's code; sometimes the registry knows the township alone, or only the county."""
        village = self._villages[int(self.rng.random() ** 1.3 * len(self._villages))]
        known = self.rng.random()
        return village if known < 0.88 else village[:9] if known < 0.97 else self.county

    def code(self, category: str) -> str:
        self._serial += 1
        return chance.credit_code(category, self.county, self._serial)

    def economic(self, life: Life, category: str | None = None) -> Organization:
        rng = self.rng
        if category is None:
            drawn = rng.random()
            category = (
                "private_enterprise" if drawn < 0.61 else "sole_proprietor" if drawn < 0.98 else "foreign_enterprise"
            )
        return self._economic(life, category, trades.industry(rng, category))

    def internet(self, life: Life) -> Organization:
        category = "private_enterprise" if self.rng.random() < 0.97 else "foreign_enterprise"
        return self._economic(life, category, trades.internet_industry(self.rng))

    def _economic(self, life: Life, category: str, industry: str) -> Organization:
        rng = self.rng
        region = self.region()
        return Organization(
            self.code(category),
            "new_economic",
            category,
            trades.company_name(rng, category, self.county, industry),
            region,
            *life,
            industry if rng.random() < 0.985 or industry.startswith(trades.INTERNET) else None,
            _employees(rng, category),
            None,
            trades.address(rng, region) if rng.random() < 0.4 else None,
        )

    def social(self, life: Life) -> Organization:
        rng = self.rng
        drawn = rng.random()
        category = "association" if drawn < 0.42 else "service_institution" if drawn < 0.985 else "foundation"
        name, industry, supervisor = trades.social_organization(rng, category, self.county)
        return Organization(
            self.code(category),
            "new_social",
            category,
            name,
            self.region(),
            *life,
            industry if rng.random() < 0.7 else None,
            int(rng.expovariate(1 / 12)) if rng.random() < 0.9 else None,
            supervisor if rng.random() < 0.85 else None,
        )


def _employees(rng: random.Random, category: str) -> int | None:
    if rng.random() < 0.05:
        return None
    if category == "sole_proprietor":
        return 1 + int(rng.expovariate(1 / 2.2))
    middle = 8.0 if category == "private_enterprise" else 45.0
    return min(6_000, 1 + int(rng.lognormvariate(0.0, 1.25) * middle))


def lives(rng: random.Random, active: int) -> Iterator[Life]:
    """The lives of a segment: exactly `active` of them hold the day of the speech."""
    for _ in range(active):
        registered = OPENING if rng.random() < _STOCK else between(rng, OPENING + 1, SPEECH)
        closes = rng.random() < _CLOSING
        yield registered, between(rng, SPEECH + 2, END) if closes else None
    for _ in range(int(active * _GONE + rng.random())):
        registered = OPENING if rng.random() < _STOCK else between(rng, OPENING + 1, SPEECH - 60)
        yield registered, between(rng, registered + 40, SPEECH)
    for _ in range(int(active * _NEW + rng.random())):
        registered = between(rng, SPEECH + 1, END)
        yield registered, between(rng, registered + 60, END) if rng.random() < 0.03 and registered < END - 60 else None


def segment(rng: random.Random, active: int, make: Callable[[Life], Organization]) -> list[Organization]:
    """One segment's organizations, `active` of them active at the speech."""
    return [make(life) for life in lives(rng, active)]
