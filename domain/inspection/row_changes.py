"""Why a row changed, and by how late a fact."""

from datetime import date
from typing import Final, Literal, get_args

from domain.events.facts import Event
from domain.events.types import CORRECTED, RETRACTED
from domain.ledger.rows import Row
from domain.values.instants import parse_date

Reason = Literal["fact", "late_fact", "correction", "retraction", "policy"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
_POLICY: Final = "taizhang.policy.adopted.v1"


def reason(type_: str, *, late: bool) -> Reason:
    """Why an event of this type changes what was known; `late`: it is effective before a fact known earlier."""
    by_type: dict[str, Reason] = {CORRECTED: "correction", RETRACTED: "retraction", _POLICY: "policy"}
    return by_type.get(type_, "late_fact" if late else "fact")


def effective_on(event: Event, target: Event | None) -> date | None:
    """When what the event says is true in the world.

    A correction speaks of its replacement's date, a retraction of the date of the fact that it takes back; None
    where that fact is not known, or the replacement has no date.
    """
    if event.is_fact:
        return event.effective_on
    if event.type == CORRECTED:
        written = event.data["replacement"].get("effective_on")
        try:
            return parse_date(written) if isinstance(written, str) else None
        except ValueError:  # a replacement that does not fit has no effect
            return None
    return target.effective_on if target is not None and target.is_fact else None


def changed_fields(before: Row | None, after: Row | None) -> list[str]:
    """The names of the row's fields that differ, attributes as `attributes.name`; `active` where it comes or goes."""
    if before is None or after is None:
        return [] if before is after else ["active"]
    of_row = [name for name in Row._fields if name != "attributes" and getattr(before, name) != getattr(after, name)]
    left, right = before.attributes, after.attributes
    of_attributes = [f"attributes.{name}" for name in left._fields if getattr(left, name) != getattr(right, name)]
    return of_attributes + of_row
