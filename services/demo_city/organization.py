"""What the plan keeps of one organization while its county's history is made."""

from dataclasses import dataclass, field
from typing import Final

from services.demo_city.chance import END

Span = tuple[int, int | None]
"""From a day on, to the day on which it ends (not included), or None for open."""


@dataclass(slots=True, eq=False)
class Organization:
    """One organization: what its registry says, and what the other registries are to say of it.

    `story` names the part of the speech that it plays, if any; such organizations stand apart
    from everything that happens by chance.
    """

    org: str
    kind: str
    category: str
    name: str
    region: str
    registered: int
    deregistered: int | None = None
    industry: str | None = None
    employees: int | None = None
    supervisor: str | None = None
    address: str | None = None
    story: str | None = None
    full_changes: list[tuple[int, int]] = field(default_factory=list)
    eligible: list[Span] = field(default_factory=list)
    covered: list[Span] = field(default_factory=list)
    excluded: list[Span] = field(default_factory=list)

    @property
    def last_day(self) -> int:
        """The last day on which it is active, or the end of the history."""
        return END if self.deregistered is None else self.deregistered - 1

    def active(self, day: int) -> bool:
        return self.registered <= day and (self.deregistered is None or day < self.deregistered)

    def eligible_on(self, day: int) -> bool:
        return any(holds(span, day) for span in self.eligible)

    def excluded_on(self, day: int) -> bool:
        return any(holds(span, day) for span in self.excluded)

    def covered_on(self, day: int) -> bool:
        return any(holds(span, day) for span in self.covered)


def holds(span: Span, day: int) -> bool:
    """Whether the day lies in the span."""
    start, end = span
    return start <= day and (end is None or day < end)


_NEEDED: Final = 3
"""Full members for a branch of its own, as the policy that the city adopts has it."""


def eligible_spans(org: Organization) -> list[Span]:
    """When it has the full members for a branch of its own, from its `full_changes`."""
    if len(org.full_changes) < _NEEDED:
        return []
    spans: list[Span] = []
    count = 0
    since: int | None = None
    changes = sorted(org.full_changes)
    for index, (day, change) in enumerate(changes):
        count += change
        if index + 1 < len(changes) and changes[index + 1][0] == day:
            continue
        if since is None and count >= _NEEDED:
            since = day
        elif since is not None and count < _NEEDED:
            spans.append((since, day))
            since = None
    return [*spans, (since, None)] if since is not None else spans
