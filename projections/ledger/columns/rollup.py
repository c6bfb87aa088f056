"""A question's groups out of a finer cube's: each is the sum of some of its groups.

A cube of kind and county answers also for one kind, for one county's kinds and for the counties of all kinds, so that
the few cubes that are always at hand answer most of what is asked.
"""

from collections.abc import Mapping
from typing import Final

from domain.ledger.rates import ANY, Counts, Filters, Key, add, key_order
from domain.values.scope import in_scope
from projections.ledger.columns.cubes import Shape

_REGION: Final = "region:"
_SAME: Final = ("kind", "category", "measure", "formation")
# Of an industry the dimension is the section alone (domain.ledger.rates.dimension).
_SECTIONS: Final = frozenset((*"ABCDEFGHIJKLMNOPQRST", "null"))


def covers(wide: Shape, asked: Shape) -> bool:
    """Whether the groups of one shape say all that another asks."""
    if wide.policy != asked.policy or wide.filters != ANY:
        return False
    digits = _finest(wide.group_by)
    return all(_derived(name, wide.group_by, digits) for name in asked.group_by) and _told(asked.filters, wide, digits)


def _derived(name: str, group_by: tuple[str, ...], digits: int) -> bool:
    return name in group_by or (name.startswith(_REGION) and int(name[len(_REGION) :]) <= digits)


def _told(filters: Filters, wide: Shape, digits: int) -> bool:
    """Whether each group lies within the filters or outside, as a whole."""
    if filters.work_covered is not None or filters.eligible is not None:
        return False
    if any(getattr(filters, name) is not None and name not in wide.group_by for name in _SAME):
        return False
    if filters.industry is not None and ("industry" not in wide.group_by or filters.industry not in _SECTIONS):
        return False
    prefixes = [*(filters.scope or ()), *([] if filters.region is None else [filters.region])]
    return all(len(prefix) <= digits for prefix in prefixes) and (digits > 0 or filters.scope is None)


def _finest(group_by: tuple[str, ...]) -> int:
    return max((int(name[len(_REGION) :]) for name in group_by if name.startswith(_REGION)), default=0)


def narrowed(groups: Mapping[Key, Counts], wide: Shape, asked: Shape) -> dict[Key, Counts]:
    """The groups that are asked for, sorted by key, null last; `wide` covers `asked`."""
    found: dict[Key, Counts] = {}
    region = f"{_REGION}{_finest(wide.group_by)}"
    for key, counts in groups.items():
        values = dict(zip(wide.group_by, key, strict=True))
        if _within(values, values.get(region), asked.filters):
            into = tuple(_value(name, values, region) for name in asked.group_by)
            found[into] = add(found[into], counts) if into in found else counts
    return dict(sorted(found.items(), key=lambda item: key_order(item[0])))


def _value(name: str, values: Mapping[str, str | None], region: str) -> str | None:
    if name in values:
        return values[name]
    code = values[region]
    return None if code is None else code[: int(name[len(_REGION) :])]


def _within(values: Mapping[str, str | None], region: str | None, filters: Filters) -> bool:
    for name in (*_SAME, "industry"):
        wanted = getattr(filters, name)
        if wanted is not None and (values[name] or "null") != wanted:
            return False
    return (region or "").startswith(filters.region or "") and in_scope(region or "", filters.scope)
