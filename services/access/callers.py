"""Who calls, as the services know them: a name, roles, the sources they publish, the regions they see."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.access.rights import Right
from domain.events.access import ROLES, Role
from domain.values.scope import Scope, either
from services.log.messages import Publisher

__all__ = ["DEVELOPER", "ROLES", "Holder", "Role", "held", "together"]


class Holder(NamedTuple):
    """Someone who was let in.

    Attributes:
        name: of a machine its own, of a person a pseudonym.
        roles: what the holder may do.
        sources: the sources that the holder may publish; None: any.
        scope: the regions and bodies that the holder sees; None: all.
        rights: what the holder may say, one for each grant.
    """

    name: str
    roles: frozenset[Role]
    sources: frozenset[str] | None = None
    scope: Scope = None
    rights: tuple[Right, ...] = ()

    def publisher(self) -> Publisher:
        """The holder as intake knows publishers."""
        return Publisher(self.name, self.rights)


def held(name: str, right: Right) -> Holder:
    """The holder of one grant."""
    return Holder(name, right.roles, right.sources, right.scope, (right,))


def together(holders: Sequence[Holder]) -> Holder:
    """What several grants of one holder let read where each of them would do alone; what may be said stays apart."""
    if len(holders) == 1:
        return holders[0]
    sources = [each.sources for each in holders]
    return Holder(
        holders[0].name,
        frozenset[Role]().union(*(each.roles for each in holders)),
        None if None in sources else frozenset[str]().union(*(each for each in sources if each is not None)),
        either(each.scope for each in holders),
        tuple(right for each in holders for right in each.rights),
    )


# What `serve --dev` takes every caller for.
DEVELOPER: Final = held("dev", Right(ROLES))
