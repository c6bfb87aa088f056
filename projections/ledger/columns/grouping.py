"""Counts by group over a standing: the vector form of domain.ledger.rates.group."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.ledger.rates import BODY_DIMENSION, Counts, Key, key_order
from domain.values.terms import CATEGORIES, FORMATIONS, KINDS, MEASURES
from projections.ledger.columns.columns import UNKNOWN, Snapshot
from projections.ledger.columns.counts import Standing

_STANDALONE: Final = FORMATIONS.index("standalone")
_NAMES: Final[dict[str, tuple[str | None, ...]]] = {
    "kind": KINDS,
    "category": CATEGORIES,
    "measure": MEASURES,
    "formation": (*FORMATIONS, None),
}


def _coded(snapshot: Snapshot, rows: Standing, name: str) -> tuple[NDArray[Any], list[str | None]]:
    """Each row's code under a dimension, and the value that each code stands for."""
    if name in _NAMES:
        return getattr(rows, name), list(_NAMES[name])
    if name.startswith(BODY_DIMENSION):
        kinds, texts = snapshot.answers.kinds[name.removeprefix(BODY_DIMENSION)], list(snapshot.answers.texts)
        codes = kinds[rows.answers]
        return np.where(codes == UNKNOWN, len(texts), codes), [*texts, None]
    numbers, values = _distinct(snapshot, name)
    if name == "industry":
        # The extra last value answers for UNKNOWN, which is index -1.
        return numbers[np.where(rows.industry == UNKNOWN, len(numbers) - 1, rows.industry)], values
    return numbers[rows.region], values


def _distinct(snapshot: Snapshot, name: str) -> tuple[NDArray[np.int64], list[str | None]]:
    """For each industry, or region, the number of its section, or prefix; and the text of each number."""
    texts = snapshot.industries if name == "industry" else snapshot.regions
    length = 1 if name == "industry" else int(name.removeprefix("region:"))
    count = len(texts)
    kept = snapshot.coded.get(name)
    if kept is not None and kept[0] == count:
        return kept[1], kept[2]
    numbers: dict[str | None, int] = {}
    short: list[str | None] = [text[:length] for text in texts[:count]]
    if name == "industry":
        short.append(None)
    codes = np.fromiter((numbers.setdefault(text, len(numbers)) for text in short), np.int64, len(short))
    snapshot.coded[name] = (count, codes, list(numbers))
    return codes, list(numbers)


def group(snapshot: Snapshot, rows: Standing, group_by: tuple[str, ...]) -> dict[Key, Counts]:
    """The counts of each group that has a row, sorted by key, null last."""
    if len(rows) == 0:
        return {}
    keys, number = keys_of(snapshot, rows, group_by)
    # Sums stay far below 2**53, where the floats of bincount are exact integers.
    counted = [np.bincount(number, weights=c, minlength=len(keys)) for c in count_columns(rows)]
    return in_order(keys, np.stack(counted, axis=1).astype(np.int64))


def in_order(keys: list[Key], counted: NDArray[np.int64]) -> dict[Key, Counts]:
    """The groups that have a row, sorted by key, null last; `counted` has the fields of Counts as columns."""
    groups = {key: Counts(*counts) for key, counts in zip(keys, counted.tolist(), strict=True) if counts[0]}
    return dict(sorted(groups.items(), key=lambda item: key_order(item[0])))


def keys_of(snapshot: Snapshot, rows: Standing, group_by: tuple[str, ...]) -> tuple[list[Key], NDArray[np.int64]]:
    """The distinct keys among the rows, and for each row the index of its own."""
    combined = np.zeros(len(rows), np.int64)
    dimensions: list[list[str | None]] = []
    for name in group_by:
        codes, values = _coded(snapshot, rows, name)
        combined = combined * len(values) + codes
        dimensions.append(values)
    present, number = np.unique(combined, return_inverse=True)
    return [_key(code, dimensions) for code in present.tolist()], number


def _key(code: int, dimensions: list[list[str | None]]) -> Key:
    key: list[str | None] = []
    for values in reversed(dimensions):
        code, index = divmod(code, len(values))
        key.append(values[index])
    return tuple(reversed(key))


def count_columns(rows: Standing) -> tuple[NDArray[Any], ...]:
    """What each row adds to the counts of its group: one array for each field of domain.ledger.rates.Counts."""
    included = rows.excluded == 0
    employees = np.maximum(rows.employees, 0)
    covered = rows.organization_covered
    return (
        np.ones(len(rows), np.bool_), ~included, included, included & covered,
        *(included & (rows.formation == i) for i in range(len(FORMATIONS))),
        included & rows.work_covered, included & rows.eligible, included & rows.eligible & covered,
        included * employees, (included & covered) * employees,
        included * rows.full_members, included * rows.probationary_members, included * rows.activists,
        included * rows.members_elsewhere, included & rows.eligible & (rows.formation == _STANDALONE),
        included & rows.effectively_covered,
    )  # fmt: skip
