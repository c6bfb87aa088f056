"""Scope: to what a grant is limited, by place and by who answers for it (spec/events.md, Who may say it).

Each part of a scope is one of three texts: a prefix of the division code (`990101`), a body with all below it
(`body:park-1`), or both with a blank between, where only what lies in both is meant (`990101 body:park-1`). So whoever
asks of a region alone whether it begins with a part never takes a body's part for one.
"""

from collections.abc import Collection, Iterable
from typing import Final

# In order, no region inside another; None: everything; empty: nothing.
Scope = tuple[str, ...] | None
_BODY: Final = "body:"


def scope_of(regions: Iterable[str] | None, bodies: Iterable[str] | None = None) -> Scope:
    """The scope that these prefixes and bodies make; None for any. Of both together what lies in both."""
    if regions is None and bodies is None:
        return None
    kept = ("",) if regions is None else tuple(_outermost(regions))
    return (
        kept if bodies is None else tuple(f"{region} {body}".strip() for region in kept for body in sorted({*bodies}))
    )


def either(scopes: Iterable[Scope]) -> Scope:
    """What lies in one of these scopes at least."""
    parts: set[str] = set()
    for scope in scopes:
        if scope is None:
            return None
        parts.update(scope)
    regions = tuple(_outermost(each for each in parts if _BODY not in each))
    return (*regions, *sorted(each for each in parts if _BODY in each and not each.startswith(regions)))


def _outermost(prefixes: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def by_region(scope: Scope) -> tuple[str, ...]:
    """The parts that are regions as a whole."""
    return tuple(each for each in scope or () if _BODY not in each)


def by_body(scope: Scope) -> list[tuple[str, str]]:
    """The parts that name a body: the prefix of the region that they are limited to, "" for none, and the body."""
    split = (each.rpartition(" ") for each in scope or () if _BODY in each)
    return [(region, body) for region, _, body in split]


def in_scope(region: str, scope: Scope, bodies: Collection[str | None] = ()) -> bool:
    """Whether a place lies within the scope.

    Args:
        region: its division code.
        scope: the parts that would do.
        bodies: those that what stands there answers to, with all above them; or, where the scope names each body's
            lower ones too (domain.ledger.meaning.scope_meant), those that it answers to.
    """
    if scope is None or region.startswith(scope):
        return True
    return bool(bodies) and any(body in bodies and region.startswith(prefix) for prefix, body in by_body(scope))


def regions_of(scope: Scope) -> tuple[str, ...]:
    """The regions outside of which nothing lies within the scope; "" for everywhere."""
    return ("",) if scope is None else (*by_region(scope), *(region for region, _ in by_body(scope)))


def may_lie(region: str, scope: Scope) -> bool:
    """Whether something in a region, or around it, can lie within the scope."""
    return any(region.startswith(each) or each.startswith(region) for each in regions_of(scope))
