"""Which types have a form, why the others have none, and which of them a caller is offered."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.events.facts import family_of
from domain.events.types import EVENT_TYPES
from services.access.callers import Holder


class Elsewhere(NamedTuple):
    """Why a type has no form: the text `acts.none.REASON`, and the page where it is done, if there is one."""

    reason: str
    page: str | None = None


WITHOUT_FORM: Final[dict[str, Elsewhere]] = {
    "taizhang.access.granted.v1": Elsewhere("access"),
    "taizhang.access.revoked.v1": Elsewhere("access"),
    "taizhang.access.key_registered.v1": Elsewhere("access"),
    "taizhang.assessment.sealed.v1": Elsewhere("sealed", "/assessment/seal"),
    "taizhang.assessment.superseded.v1": Elsewhere("superseded", "/assessment/seal"),
    "taizhang.evidence.blinded.v1": Elsewhere("key"),
    "taizhang.evidence.erased.v1": Elsewhere("service"),
    "taizhang.evidence.key_changed.v1": Elsewhere("key"),
    "taizhang.evidence.rooted.v1": Elsewhere("service"),
    "taizhang.city.joined.v1": Elsewhere("province"),
    "taizhang.city.changed.v1": Elsewhere("province"),
    "taizhang.city.left.v1": Elsewhere("province"),
    "taizhang.report.asked.v1": Elsewhere("province"),
    "taizhang.city.reported.v1": Elsewhere("taken"),
    "taizhang.city.report_refused.v1": Elsewhere("taken"),
    "taizhang.file.kept.v1": Elsewhere("taken"),
    "taizhang.list.stated.v1": Elsewhere("list", "/daily/lists"),
    "taizhang.match.decided.v1": Elsewhere("match", "/daily/matches"),
    "taizhang.match.undone.v1": Elsewhere("match", "/daily/matches"),
}
_PREFIX: Final = "taizhang."
_SUFFIX: Final = ".v1"


def short(type_: str) -> str:
    """A type as its form's address names it: `instructor.assigned`."""
    return type_.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def type_of(name: str) -> str | None:
    """The type that an address names; None where there is none that has a form."""
    type_ = f"{_PREFIX}{name}{_SUFFIX}"
    return type_ if type_ in EVENT_TYPES and type_ not in WITHOUT_FORM else None


def may_say(holder: Holder, type_: str) -> bool:
    """Whether a caller may say a type anywhere; what intake asks of each right before it asks of places."""
    return any(right.could_say(type_) for right in holder.rights)


def offered(holder: Holder) -> dict[str, list[str]]:
    """By family the types that a caller is offered, in the order of the domain."""
    found: dict[str, list[str]] = {}
    for type_ in EVENT_TYPES:
        if type_ not in WITHOUT_FORM and may_say(holder, type_):
            found.setdefault(family_of(type_), []).append(type_)
    return found


def sources(holder: Holder, type_: str) -> Sequence[str] | None:
    """The sources in whose name a caller may say a type, in order; None for any."""
    rights = [right for right in holder.rights if right.could_say(type_)]
    if any(right.sources is None for right in rights):
        return None
    return sorted(frozenset[str]().union(*(right.sources or () for right in rights)))
