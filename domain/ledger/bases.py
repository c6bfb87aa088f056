"""Bases of rates (口径): named choices of whom a rate counts, and of which formations count as covered."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from domain.events.facts import Fact
from domain.ledger.policy import Policy
from domain.values.terms import FORMATIONS, Category, Formation

# The family of their facts.
BASIS: Final = "basis"
# The basis of every organization, which no event makes.
ALL: Final = "all"


class Basis(NamedTuple):
    """Whom a rate counts.

    Attributes:
        name: by which a question names it.
        title: as an office calls it.
        categories: the categories that it counts.
        legal_persons_only: whether organizations that are no legal persons are left out.
        employees_min: the size from which it counts; organizations whose size is not known are smaller than any.
        formations_counted: the formations that count as covered, in place of the policy's, strongest first.
    """

    name: str
    title: str
    categories: tuple[Category, ...]
    legal_persons_only: bool
    employees_min: int | None
    formations_counted: tuple[Formation, ...]

    def policy(self, in_force: Policy) -> Policy:
        """The policy under which it counts."""
        return in_force._replace(formations_counted=self.formations_counted)


def bases(facts: Iterable[Fact]) -> dict[str, Basis]:
    """The bases by name after facts about them, given in canonical order."""
    found: dict[str, Basis] = {}
    for fact in facts:
        data = fact.data
        found[data["name"]] = Basis(
            data["name"], data["title"], tuple(data["categories"]), data["legal_persons_only"],
            data["employees_min"], tuple(each for each in FORMATIONS if each in data["formations_counted"]),
        )  # fmt: skip
    return found
