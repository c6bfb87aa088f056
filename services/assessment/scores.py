"""Scores of offices by a sheet at both clocks: counties, townships, bodies, each item from the ledger's own rates."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from domain.assessment.scores import (
    REPORTED,
    SHEET,
    Item,
    Score,
    ScoreSheet,
    reports,
    score,
    scored,
    sheets,
)
from domain.figures.ranking import Rank, ranked
from domain.ledger.placements import NONE
from domain.ledger.rates import ANY, BODY_DIMENSION, Key, Rate, key_order, nothing, rates
from domain.values.scope import in_scope
from services.assessment.series import rates_before
from services.ledger.ledger_at import LedgerAt
from services.system.errors import InvalidValueError, NotFoundError


class ScoredOffice(NamedTuple):
    """One office's score, and its rank among those in sight; None without a score."""

    key: Key
    score: Score
    rank: Rank | None


def score_sheets(ledger: LedgerAt) -> dict[str, ScoreSheet]:
    """The sheets in force, by name; they hold for everybody."""
    return sheets(ledger.queries.everywhere().office_facts((SHEET,), *ledger.clocks))


def find_sheet(ledger: LedgerAt, name: str | None) -> ScoreSheet:
    """The sheet of a name; without one, the only one.

    Raises:
        NotFoundError: none of this name is in force.
        InvalidValueError: several are in force, and none is named.
    """
    known = score_sheets(ledger)
    if name is None and len(known) > 1:
        raise InvalidValueError(f"{len(known)} score sheets are in force: name one of {', '.join(sorted(known))}")
    found = next(iter(known.values()), None) if name is None else known.get(name)
    if found is None:
        wanted = "score sheet" if name is None else f"score sheet {name!r}"
        raise NotFoundError(
            f"no {wanted} is in force on {ledger.clocks.as_of}, as known at position {ledger.clocks.known_at}; "
            "score_sheet.adopted makes one"
        )
    return found


def scores(ledger: LedgerAt, sheet: ScoreSheet, by: str) -> list[ScoredOffice]:
    """The groups of a dimension with their scores, by rank; those without one last."""
    as_of, known_at = ledger.clocks
    of_items = [_rates_of(ledger, item, as_of, by) for item in sheet.items]
    bases = [{} if each.base_on is None else _rates_of(ledger, each, each.base_on, by) for each in sheet.items]
    # Whoever is there is scored, also where an item has nobody of theirs; those that answer to nobody are no office's.
    keys = sorted((key for key in ledger.rates((by,)).groups if key[0] not in (None, NONE)), key=key_order)
    said = reports(ledger.queries.everywhere().office_facts((REPORTED,), as_of, known_at), sheet.name)
    judged, scope = ledger.is_judged, ledger.queries.scope_at(as_of, known_at)
    found: dict[Key, Score] = {}
    for key in keys:
        name = key[0] or ""
        # Of a division or a body of which a part alone is in sight the figures are of that part, its own word is not.
        region, bodies = ("", (name,)) if by.startswith(BODY_DIMENSION) else (name, ())
        reported = said.get(name) if in_scope(region, scope, bodies) else None
        items = []
        for item, now, base in zip(sheet.items, of_items, bases, strict=True):
            empty = rates(nothing(judged=judged))[item.rate]
            before = None if item.base_on is None else base.get(key, Rate(0, 0, None))
            points = None if reported is None else reported.points.get(item.item)
            same_date = reported is not None and reported.on == as_of
            items.append(scored(item, now.get(key, empty), before, points, same_date=same_date))
        found[key] = score(items, reported)
    order = ranked({key: each.share for key, each in found.items()})
    offices = [ScoredOffice(key, each, order[key]) for key, each in found.items()]
    offices.sort(key=lambda each: (each.rank is None, each.rank or Rank(0, 0)))
    return offices


def _rates_of(ledger: LedgerAt, item: Item, day: date, by: str) -> Mapping[Key, Rate]:
    meant = ANY._replace(kind=item.kind, basis=item.basis)
    found = rates_before(ledger.queries, day, ledger.clocks.known_at, (by,), meant)
    return {key: rates(counts)[item.rate] for key, counts in found.groups.items()}
