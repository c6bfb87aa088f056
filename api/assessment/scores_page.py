"""`/assessment/scores`: the offices' scores by a sheet, each rate leading to its organizations."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, ledger_at
from api.asking.questions import shows
from api.assessment import scores as call
from api.assessment.scores import OfficesBy, SheetAsked, group_of
from api.exports.figures import dimension_title
from api.site.addresses import address
from api.site.base import Paged, tidy
from domain.assessment.scores import Item
from domain.ledger.rates import Key
from domain.values.terms import BODY_KINDS
from services.assessment.scores import find_sheet, score_sheets, scores

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

_OFFICES = ("region:6", "region:9", *(f"body:{kind}" for kind in BODY_KINDS))


@router.get("/assessment/scores", response_model=None)
@shows(call.get_scores)
def get(request: Request, page: Paged, clocks: Asked, by: OfficesBy, *, score_sheet: SheetAsked = None) -> HTMLResponse:
    """The same scores as `/v1/scores`; without a name the first sheet in force, where there is one."""
    ledger = ledger_at(request, clocks)
    known = sorted(score_sheets(ledger))
    name = score_sheet or next(iter(known), None)
    sheet = None if name is None else find_sheet(ledger, name)

    def behind(of: Key, item: Item, *, before: bool) -> dict[str, object]:
        return {**group_of(clocks, by, of, item, item.base_on if before and item.base_on else clocks.as_of)}

    return page.render(
        "scores.html",
        clocks=clocks,
        by=by,
        offices=[(each, dimension_title(page.lang, each)) for each in dict.fromkeys((*_OFFICES, by))],
        names=known,
        sheet=sheet,
        found=[] if sheet is None else scores(ledger, sheet, by),
        behind=behind,
        api=address("/v1/scores", page.pinned(clocks) | {"by": by, "score_sheet": name}),
    )
