"""Mistakes of the registries: wrong versions that are corrected, facts that never were, broken messages."""

import random
from collections.abc import Callable
from typing import Final

import orjson

from services.demo_city import chance, facts
from services.demo_city.chance import END, between, iso
from services.demo_city.county import County
from services.demo_city.facts import Data, Fact

Message = dict[str, object]


def wrong_version(county: County, rng: random.Random, fact: Fact) -> Fact | None:
    """The fact as it was first sent by mistake; None where this type has no plausible mistake.

    A member's standing, and the year of a change of it, are never mistaken: the new members and
    activists of a year are counted from the events alone as well.
    """
    change = _WRONG.get(fact.type)
    return None if change is None else change(county, rng, fact)


def _with(fact: Fact, changes: Data) -> Fact:
    return fact._replace(data={**fact.data, **changes})


def _other_day(_: County, rng: random.Random, fact: Fact) -> Fact:
    shift = between(rng, 3, 20)
    return _with(fact, {"effective_on": iso(fact.day + (shift if rng.random() < 0.6 else -shift))})


def _registration(county: County, rng: random.Random, fact: Fact) -> Fact:
    drawn = rng.random()
    if drawn < 0.2 and str(fact.data["org"]).startswith("uscc:"):
        # Another organization's code: the correction moves the fact from one subject to another.
        other = chance.credit_code(str(fact.data["category"]), county.plan.code, (1 << 28) + int(rng.random() * 1e6))
        return _with(fact, {"org": other})._replace(subject=other)
    if drawn < 0.5:
        return _with(fact, {"region": str(fact.data["region"])[:6]})
    return _head_count(county, rng, fact)


def _head_count(county: County, rng: random.Random, fact: Fact) -> Fact:
    count = fact.data.get("employees")
    if not isinstance(count, int):
        return _other_day(county, rng, fact)
    return _with(fact, {"employees": count * 10 + int(rng.random() * 10)})


def _other_place(name: str) -> Callable[[County, random.Random, Fact], Fact]:
    def change(county: County, rng: random.Random, fact: Fact) -> Fact:
        other = county.economic[int(rng.random() * len(county.economic))].org
        return _with(fact, {name: None if other == fact.data[name] else other})

    return change


def _formation(_: County, __: random.Random, fact: Fact) -> Fact:
    return _with(fact, {"formation": "joint" if fact.data["formation"] == "standalone" else "standalone"})


def _other_person(county: County, rng: random.Random, fact: Fact) -> Fact:
    return _with(fact, {"instructor": county.instructor((1 << 24) + int(rng.random() * 5_000))})


_WRONG: Final[dict[str, Callable[[County, random.Random, Fact], Fact]]] = {
    "organization.registered": _registration,
    "organization.changed": _head_count,
    "organization.deregistered": _other_day,
    "member.enrolled": _other_place("org"),
    "member.transferred": _other_place("to_org"),
    "branch.formed": _formation,
    "branch.coverage_changed": _other_day,
    "instructor.assigned": _other_person,
}


def never_was(rng: random.Random, fact: Fact) -> Fact | None:
    """A plausible fact about the same subject that is not true; None where this type begets none."""
    day = min(END, fact.day + between(rng, 10, 150))
    subject = str(fact.subject)
    if fact.type == "organization.registered":
        return facts.deregistered(fact.source, day, subject, "revoked")
    if fact.type == "member.enrolled":
        return facts.removed(day, subject)
    if fact.type == "branch.formed":
        return facts.dissolved(day, subject)
    if fact.type == "instructor.assigned":
        return facts.withdrawn(day, subject, str(fact.data["instructor"]))
    return None


def broken(rng: random.Random, message: Message) -> bytes:
    """The message's bytes as a registry with a fault would send them; every intake must refuse them."""
    raw = orjson.dumps(message)
    return _FAULTS[int(rng.random() * len(_FAULTS))](message, raw)


def _truncated(_: Message, raw: bytes) -> bytes:
    return raw[: len(raw) * 3 // 5]


def _misspelt(_: Message, raw: bytes) -> bytes:
    return raw.replace(b'"effective_on"', b'"efective_on"')


def _bad_check_character(message: Message, raw: bytes) -> bytes:
    org = str(_data(message).get("org"))
    if not org.startswith("uscc:"):
        return _misspelt(message, raw)
    last = chance.ALPHABET[(chance.ALPHABET.index(org[-1]) + 1) % len(chance.ALPHABET)]
    return raw.replace(org.encode(), (org[:-1] + last).encode())


def _wrong_type(message: Message, _: bytes) -> bytes:
    data = _data(message)
    return orjson.dumps({**message, "data": {**data, "effective_on": int(str(data["effective_on"]).replace("-", ""))}})


def _unknown_type(message: Message, _: bytes) -> bytes:
    return orjson.dumps({**message, "type": str(message["type"]).removesuffix("v1") + "v9"})


def _without_time(message: Message, _: bytes) -> bytes:
    return orjson.dumps({name: value for name, value in message.items() if name != "time"})


def _without_offset(message: Message, _: bytes) -> bytes:
    return orjson.dumps({**message, "time": str(message["time"])[:19]})


def _padded_region(message: Message, raw: bytes) -> bytes:
    data = _data(message)
    if "region" not in data:
        return _wrong_type(message, raw)
    return orjson.dumps({**message, "data": {**data, "region": str(data["region"])[:6] + "000000"}})


def _gb18030(message: Message, raw: bytes) -> bytes:
    """Chinese text in the encoding of an older system, where that is not UTF-8 by accident."""
    encoded = raw.decode().encode("gb18030")
    if encoded.decode(errors="ignore").encode() == encoded:
        return _truncated(message, raw)
    return encoded


_FAULTS: Final = (
    _truncated, _misspelt, _misspelt, _bad_check_character, _wrong_type, _unknown_type, _without_time,
    _without_offset, _padded_region, _gb18030,
)  # fmt: skip


def _data(message: Message) -> Data:
    data = message["data"]
    if not isinstance(data, dict):
        msg = f"an event's data is an object, not {data!r}"
        raise TypeError(msg)
    return data
