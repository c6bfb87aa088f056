"""Events as nobody should send them: oddities of JSON, of texts, of times and of numbers, in every place of an event.

`mutated` takes a sound event and breaks or bends one or more of its places; most of what comes out is refused, and the
rest must be counted. Nothing here says which is which: that is what the tests ask.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.examples import EXAMPLES

Json = dict[str, Any]

TEXTS = [
    "", " ", "甲", "甲\u200e乙", "\u200b甲", "甲\ufeff", "a\u200db", "甲\n", "\x00", "\x85", "\ud800", "\udfff甲",
    "e\u0301", "\ufdd0", "\U0001fffe", "\u2028", "x" * 201, "x" * 2_000, "uscc:91330106MA2A1B2C35", "member:m1",
    "member:330106199001011234", "ＡＢＣ", "\u3000", "null", "2024-02-30", "1900-01-01", "2199-12-31", "2200-01-01",
    "1899-12-31", "0001-01-01", "9999-12-31", "'; --", "%s{}", "😀", "group:a", "https://a/[",
    "http://[::1]/x", "a:b#c",
]  # fmt: skip
NUMBERS = [
    "0", "-0", "-0.0", "100.0", "1e2", "1E+2", "0.5", "1e-400", "1e400", "-1", "2147483647", "2147483648",
    "-2147483648", "9007199254740991", "9007199254740992", "9223372036854775808", "1" + "0" * 309, "1" + "0" * 5_000,
    "NaN", "Infinity", "-Infinity", "99.99999999999999999999",
    "1.0000000000000000000000000001", "0.1", "10000000", "10000001", "01", "1.",
]  # fmt: skip
TIMES = [
    "1900-01-01T00:00:00Z", "1899-12-31T23:59:59.999999999Z", "1899-12-31T23:59:59-00:01", "1900-01-01T00:00:00+00:01",
    "2199-12-31T23:59:59.999999999Z", "2200-01-01T00:00:00Z", "2200-01-01T00:00:00+00:01", "2199-12-31T23:59:59-00:01",
    "2024-03-01t00:00:00.1234z", "2024-03-01T00:00:00.1Z", "2024-03-01T00:00:00.1234567890Z", "2016-12-31T23:59:60Z",
    "2017-01-01T07:59:60.5+08:00", "2024-03-01T12:00:60Z", "2024-03-01 00:00:00Z", "2024-03-01T00:00:00", "2024-03-01",
    "2024-02-30T00:00:00Z", "2024-03-01T24:00:00Z", "2024-03-01T00:00:00+24:00", "2024-03-01T00:00:00-00:00",
    "1677-09-21T00:12:43Z", "2554-07-21T23:34:33.709551616Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "2024-03-01T00:00:00,5Z", "2024-03-01T00:00Z", "２０２４-03-01T00:00:00Z",
]  # fmt: skip
MEDIA_TYPES = [
    "application/json", "Application/JSON; charset=utf-8", "application/json;charset=UTF-8", "text/json",
    "application/vnd.taizhang+json; v=1", "application/json ; ", "application/xml", "json", "", "application/jsonx",
    'application/json; a="b;c"', "application/json; charset",
]  # fmt: skip
FIELDS = ["employees", "effective_on", "name", "org", "region", "covers", "replacement"]
EXTRA_NAMES = ["traceparent", "a" * 64, "a" * 65, "Upper", "data_base64", "sequence", "x1", "名", "a b", "partitionkey"]

_RAW = "\ue000"


def _raw(text: str) -> str:
    """A mark for text that is to stand in the JSON as it is."""
    return f"{_RAW}{text}{_RAW}"


def as_bytes(event: Any) -> bytes:  # noqa: ANN401 - any JSON, with marks
    """The JSON of an event in which marked texts stand as they are; lone surrogates as escapes."""
    text = json.dumps(event, ensure_ascii=False)
    text = text.replace(f'"{_RAW}', "").replace(f'{_RAW}"', "")
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


def sound_events(number: int) -> list[Json]:
    """Events of the worked examples under names of their own."""
    found: list[Json] = []
    for n, example in enumerate(EXAMPLES):
        for each in example["deliveries"]:
            if not all(isinstance(each.get(name), kind) for name, kind in (("id", str), ("type", str), ("data", dict))):
                continue
            event: Json = json.loads(json.dumps({**each, "id": f"h{number}-{n}-{each['id']}"}))
            for word in ("corrects", "retracts"):
                if word in event["data"]:
                    event["data"][word]["id"] = f"h{number}-{n}-{event['data'][word]['id']}"
            found.append(event)
    return found


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any JSON
    found = [path] if path else []
    if isinstance(value, dict):
        for name in value:
            found += _places(value[name], (*path, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            found += _places(value[index], (*path, index))
    return found


def _set(event: Json, path: tuple[Any, ...], value: Any) -> None:  # noqa: ANN401 - any JSON
    target: Any = event
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value


def _deep(depth: int) -> str:
    return _raw("[" * depth + "]" * depth)


def _value(rng: random.Random) -> Any:  # noqa: ANN401 - any JSON
    kinds: list[Callable[[], Any]] = [
        lambda: rng.choice(TEXTS), lambda: rng.choice(TEXTS), lambda: _raw(rng.choice(NUMBERS)),
        lambda: rng.choice(TIMES), lambda: rng.choice([None, True, False, [], {}, [1], {"a": [1]}]),
        lambda: _deep(rng.choice([5, 28, 29, 30, 31, 32, 33, 1_100])), lambda: rng.choice(MEDIA_TYPES),
        lambda: _raw('{"a":1,"a":2}'), lambda: {rng.choice(TEXTS): rng.choice(TEXTS)},
    ]  # fmt: skip
    return rng.choice(kinds)()


def mutated(rng: random.Random, event: Json) -> Json:
    """The event with one to three oddities."""
    made: Json = json.loads(json.dumps(event))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        match rng.randrange(8):
            case 0 | 1:
                made["time"] = rng.choice(TIMES)
            case 2:
                made["datacontenttype"] = rng.choice(MEDIA_TYPES)
            case 3:
                made["dataschema"] = rng.choice([*TEXTS, "urn:a:b", "https://a.example/s?x=1", {"a": [1]}, 5])
            case 4:
                made[rng.choice(EXTRA_NAMES)] = _value(rng)
            case 5 if isinstance(made.get("data"), dict):
                made["data"][rng.choice(FIELDS)] = _value(rng)
            case 6 if isinstance(made.get("data"), dict) and isinstance(made["data"].get("employees"), int):
                made["data"]["employees"] = _raw(rng.choice(["100.0", "1e2", "1E2", "0.0", "50"]))
            case _:
                _set(made, rng.choice(_places(made)), _value(rng))
    return made
