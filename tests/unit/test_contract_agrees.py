"""The published schemas and intake, each asked with the other's examples: they agree but where the schema says not."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import orjson
import pytest
from jsonschema.protocols import Validator

from domain.events.envelope import read_event
from domain.events.types import EVENT_TYPES
from services.contract.documents import documents
from tests.hostile import EXTRA_NAMES, MEDIA_TYPES, TEXTS, TIMES, as_bytes, mutated, sound_events

# Rules that BEYOND_SCHEMA names.
BEYOND = frozenset((
    "uscc_check_character", "personal_identifier", "subject", "not_json", "json_not_kept", "event_size", "leaf",
    # fields that must agree with each other
    "category_of_another_kind", "organization_of_another_kind", "nothing_said", "not_clearable", "ground_repeated",
    "org_or_region", "other_or_visit", "same_record", "target_reached", "target_unreachable", "target_past",
    "key_of_another_log", "child_elsewhere", "column_missing", "value_error", "same_organization", "role_without",
    "without_regions",
))  # fmt: skip
# Values of which the schema cannot say it: at a bound by their offset, or in a leap second.
_TIME_AT_A_BOUND = re.compile(r"1900-01-01|1899-12-31|2199-12-31|2200-01-01|:60")


def _ecma(validator: Validator, pattern: str, instance: object, schema: dict[str, Any]) -> Iterator[Any]:
    """Patterns as ECMA-262 has them: `$` is the end of the text, also behind a line break."""
    del validator, schema
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match")


_Ecma = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _ecma})  # type: ignore[no-untyped-call]  # the library's stubs


@cache
def _validator(type_: str) -> Validator:
    found: Validator = _Ecma(documents()[f"schemas/{type_}.json"])
    return found


def _said_beyond(rule: str, value: object) -> bool:
    if rule == "time":
        return bool(_TIME_AT_A_BOUND.search(str(value)))
    if rule in ("source", "dataschema"):
        return "[" in str(value)
    if rule == "text":
        return len(str(value)) > len("U+FFFF")
    return rule in BEYOND


def agree(raw: bytes) -> str:
    """Which of both took the event; fails where they differ for a reason that is not stated."""
    reading = read_event(raw)
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        assert reading.event is None
        return "neither"
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or event["type"] not in EVENT_TYPES:
        assert reading.event is None
        return "neither"
    errors = list(_validator(event["type"]).iter_errors(event))
    if reading.event is not None:
        assert not errors, (event, errors[0].message)
        return "both"
    if not errors:
        unsaid = [reason for reason in reading.reasons if not _said_beyond(reason.rule, reason.value)]
        assert not unsaid, (event, unsaid)
        return "schema"
    return "neither"


def test_schema_and_intake_agree_on_events_with_oddities_in_every_place() -> None:
    rng = random.Random(5)
    sound = sound_events(0)
    took = Counter(agree(as_bytes(mutated(rng, rng.choice(sound)))) for _ in range(3_000))
    assert took["both"] > 300
    assert took["neither"] > 300


@pytest.mark.parametrize("name", ["id", "subject", "dataschema", "datacontenttype", "source", "time", *EXTRA_NAMES])
def test_they_agree_on_every_text_in_every_attribute(name: str) -> None:
    event = next(each for each in sound_events(1) if "subject" not in each)
    values: list[Any] = [
        *TEXTS,
        *TIMES,
        *MEDIA_TYPES,
        None,
        True,
        1,
        -1,
        2**31,
        -(2**31) - 1,
        1.0,
        0.5,
        {},
        [],
        "x" * 1_025,
    ]
    for value in values:
        agree(as_bytes({**event, name: value}))


@pytest.mark.parametrize(
    "text", [*TEXTS, "甲\n", "88", "8801", "880100", "8800", "880102000", "880102001", "880102001000"]
)
def test_they_agree_on_every_text_in_every_field(text: str) -> None:
    for event in {each["type"]: each for each in sound_events(2)}.values():
        for field in event["data"]:
            agree(as_bytes({**event, "data": {**event["data"], field: text}}))


def test_both_take_as_many_attributes_as_the_limit_says() -> None:
    event = next(iter(sound_events(3)))
    for count in (19, 20, 23, 24, 30):
        agree(as_bytes({**event, **{f"x{n}": n for n in range(count)}}))
        agree(as_bytes({**event, **{f"x{n}": None for n in range(count)}}))
