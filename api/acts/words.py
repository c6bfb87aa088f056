"""What fields, their values and their faults are called, in the page's language; the texts alone know words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from pydantic_core.core_schema import ErrorType

from api.acts.entries import control
from api.acts.fields import DATA, Field
from api.acts.offered import short
from api.site.formats import whole
from api.site.texts import Lang, has, text
from domain.events.types import EVENT_TYPES
from domain.values.reasons import Reason

# Where the words of a choice stand: the first of these of which the texts have every value.
CHOICES: Final = (
    "kind", "category", "formation", "tier", "standing", "relation", "measure", "body_kind", "excluded", "rate",
    "outcome", "weakness", "operation", "branch_work", "deregistration", "instructor_role", "members_counted",
    "comparator", "meeting", "secretary", "per", "problem", "clock", "order_ground", "order_answer", "order_lack",
    "order_outcome", "contact", "against", "measured",
)  # fmt: skip
# What the model says of an item of two kinds by the kind that it is not.
_OF_THE_OTHER: Final = ("model_type", "string_type")
# Rules of the models' library; what it says of them has no remedy and one language.
STANDARD: Final[frozenset[str]] = frozenset(get_args(ErrorType))
#: The name of what a field's value names, in the page's language; None where it has none in sight.
NameOf = Callable[[Field, str], str | None]


def label_key(type_: str, field: Field) -> str | None:
    """The text by which a field of a type is called; None where there is none, which a test does not let pass."""
    path = field.path.removeprefix(f"{DATA}.").removeprefix("replacement.").replace(".*", "")
    keys = (
        f"acts.field.{short(type_)}.{path}", f"acts.field.{path}", f"acts.field.{field.name}",
        f"finding.{field.name}" if path.startswith("findings.") else "", f"column.{field.name}", field.name,
    )  # fmt: skip
    return next((key for key in keys if has(key)), None)


def choice_key(field: Field, value: str) -> str | None:
    """The text of one value of a choice; None as above."""
    stem = next((stem for stem in CHOICES if all(has(f"{stem}.{each}") for each in field.options)), None)
    return None if stem is None else f"{stem}.{value}"


class Words(NamedTuple):
    """The words of one type's form in one language; `type_` is that of the fields, for a correction its target's."""

    lang: Lang
    type_: str

    def label(self, field: Field) -> str:
        """What a field is called."""
        key = label_key(self.type_, field)
        return field.name if key is None else text(self.lang, key)

    def at(self, fields: Sequence[Field], name: str) -> str:
        """What a control is called with all that it stands in."""
        for field in fields:
            steps, given = field.path.split("."), name.split(".")
            if all(step in ("*", own) for step, own in zip(steps, given, strict=False)) and len(given) >= len(steps):
                inner = self.at(field.parts, name)
                return f"{self.label(field)} · {inner}" if inner else self.label(field)
        return ""

    def option(self, field: Field, value: str) -> str:
        """What a value of a choice is called."""
        key = choice_key(field, value)
        return value if key is None else text(self.lang, key)

    def hints(self, field: Field) -> list[str]:
        """How it is written, and within which limits."""
        found = []
        if field.family is not None and field.sort != "map":
            found.append(text(self.lang, f"acts.hint.{field.family}"))
        elif field.is_long and field.name != "address":
            found.append(text(self.lang, "acts.hint.no_person"))
        if field.sort == "number":
            found.append(text(self.lang, "acts.hint.range", low=whole(field.low), high=whole(field.high)))
        if field.sort == "text" and field.length is not None:
            found.append(text(self.lang, "acts.hint.length", length=whole(field.length)))
        if field.sort in ("lines", "map"):
            found.append(text(self.lang, f"acts.hint.{field.sort}" if field.depth == 1 else "acts.hint.map.deep"))
        if field.sort == "map" and field.options:
            found.append(text(self.lang, "acts.hint.keys", keys=", ".join(field.options)))
        if field.items is not None and field.sort in ("lines", "map", "rows"):
            found.append(text(self.lang, "acts.hint.items", items=whole(field.items)))
        own = f"acts.hint.{short(self.type_)}.{field.name}"
        return [text(self.lang, own), *found] if has(own) else found

    def fault(self, reason: Reason) -> str:
        """The rule and the remedy. In English a reason's own words have both, unless they are the library's."""
        key = f"rule.{reason.rule}"
        if has(key) and (self.lang == "zh" or reason.rule in STANDARD):
            return text(self.lang, key)
        return reason.message if self.lang == "en" else text(self.lang, "rule.other")

    def told(
        self, fields: Sequence[Field], data: Mapping[str, Any], name_of: NameOf, above: str = ""
    ) -> list[tuple[str, str]]:
        """An event's data in words: what each field is called, and its value with the name of what it names."""
        found: list[tuple[str, str]] = []
        for field in fields:
            if field.name not in data:
                continue
            value, label = data[field.name], f"{above}{self.label(field)}"
            if field.sort == "part" and isinstance(value, dict):
                found += self.told(field.parts, value, name_of, f"{label} · ")
            elif field.sort == "rows":
                for number, item in enumerate(value, 1):
                    whole_item = item if isinstance(item, dict) else {field.parts[0].name: item}
                    found += self.told(field.parts, whole_item, name_of, f"{label} {number} · ")
            else:
                found.append((label, self._value(field, value, name_of)))
        return found

    def _value(self, field: Field, value: Any, name_of: NameOf) -> str:  # noqa: ANN401 - any JSON
        match value:
            case None | bool():
                key = "acts.emptied" if field.can_empty else "none"
                return text(self.lang, key if value is None else "yes" if value else "no")
            case int():
                return whole(value)
            case list():
                return ", ".join(self._value(field, each, name_of) for each in value) or text(self.lang, "none")
            case dict():
                return "; ".join(f"{key} → {self._value(field, each, name_of)}" for key, each in value.items())
        return self._named(field, str(value), name_of)

    def _named(self, field: Field, value: str, name_of: NameOf) -> str:
        if field.options and field.sort != "map":
            return self.option(field, value)
        name = name_of(field, value)
        return f"{name} ({value})" if name and name != value else value


def faulted(
    fields: Sequence[Field], reasons: Sequence[Reason], words: Words
) -> tuple[dict[str, tuple[str, str | None]], list[tuple[str, str]]]:
    """By control the fault beside it with the value meant, one each; and those of the whole, with their places.

    Args:
        fields: of the form.
        reasons: as intake gives them, each with a pointer into the event.
        words: of the form.
    """
    beside: dict[str, tuple[str, str | None]] = {}
    general: list[tuple[str, str]] = []
    for reason in reasons:
        _, head, *steps = f"{reason.at}/".split("/")
        if head == "subject" and (identifier := EVENT_TYPES[words.type_].identifier):
            # The form makes the subject of this field, so what is wrong with it is wrong there.
            head, steps = DATA, [identifier]
        place = _control_at(fields, [each for each in steps if each], reason.rule) if head == DATA else None
        if place == "":
            continue
        if place is None:
            general.append(("" if reason.at == f"/{DATA}" else reason.at, words.fault(reason)))
        else:
            value = None if isinstance(reason.value, bool) or reason.value in (None, "") else str(reason.value)
            beside.setdefault(place, (words.fault(reason), value))
    return beside, general


def _control_at(fields: Sequence[Field], steps: Sequence[str], rule: str, row: int | None = None) -> str | None:
    """The control of what a pointer leads to; None where it leads to the whole, "" where it says nothing of its own."""
    field = next((each for each in fields if steps and each.name == steps[0]), None)
    if field is None:
        return None
    inner = steps[1:]
    if field.sort == "rows" and inner:
        number, *inside = inner
        names = {each.name for each in field.parts}
        known = [each for each in inside if each in names]
        # Of an item that may be two things the model says what it lacks of each, also of the one that it is not.
        if field.plain and not known and rule in _OF_THE_OTHER:
            return ""
        return _control_at(field.parts, known or [field.parts[0].name], rule, int(number))
    if field.sort == "part":
        return _control_at(field.parts, inner, rule, row) or control(field, row)
    return control(field, row)
