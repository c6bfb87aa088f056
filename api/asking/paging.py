"""Pages of a list: how many rows, and the cursor of the next page."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Query, Request

from api.asking.clocks import Clocks
from api.asking.cursors import Cursor, encode
from api.web.parts import parts_of

PAGE_MAX: Final = 1_000

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most on this page.")]
T = TypeVar("T")


def page(
    request: Request, clocks: Clocks, found: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]
) -> tuple[Sequence[T], str | None]:
    """What goes on this page of `found`, asked for with one row more than `limit`, and the cursor of the next."""
    if len(found) <= limit:
        return found, None
    shown, label = found[:limit], parts_of(request).queries.view.current.label
    return shown, encode(Cursor(clocks.as_of, clocks.position, key(shown[-1]), label), request)


def counted_page(
    request: Request, clocks: Clocks, limit: int, read: Callable[[int, int], tuple[int, Sequence[T]]]
) -> tuple[int, Sequence[T], str | None]:
    """How many there are on all pages, this page, and the cursor of the next, of a list that is read whole each time.

    `read` gives how many there are and so many of them, those after so many.
    """
    after = cast("int", clocks.after[0]) if clocks.after else 0
    total, found = read(after, limit + 1)
    shown, following = page(request, clocks, found, limit, lambda _: (after + limit,))
    return total, shown, following
