"""Rates as `GET /v1/rates` answers them, of one log or of several side by side, whatever has counted them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any, Final, NamedTuple

from domain.ledger.rates import ANY, DIMENSIONS, Counts, Filters, Key, add, is_region_prefix, key_order, nothing
from domain.values.clocks import NOTHING_KNOWN
from domain.values.instants import parse_date, parse_instant
from domain.values.terms import CATEGORIES, FORMATIONS, KINDS, MEASURES
from services.archive.opening import ArchivedLog
from services.evidence.bundles.answers import figures
from services.ledger.known import Known
from services.system.errors import InvalidValueError
from services.system.settings import SHANGHAI

# The dimension that an archive has beside the ledger's.
LOG: Final = "log"
_POSITION: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_INDUSTRY: Final = re.compile(r"[A-T][0-9]{0,4}|null", re.ASCII)
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": KINDS, "category": CATEGORIES, "formation": (*FORMATIONS, "null"), "measure": MEASURES,
}  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Question(NamedTuple):
    """What is asked of an archive: a date, a state of knowledge of each log, groups and filters.

    Attributes:
        as_of: the date at whose end is asked.
        logs: each log, with what was known of it.
        group_by: dimensions of the ledger, and `log`.
        filters: as for any rate.
    """

    as_of: date
    logs: Sequence[tuple[ArchivedLog, Known]]
    group_by: tuple[str, ...]
    filters: Filters = ANY

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of the ledger, in order."""
        return tuple(each for each in self.group_by if each != LOG)


class Counted(NamedTuple):
    """What was counted of one log, by the question's dimensions; `judged`: an activity policy is in force there."""

    groups: Mapping[Key, Counts]
    judged: bool


def question(
    logs: Sequence[ArchivedLog],
    as_of: str | None,
    known_at: str | None,
    group_by: Sequence[str],
    filters: Mapping[str, Any],
) -> Question:
    """A question as it is written on a command line.

    Raises:
        InvalidValueError: a value breaks a rule, or the archive cannot know.
        NotFoundError: the archive does not reach that position.
    """
    unknown = [each for each in group_by if each not in (*DIMENSIONS, LOG)]
    if unknown or len(set(group_by)) < len(group_by):
        raise InvalidValueError(
            f"group by {unknown[0] if unknown else ', '.join(group_by)}: each once, of {', '.join((*DIMENSIONS, LOG))}"
        )
    asked = Filters(**{name: value for name, value in filters.items() if value is not None})
    if asked.body is not None or asked.basis is not None:
        raise InvalidValueError("an archive is not asked by body or basis: ask a service")
    for name, values in _VALUES.items():
        if getattr(asked, name) not in (None, *values):
            raise InvalidValueError(f"{name} {getattr(asked, name)!r}: it is one of {', '.join(values)}")
    if asked.region is not None and not is_region_prefix(asked.region):
        raise InvalidValueError(f"region {asked.region!r}: a region prefix is 1 to 12 digits")
    if asked.industry is not None and not _INDUSTRY.fullmatch(asked.industry):
        raise InvalidValueError(f"industry {asked.industry!r}: a section A to T and up to 4 digits, or null")
    day = datetime.now(SHANGHAI).date() if as_of is None else _date(as_of)
    known = [(log, _known(log, known_at, alone=len(logs) == 1)) for log in logs]
    return Question(day, known, tuple(group_by), asked)


def _date(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as error:
        raise InvalidValueError(f"as-of {text!r}: {error}") from None


def _known(log: ArchivedLog, known_at: str | None, *, alone: bool) -> Known:
    if known_at is None:
        return log.known(log.size)
    if _POSITION.fullmatch(known_at):
        if not alone:
            raise InvalidValueError(
                f"known-at {known_at}: a position is one log's; name the log with --log, or ask as known at an instant"
            )
        return log.known(int(known_at))
    try:
        nanoseconds = parse_instant(known_at)
    except ValueError as error:
        raise InvalidValueError(f"known-at {known_at!r}: {error}, or a position as digits") from None
    return log.known_by(_EPOCH + timedelta(microseconds=nanoseconds // 1000))


def answer(asked: Question, counted: Iterable[Counted]) -> dict[str, Any]:
    """The answer, from what was counted of each log by the question's dimensions.

    Of one log it is what `GET /v1/rates` gives; of several, `logs` says of each what was known and by what rules, and
    `known_at` and `evidence` are null.
    """
    groups: dict[Key, Counts] = {}
    total = Counts()
    for (log, _), found in zip(asked.logs, counted, strict=True):
        total = reduce(add, found.groups.values(), add(total, nothing(judged=found.judged)))
        for key, counts in found.groups.items():
            values = iter(key)
            whole = tuple(log.origin if name == LOG else next(values) for name in asked.group_by)
            groups[whole] = add(groups.get(whole, Counts()), counts)
    logs = [_log(log, known) for log, known in asked.logs]
    alone = len(logs) == 1
    return {
        "as_of": asked.as_of.isoformat(),
        "known_at": logs[0]["known_at"] if alone else None,
        "evidence": logs[0]["evidence"] if alone else None,
        "filters": {name: value for name, value in asked.filters._asdict().items() if value is not None},
        "group_by": list(asked.group_by),
        "groups": [
            {"key": dict(zip(asked.group_by, key, strict=True)), **figures(groups[key])}
            for key in sorted(groups, key=key_order)
        ],
        "total": figures(total),
        "whole": None,
        **({} if alone else {"logs": logs}),
    }


def _log(log: ArchivedLog, known: Known) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "position": known.position, "recorded_at": _instant(known.recorded_at),
        "learned_at": _instant(known.learned_at), "basis": known.basis,
    }  # fmt: skip
    if known.position == 0:
        shown["note"] = NOTHING_KNOWN
    if known.wrong:
        shown["clock_wrong"] = [each._asdict() for each in known.wrong]
    evidence = {
        "tree_size": known.position, "root_hash": known.root_hash, "ruleset": log.manifest.ruleset, "read_by": None,
    }  # fmt: skip
    return {"log": log.origin, "known_at": shown, "evidence": evidence}


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
