"""What a person decides of two records, as the event that says so; the page and the command line both make it here."""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, NamedTuple

import orjson

from domain.fieldwork.matching import Decision

# Whose decisions they are where the caller may speak for any source.
SOURCE: Final = "/office/matching"
Answer = Literal["same", "different", "undo"]


class Said(NamedTuple):
    """What a person says of an organization and another record (`other`: an organization, or a visit)."""

    org: str
    other: str
    answer: Answer
    on: date
    reason: str
    source: str


def standing_decision(made: Iterable[Decision], org: str, other: str) -> Decision | None:
    """The decision of a pair that stands, whichever of the two is named first."""
    return next((d for d in made if d.undone_on is None and {d.org, d.other} == {org, other}), None)


def match_event(said: Said, stands: Decision | None) -> bytes | None:
    """`match.decided`, or `match.undone`; None where it would change nothing.

    Args:
        said: what the person says.
        stands: the decision of the pair that stands.
    """
    if (stands is None) == (said.answer == "undo"):
        return None
    data: dict[str, Any] = {"effective_on": said.on.isoformat(), "reason": said.reason}
    if stands is None:
        other = "visit" if said.other.startswith("visit:") else "other"
        match = f"match:{uuid.uuid4().hex}"
        data |= {"match": match, "org": said.org, other: said.other, "same": said.answer == "same"}
    else:
        data["match"] = stands.match
    return orjson.dumps(
        {
            "specversion": "1.0", "id": uuid.uuid4().hex, "source": said.source,
            "type": f"taizhang.match.{'undone' if stands else 'decided'}.v1", "time": datetime.now(UTC).isoformat(),
            "subject": data["match"], "data": data,
        }
    )  # fmt: skip
