"""Acts of offices that begin, change and end (a campaign, a rectification, a decision): the rule that all share.

One that begins what stands already, and one that changes or ends what does not stand, have no effect and are reported.
What has ended may begin anew.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from domain.events.facts import Fact

T = TypeVar("T")


class WithoutEffect(NamedTuple):
    """A fact that contradicts: it `begins` what stands, or else changes or ends what does not."""

    entity: str
    begins: bool
    position: int


def fold_acts(
    facts: Iterable[Fact],
    beginning: str,
    begin: Callable[[Fact], T],
    change: Callable[[T, Fact], T],
    stands: Callable[[T], bool],
) -> tuple[dict[str, T], list[WithoutEffect]]:
    """What the facts, given in canonical order, have made of each entity; and those without effect.

    Args:
        facts: of one family.
        beginning: the type that begins; all others change or end.
        begin: what a fact of that type makes.
        change: what another makes of what stands.
        stands: whether it has not ended.
    """
    found: dict[str, T] = {}
    wrong: list[WithoutEffect] = []
    for fact in facts:
        before = found.get(fact.entity)
        standing = before if before is not None and stands(before) else None
        begins = fact.type == beginning
        if begins == (standing is not None):
            wrong.append(WithoutEffect(fact.entity, begins, fact.position))
        elif standing is None:
            found[fact.entity] = begin(fact)
        else:
            found[fact.entity] = change(standing, fact)
    return found, wrong
