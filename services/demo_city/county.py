"""One county while its history is made: its organizations and what the registries leave behind."""

import random
from dataclasses import dataclass, field

from services.demo_city import chance
from services.demo_city.organization import Organization
from services.demo_city.plan import CountyPlan

_NUMBERS_OF_COUNTY = 1 << 26


@dataclass(slots=True)
class County:
    """The organizations by segment, and examples for later contradictions to speak of."""

    plan: CountyPlan
    economic: list[Organization] = field(default_factory=list)
    internet: list[Organization] = field(default_factory=list)
    social: list[Organization] = field(default_factory=list)
    groups: list[Organization] = field(default_factory=list)
    # All but the sole proprietors: where members move to and activists are found.
    workplaces: list[Organization] = field(default_factory=list)
    settled_members: list[tuple[str, int]] = field(default_factory=list)
    # Full members who stay where they are, each with the firm.
    at_home: list[tuple[str, str]] = field(default_factory=list)
    removed_members: list[tuple[str, int]] = field(default_factory=list)
    standing_branches: list[tuple[str, int]] = field(default_factory=list)
    dissolved_branches: list[tuple[str, int]] = field(default_factory=list)
    assignments: list[tuple[str, str, int]] = field(default_factory=list)
    members: int = 0

    @property
    def organizations(self) -> list[Organization]:
        return [*self.economic, *self.internet, *self.social, *self.groups]

    def member(self) -> str:
        """The next member's pseudonym; the city's are all different."""
        self.members += 1
        return chance.pseudonym("member", self.plan.number * _NUMBERS_OF_COUNTY + self.members)

    def instructor(self, number: int) -> str:
        """The pseudonym of the number-th instructor of the county."""
        return chance.pseudonym("person", self.plan.number * _NUMBERS_OF_COUNTY + number)


def pick(rng: random.Random, organizations: list[Organization], first: int, last: int) -> Organization:
    """An organization outside the stories that is active from one day to another.

    Raises:
        LookupError: a thousand draws found none, so there are too few for the scale.
    """
    for _ in range(1_000):
        org = organizations[int(rng.random() * len(organizations))]
        if org.story is None and org.active(first) and org.active(last):
            return org
    msg = f"no organization is active from day {first} to {last}; choose a larger scale"
    raise LookupError(msg)
