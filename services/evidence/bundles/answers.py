"""A rates answer (GET /v1/rates), made again from the events alone and compared figure by figure."""

import base64
import binascii
import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final

from domain.events.envelope import check_data
from domain.events.facts import Event
from domain.ledger.meaning import NoSuchBasisError, is_dimension, lifted, meant, without_levels
from domain.ledger.rates import ANY, DIMENSIONS, Counts, Filters, add, group, nothing, rates
from domain.ledger.rows import Ledger, ledger
from domain.values.instants import parse_date
from domain.values.strict_json import read_json
from services.evidence.copies.stored import StoredLog
from services.system.errors import TaizhangError

DIFFERENCES_MAX: Final = 20
_SWITCHES: Final = frozenset(("work_covered", "eligible"))
# What may be asked for; what a body and a basis mean is found in the log.
ASKED: Final = tuple(name for name in Filters._fields if name not in ("answers", "counted"))
_MEMBERS: Final = frozenset((
    "as_of", "known_at", "evidence", "filters", "group_by", "groups", "total", "whole",
))  # fmt: skip


class AnswerError(TaizhangError):
    """A file that is no rates answer."""


class Answer:
    """A rates answer as it was given; AnswerError where the file is none.

    `filters` are those that it names itself, or those that are said beside it.
    """

    def __init__(self, data: bytes, filters: Filters) -> None:
        try:
            content: dict[str, Any] = read_json(data)
            self.as_of: date = parse_date(content["as_of"])
            self.position = _whole_number(content["known_at"]["position"])
            self.recorded_at = _instant(content["known_at"].get("recorded_at"))
            self.tree_size = _whole_number(content["evidence"]["tree_size"])
            self.root_hash = read_hash(content["evidence"]["root_hash"])
            self.group_by = tuple(content["group_by"])
            self.ruleset = str(content["evidence"]["ruleset"])
            named = content.get("filters")
            self.filters = filters if named is None else named_filters(named)
            self._groups = [(_key(each, self.group_by), each) for each in content["groups"]]
            self._total, self._whole = content["total"], content.get("whole")
            self._foreign = sorted(content.keys() - _MEMBERS)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as fault:
            raise AnswerError(
                f"no answer of GET /v1/rates ({type(fault).__name__} {fault}): save the answer whole, as JSON"
            ) from None
        if filters not in {ANY, self.filters}:
            raise AnswerError("the answer names other filters than --filter does: leave --filter away")
        unknown = {name for name in self.group_by if not is_dimension(name)}
        if unknown or len(set(self.group_by)) < len(self.group_by):
            raise AnswerError(
                f"group_by {sorted(unknown) or list(self.group_by)} is unknown to this version: known are "
                f"{', '.join(DIMENSIONS)}, body:KIND and body:KIND:N, each once"
            )
        if self.position > self.tree_size:
            raise AnswerError(f"known_at {self.position} is beyond the tree of {self.tree_size} events that it names")

    def differences(self, log: StoredLog) -> list[str]:
        """What differs from the figures that the log's events give, folded anew; nothing where all agrees."""
        with no_garbage_collection():
            found = self.compare(fold(log.known(self.position), self.as_of))
        if self.recorded_at is not None:
            when = next((event.recorded_at for event in log.events(self.position, self.position)), None)
            if when != self.recorded_at:
                found.append(f"known_at: recorded_at is {self.recorded_at} in the answer, the log says {when}")
        return found

    def compare(self, state: Ledger) -> list[str]:
        """What differs from the figures of a ledger; nothing may stand in an answer that was not compared."""
        try:
            filters = meant(self.filters, state.bodies, state.bases)
        except NoSuchBasisError as error:
            raise AnswerError(f"basis {error.name!r}: {error}") from None
        counted = group(state.rows(filters.counted), without_levels(self.group_by), filters)
        made = lifted(counted, self.group_by, state.bodies)
        judged = state.activity_policy is not None
        expected = {json.dumps(dict(zip(self.group_by, key, strict=True))): figures(made[key]) for key in made}
        given = dict(self._groups)
        found = [f"{name} is no member of an answer of GET /v1/rates" for name in self._foreign]
        if len(given) < len(self._groups):
            found.append("a group stands twice in the answer")
        if self.group_by:
            found += [f"group {key} is missing in the answer" for key in expected.keys() - given.keys()]
        found += [f"group {key} has no organization" for key in given.keys() - expected.keys()]
        for key in expected.keys() & given.keys():
            members = {name: value for name, value in given[key].items() if name != "key"}
            found += _compare(f"group {key}", members, expected[key])
        found += _compare("total", self._total, figures(_sum(made.values(), judged=judged)))
        if self._whole is not None:
            found += _compare("whole", self._whole, figures(_sum(group(state.rows(), (), ANY).values(), judged=judged)))
        return sorted(found)[:DIFFERENCES_MAX]


def _sum(counts: Iterable[Counts], *, judged: bool) -> Counts:
    total = nothing(judged=judged)
    for each in counts:
        total = add(total, each)
    return total


def _key(given: Mapping[str, Any], group_by: tuple[str, ...]) -> str:
    if tuple(given["key"]) != group_by:
        raise ValueError(f"the key of a group names {', '.join(given['key'])}")
    return json.dumps(given["key"])


def _whole_number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no position")
    return value


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def named_filters(named: Mapping[str, Any]) -> Filters:
    """Filters as an answer names them; TypeError where there is another."""
    found = Filters(**named)
    if found.answers is not None or found.counted is not None:
        raise TypeError("what body and basis mean is found in the log, never said")
    for name, value in named.items():
        kind = bool if name in _SWITCHES else list if name == "scope" else str
        given = value if isinstance(value, list) else []
        if type(value) is not kind or not all(isinstance(each, str) for each in given):
            raise TypeError(f"filter {name} is {value!r}: it must be of the type {kind.__name__}")
    return found if found.scope is None else found._replace(scope=tuple(found.scope))


def read_filters(given: Iterable[str]) -> Filters:
    """Filters written as name=value, with the names and values of the API; AnswerError for any other."""
    values: dict[str, Any] = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not mark or name not in ASKED:
            raise AnswerError(f"filter {each!r} is not name=value with one of {', '.join(ASKED)}")
        if name in _SWITCHES:
            if value not in {"true", "false"}:
                raise AnswerError(f"filter {each!r}: write true or false")
            values[name] = value == "true"
        else:
            values[name] = value
    return Filters(**values)


def read_hash(text: str) -> bytes:
    """A hash of 32 bytes in hex or in base64."""
    try:
        value = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError(str(fault)) from None
    if len(value) != 32:
        raise ValueError(f"{text!r} is no hash of 32 bytes")
    return value


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A fold makes millions of small objects and lets none go: looking for garbage would take half of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def fold(events: Iterable[Event], as_of: date) -> Ledger:
    """The ledger at a date, from the events known."""
    return ledger(events, as_of, lambda type_, data: not check_data(type_, data))


def figures(counts: Counts) -> dict[str, Any]:
    """Counts and rates as an answer shows them."""
    shown = {name: rate._asdict() for name, rate in rates(counts).items()}
    return {"counts": counts._asdict(), "rates": shown}


def _compare(where: str, given: object, expected: Mapping[str, Any]) -> list[str]:
    if not isinstance(given, dict) or given.keys() != expected.keys():
        return [f"{where}: it has not the members {', '.join(expected)} and no others"]
    found = []
    for part, due in expected.items():
        said = given[part] if isinstance(given[part], dict) else {}
        found += [f"{where}: {name} is no figure of an answer" for name in said.keys() - due.keys()]
        for name, value in due.items():
            if not _same(said.get(name), value):
                words = f"{name} is {said.get(name)}" if part == "counts" else f"rate {name} is {said.get(name)}"
                found.append(f"{where}: {words} in the answer, the events give {value}")
    return found


def _same(given: object, due: object) -> bool:
    """Whether two JSON values are the same, 1 and true and 1.0 told apart."""
    return json.dumps(given, sort_keys=True) == json.dumps(due, sort_keys=True)
