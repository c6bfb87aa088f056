"""`/explain`: the organizations behind a figure, each with the events that decide it."""

from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Count, Filtered, Missing, body_keys, counted_in, regions
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.ledger import explain as explain_api
from api.ledger.explain import PAGE_MAX
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.figures import deciding_positions, filtered
from api.web.parts import parts_of
from domain.ledger.bands import Band, bands
from domain.ledger.meaning import NULL
from domain.ledger.rates import not_in, rates
from projections.ledger.columns.choosing import Group
from services.ledger.explain import explain

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/explain", response_model=None)
@shows(explain_api.get_explain)
def get(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    regions: Annotated[dict[int, str], Depends(regions)],
    bodies: Annotated[dict[str, str], Depends(body_keys)],
    *,
    count: Annotated[Count | None, Query(description="The count; left out: all registered.")] = None,
    missing: Missing = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """The same organizations as `/v1/rates/explain` gives for the same parameters."""
    del cursor  # the clocks carry it
    after = cast("int", clocks.after[0]) if clocks.after else -1
    queries, policy = parts_of(request).queries, ledger_at(request, clocks).policy
    counted, lacking = counted_in(count, missing)
    group = Group(filters, regions, counted, lacking, bodies)
    found = explain(queries, clocks.as_of, clocks.position, group, after=after, limit=limit + 1)
    shown, following = page_of(request, clocks, found, limit, lambda each: (each.number,))
    places = {f"region:{digits}": regions[digits] for digits in sorted(regions)}
    found_rates = queries.rates(clocks.as_of, clocks.position, (*places, *bodies), filters)
    figure = found_rates.of((*places.values(), *(None if code == NULL else code for code in bodies.values())))
    keys: dict[str, Value] = {**places, "body_key": [f"{name}={code}" for name, code in bodies.items()]}

    def of_band(told: Mapping[str, Band] | None) -> Band | None:
        return None if told is None else told.get(counted or "")

    return page.render(
        "explain.html",
        clocks=clocks,
        filters=filters,
        regions=regions,
        count=counted or "registered",
        missing=missing,
        figure=not_in(rates(figure)[missing]) if missing else getattr(figure, counted or "registered"),
        rows=[
            (
                each,
                deciding_positions(each.decided_by, lacking or count),
                of_band(bands(each.row, policy)),
            )
            for each in shown
        ],
        next=following,
        api=address(
            "/v1/rates/explain", page.pinned(clocks) | filtered(filters) | keys | {"count": count, "missing": missing}
        ),
    )
