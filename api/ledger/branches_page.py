"""`/branches`: the branches' ledger; `/branches/{branch}` and `…/history`: one branch's dossier and its history."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.paging import PAGE_MAX
from api.asking.questions import shows
from api.ledger import branch_dossier as dossiers
from api.ledger import branches
from api.ledger.branch_dossier import Name, steps_of
from api.ledger.branches import Meant, Sorted, checked, listed
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.ledger.living import LACKS
from domain.values.terms import FORMATIONS, TIERS
from services.ledger.branch_dossier import branch_dossier
from services.ledger.branches import SORTS, Wanted

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

STEPS_MAX: Final = 100
# Of what it covers, of the branches below it and of its meetings.
SHOWN_MAX: Final = 300
WITHIN_DAYS: Final = (30, 90, 180)


@router.get("/branches", response_model=None)
@shows(branches.list_)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    meant: Meant,
    *,
    sort: Sorted = "branch",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/branches` tells for the same parameters, to be read."""
    del cursor  # the clocks carry it
    found, following = listed(request, clocks, meant, sort, limit)
    return page.render(
        "branch_list.html",
        clocks=clocks,
        meant=meant,
        sort=sort,
        sorts=SORTS,
        tiers=TIERS,
        formations=FORMATIONS,
        lacks=LACKS,
        within_days=WITHIN_DAYS,
        found=found,
        next=following,
        log_is_empty=parts_of(request).queries.position == 0,
        api=address("/v1/branches", page.pinned(clocks) | as_parameters(meant) | {"sort": sort}),
    )


def as_parameters(meant: Wanted) -> dict[str, Value]:
    """The filters as the address has them."""
    given = ((name, value) for name, value in meant._asdict().items() if value is not None)
    return {name: str(value).lower() if isinstance(value, bool | date) else value for name, value in given}


@router.get("/branches/{branch}", response_model=None)
@shows(dossiers.get)
def get_one(request: Request, page: Paged, branch: Name, clocks: Asked) -> HTMLResponse:
    """What `/v1/branches/{branch}` tells, to be read."""
    found = branch_dossier(ledger_at(request, clocks), checked(branch))
    return page.render(
        "branch.html",
        clocks=clocks,
        found=found,
        judged=None if found.judged is None else dossiers.judgement(found.judged),
        shown_max=SHOWN_MAX,
        api=address(f"/v1/branches/{branch}", page.pinned(clocks)),
    )


@router.get("/branches/{branch}/history", response_model=None)
@shows(dossiers.get_history)
def get_history(
    request: Request, page: Paged, branch: Name, clocks: Asked, *, cursor: CursorText = None
) -> HTMLResponse:
    """Every event that touched it, each with what it changed."""
    del cursor  # the clocks carry it
    steps, following = steps_of(request, clocks, checked(branch), STEPS_MAX)
    states = [state for step in steps for state in (step.after, step.before) if state is not None]
    return page.render(
        "branch_history.html",
        clocks=clocks,
        branch=branch,
        name=states[-1].name if states else branch,
        steps=steps,
        next=following,
        api=address(f"/v1/branches/{branch}/history", page.pinned(clocks)),
    )
