"""Why a message was refused: the rule, where, the value and the remedy."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from domain.values.codes import holds_personal_identifier

VALUE_LENGTH_MAX: Final = 120
REASONS_MAX: Final = 20
# What broke one of these may hold a number or a name of a person, in a place that was not made for it. The database
# holds them too (migration 0018): the bytes of these messages go, those of no others.
PERSONAL_RULES: Final = frozenset(("personal_identifier", "extra_forbidden"))


@dataclass(frozen=True, slots=True)
class Reason:
    """One broken rule.

    Attributes:
        rule: the rule's name, stable, to group by.
        at: a JSON pointer (RFC 6901) into the event, empty for the whole.
        value: what stood there, shortened; None where absent or where it may hold a person.
        message: the rule and the remedy in words.
    """

    rule: str
    at: str
    value: Any
    message: str

    def as_json(self) -> dict[str, Any]:
        """Give `{"rule", "at", "value", "message"}`, the value at most 120 characters long."""
        value = self.value
        if not (value is None or isinstance(value, int | float)):
            value = str(value)[:VALUE_LENGTH_MAX]
        return {"rule": self.rule, "at": self.at, "value": value, "message": self.message}


def from_validation(error: ValidationError) -> list[Reason]:
    """Translate a model's complaints; `at` is a pointer under `/data`."""
    reasons = []
    for item in error.errors(include_url=False)[:REASONS_MAX]:
        context = item.get("ctx", {})
        rule = context.get("rule", item["type"])
        at = "".join(f"/{_named(part)}" for part in ("data", *item["loc"]))
        value = item["input"]
        # What may be a person's is never repeated; a whole object says nothing that `at` does not.
        if rule in PERSONAL_RULES or isinstance(value, dict | list):
            value = None
        reasons.append(Reason(rule, at, value, item["msg"]))
    return reasons


def _named(part: str | int) -> str | int:
    """A field's name, unless it is itself a number of a person: it stood where the name belongs."""
    return "***" if isinstance(part, str) and holds_personal_identifier(part) else part
