"""Region scope: the regions to which an office's grant is limited, as prefixes of the division code."""

from collections.abc import Iterable

# Prefixes, in order and none inside another; None: everything; empty: nothing.
Scope = tuple[str, ...] | None


def scope_of(prefixes: Iterable[str] | None) -> Scope:
    """The scope that these prefixes make."""
    if prefixes is None:
        return None
    kept: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def in_scope(region: str, scope: Scope) -> bool:
    """Whether a division code lies within the scope."""
    return scope is None or region.startswith(scope)
