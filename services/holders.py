"""Who calls, as the services know them: a name, roles, the sources they publish, the regions they see."""

from typing import Final, Literal, NamedTuple, get_args

from domain.scope import Scope
from services.messages import Publisher

Role = Literal["publisher", "steward", "inspector", "assessment", "operator", "auditor", "administrator"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))


class Holder(NamedTuple):
    """Someone who was let in.

    Attributes:
        name: of a machine its own, of a person a pseudonym.
        roles: what the holder may do.
        sources: the sources that the holder may publish; None: any.
        scope: the regions that the holder sees; None: all.
    """

    name: str
    roles: frozenset[Role]
    sources: frozenset[str] | None = None
    scope: Scope = None

    def publisher(self) -> Publisher:
        """The holder as intake knows publishers."""
        return Publisher(self.name, "steward" in self.roles, self.sources, "administrator" in self.roles, self.scope)


# What `serve --dev` takes every caller for.
DEVELOPER: Final = Holder("dev", ROLES)
