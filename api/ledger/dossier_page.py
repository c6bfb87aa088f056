"""`/ledger/{org}`: 一企一档, one organization's dossier; `/ledger/{org}/history`: its history, step by step."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import POSITION_MAX, Asked, Clocks, CursorText, ledger_at
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.ledger import organizations
from api.ledger.organizations import checked
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.web.parts import parts_of
from domain.inspection.row_changes import changed_fields
from domain.ledger.placements import NONE as NO_BODY
from domain.ledger.rows import Row
from domain.values.terms import BODY_KINDS, STANDINGS, BodyKind
from services.fieldwork.organization_work import organization_work
from services.inspection.changes import described
from services.inspection.event_trail import events_at
from services.ledger.branches import BranchLedger
from services.ledger.dossier import Step, dossier, history
from services.ledger.ledger_at import LedgerAt
from services.ledger.meaning import bodies_at
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.log.reader import LogReader
from services.system.errors import NotFoundError

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

STEPS_MAX: Final = 200
# Of each standing, of the branches and of the anomalies; a group may have tens of thousands.
SHOWN_MAX: Final = 300
Org = Annotated[str, Path(description="`uscc:…` or `group:…`", max_length=100)]


@router.get("/ledger/{org}", response_model=None)
@shows(organizations.get, organizations.get_work)
def get(request: Request, page: Paged, org: Org, clocks: Asked) -> HTMLResponse:
    """What `/v1/organizations/{org}` and its `/work` tell, to be read."""
    ledger = ledger_at(request, clocks)
    found = dossier(ledger.queries, checked(org), clocks.as_of, clocks.position)
    members = {
        standing: [member for member in found.members if member.standing == standing]
        for standing in reversed(STANDINGS)
    }
    return page.render(
        "dossier.html",
        clocks=clocks,
        found=found,
        members=members,
        work=organization_work(ledger, org),
        bodies=_bodies(ledger, found.row, page),
        shown_max=SHOWN_MAX,
        leading=_leading(ledger, [each.branch for each in found.branches]),
        api=address(f"/v1/organizations/{org}", page.pinned(clocks)),
    )


def _bodies(ledger: LedgerAt, row: Row | None, page: Page) -> list[tuple[BodyKind, str]]:
    """By kind the body that it answers to, by name; those of which nobody said are left out."""
    kinds = zip(BODY_KINDS, () if row is None else row.bodies, strict=row is not None)
    said = [(kind, body) for kind, body in kinds if body is not None]
    if not said:
        return []
    existing = bodies_at(ledger.queries.everywhere(), *ledger.clocks).existing
    return [
        (kind, existing[body].name if body in existing else page.t("body.none") if body == NO_BODY else body)
        for kind, body in said
    ]


def _leading(ledger: LedgerAt, names: list[str]) -> set[str]:
    """Those of the branches whose own page may be opened: to a caller limited to regions, where all of it is there."""
    if ledger.sight.is_whole or not names:
        return set(names)
    branches = BranchLedger(ledger)
    return {name for name in names if branches.sees(name)}


@router.get("/ledger/{org}/history", response_model=None)
@shows(organizations.get_history)
def get_history(
    request: Request,
    page: Paged,
    org: Org,
    clocks: Asked,
    *,
    step: Annotated[
        int | None, Query(ge=1, le=POSITION_MAX, description="The position of the event to look at; left out: the last")
    ] = None,
    cursor: CursorText = None,
) -> HTMLResponse:
    """Every event that touched it, one of them with the row before and after."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    after = int(str(clocks.after[0])) if clocks.after else 0
    found = history(queries, checked(org), clocks.as_of, clocks.position, after=after, limit=STEPS_MAX + 1)
    if step is not None and clocks.after is None and step > found[:STEPS_MAX][-1].position:
        # A step beyond the first page is shown at the head of the steps that follow it.
        found = history(queries, org, clocks.as_of, clocks.position, after=step - 1, limit=STEPS_MAX + 1)
    steps, following = page_of(request, clocks, found, STEPS_MAX, lambda each: (each.position,))
    chosen = _chosen(queries, clocks, org, steps, step)
    positions = sorted({each.position for each in (*steps, chosen)})
    sight = Sight(queries, clocks.as_of, clocks.position)
    events = sight.described(events_at(queries, positions))
    with queries.connection() as connection:
        (event,) = LogReader(connection).events([chosen.position])
        why = sight.described(described(connection, positions))
    return page.render(
        "history.html",
        clocks=clocks,
        org=org,
        name=_name(chosen, org),
        steps=[(events[each.position], why[each.position], each) for each in steps],
        chosen=chosen,
        event=events[chosen.position],
        why=why[chosen.position],
        data=sight.redacted(event.data),
        changes=_changes(chosen),
        next=following,
        api=address(f"/v1/organizations/{org}/history", page.pinned(clocks)),
    )


def _chosen(queries: Queries, clocks: Clocks, org: str, steps: Sequence[Step], step: int | None) -> Step:
    if step is None:
        return steps[-1]
    found = history(queries, org, clocks.as_of, clocks.position, after=step - 1, limit=1)
    if not found or found[0].position != step:
        raise NotFoundError(f"the event at position {step} did not touch {org}; its history lists those that did")
    return found[0]


def _name(step: Step, org: str) -> str:
    row = step.after or step.before
    return org if row is None else row.attributes.name


def _changes(step: Step) -> list[tuple[str, object, object]]:
    """Each field that the event changed, with its value before and after; None where there is no row."""
    return [
        (name, _value(step.before, name), _value(step.after, name)) for name in changed_fields(step.before, step.after)
    ]


def _value(row: Row | None, field: str) -> object:
    if field == "active":
        return row is not None
    if row is None:
        return None
    _, _, attribute = field.partition("attributes.")
    return getattr(row.attributes, attribute) if attribute else getattr(row, field)
