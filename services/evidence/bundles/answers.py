"""A rates answer (GET /v1/rates), made again from the events alone and compared figure by figure."""

import base64
import binascii
import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from domain.events.envelope import check_data
from domain.events.facts import Event
from domain.ledger.rates import ANY, DIMENSIONS, Counts, Filters, add, group, rates
from domain.ledger.rows import Ledger, ledger
from domain.values.instants import parse_date
from services.evidence.copies.stored import StoredLog
from services.system.errors import TaizhangError

DIFFERENCES_MAX: Final = 20


class AnswerError(TaizhangError):
    """A file that is no rates answer."""


class Answer:
    """A rates answer as it was given; AnswerError where the file is none.

    `filters` are those that it names itself, or those that are said beside it.
    """

    def __init__(self, data: bytes, filters: Filters) -> None:
        try:
            self.content: dict[str, Any] = json.loads(data)
            self.as_of: date = parse_date(self.content["as_of"])
            self.position = int(self.content["known_at"]["position"])
            self.tree_size = int(self.content["evidence"]["tree_size"])
            self.root_hash = read_hash(self.content["evidence"]["root_hash"])
            self.group_by = tuple(self.content["group_by"])
            self.ruleset = str(self.content["evidence"]["ruleset"])
            named = self.content.get("filters")
            self.filters = filters if named is None else named_filters(named)
            self._groups = self.content["groups"]
            self._total = self.content["total"]
        except (ValueError, KeyError, TypeError) as fault:
            raise AnswerError(
                f"no answer of GET /v1/rates ({type(fault).__name__} {fault}): save the answer whole, as JSON"
            ) from None
        if filters not in {ANY, self.filters}:
            raise AnswerError("the answer names other filters than --filter does: leave --filter away")
        unknown = set(self.group_by) - set(DIMENSIONS)
        if unknown:
            raise AnswerError(
                f"group_by {sorted(unknown)} is unknown to this version: known are {', '.join(DIMENSIONS)}"
            )

    def differences(self, log: StoredLog) -> list[str]:
        """What differs from the figures that the log's events give, folded anew; nothing where all agrees."""
        with no_garbage_collection():
            return self.compare(fold(log.known(self.position), self.as_of))

    def compare(self, state: Ledger) -> list[str]:
        """What differs from the figures of a ledger."""
        made = group(state.rows(), self.group_by, self.filters)
        total = Counts()
        for counts in made.values():
            total = add(total, counts)
        expected = {json.dumps(dict(zip(self.group_by, key, strict=True))): figures(made[key]) for key in made}
        given = {json.dumps(each["key"]): each for each in self._groups} if self.group_by else {}
        if not self.group_by:
            expected = {}
        found = [f"group {key} is missing in the answer" for key in expected.keys() - given.keys()]
        found += [f"group {key} has no organization" for key in given.keys() - expected.keys()]
        for key in expected.keys() & given.keys():
            found += _compare(f"group {key}", given[key], expected[key])
        found += _compare("total", self._total, figures(total))
        return sorted(found)[:DIFFERENCES_MAX]


def named_filters(named: Mapping[str, Any]) -> Filters:
    """Filters as an answer names them; TypeError where there is another."""
    found = Filters(**named)
    return found if found.scope is None else found._replace(scope=tuple(found.scope))


def read_filters(given: Iterable[str]) -> Filters:
    """Filters written as name=value, with the names and values of the API; AnswerError for any other."""
    values: dict[str, Any] = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not mark or name not in Filters._fields:
            raise AnswerError(f"filter {each!r} is not name=value with one of {', '.join(Filters._fields)}")
        if name in {"work_covered", "eligible"}:
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


def _compare(where: str, given: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    found = []
    for name, value in expected["counts"].items():
        if given["counts"].get(name) != value:
            found.append(f"{where}: {name} is {given['counts'].get(name)} in the answer, the events give {value}")
    for name, rate in expected["rates"].items():
        said = given["rates"].get(name, {})
        if {side: said.get(side) for side in rate} != rate:
            found.append(f"{where}: rate {name} is {said} in the answer, the events give {rate}")
    return found
