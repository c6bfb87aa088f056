"""`GET /v1/organizations/{org}/card`, `/v1/branches/{branch}/card`: the cards that offices keep, explained."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from api.asking.clocks import Asked, Clocks, ledger_at
from api.asking.questions import BY_HTTP, READING, question, shows
from api.exports import cards as exported
from api.exports.figures import evidence_pairs, sentence
from api.exports.files import as_file
from api.exports.lists import FORMS, Form, In
from api.ledger import branches, organizations
from api.ledger.branch_dossier import Name
from api.ledger.organizations import Org
from api.site.addresses import Value, address
from api.site.base import Page, Paged, tidy
from api.site.formats import Names
from api.site.texts import Lang
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from services.inspection.cards import Card, Open, branch_card, organization_card

router = APIRouter(responses=PROBLEMS)


class CardLineShape(BaseModel):
    """One line of a card."""

    part: str
    item: str
    value: str | int | bool | date | None = Field(
        description="null where nothing was said or it is left open; `band_none`, `band_few` (1 to 2) or `band_three` "
        "(3 and more) of the members of a small unit"
    )
    decided_by: list[int] = Field(description="positions of the events that say so")
    of: str | None = Field(description="whose it is, where a part has several of a kind: a branch, an organization")
    open: Open | None = Field(description="why it is left open: of a person, or said by no registry")


class CardShape(BaseModel):
    """A card at both clocks, line by line."""

    as_of: date
    known_at: KnownAt
    subject: str
    name: str
    lines: list[CardLineShape]
    checks: dict[str, bool | None] = Field(description="what holds between lines; null: it cannot be judged")


@router.get(
    "/v1/organizations/{org}/card",
    response_model=None,
    responses={200: {"model": CardShape}, **NOT_FOUND},
    summary="单位登记卡 One organization's card",
    tags=["organizations"],
)
@question(READING, "scoped", trail="dossier", command=BY_HTTP, forms=FORMS)
def get(
    request: Request,
    org: Org,
    clocks: Asked,
    *,
    format: Form = "json",  # noqa: A002 - the parameter's name
    lang: In = "zh",
) -> Response:
    """The organization's card: each line with the events that say so, and what the log does not hold left open.

    A workbook has the layout of offices. Members of a small unit (the policy's `small_unit`, and sole proprietors) are
    told in bands.
    """
    card = organization_card(ledger_at(request, clocks), organizations.checked(org))
    return _told(request, clocks, card, format, lang)


@router.get(
    "/v1/branches/{branch}/card",
    response_model=None,
    responses={200: {"model": CardShape}, **NOT_FOUND},
    summary="党组织登记卡 One branch's card",
    tags=["branches"],
)
@question(READING, "scoped", trail="dossier", command=BY_HTTP, forms=FORMS)
def get_branch(
    request: Request,
    branch: Name,
    clocks: Asked,
    *,
    format: Form = "json",  # noqa: A002 - the parameter's name
    lang: In = "zh",
) -> Response:
    """The branch's card: each line with the events that changed it, and what the log does not hold left open.

    Members are those at the organizations that it covers; the events that say so are on these organizations' cards.
    """
    card = branch_card(ledger_at(request, clocks), branches.checked(branch))
    return _told(request, clocks, card, format, lang)


def _told(request: Request, clocks: Clocks, card: Card, form: Form, lang: Lang) -> Response:
    if form == "json":
        head: dict[str, Any] = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
        lines = [{**each._asdict(), "decided_by": list(each.decided_by)} for each in card.lines]
        return answer({**head, "subject": card.subject, "name": card.name, "lines": lines, "checks": card.checks})
    parts = parts_of(request)
    pinned: dict[str, Value] = {"as_of": clocks.as_of.isoformat(), "known_at": clocks.position}
    document = exported.card_document(
        card, _names(request, clocks, lang), clocks.as_of,
        sentence(lang, clocks.as_of.isoformat(), clocks.position, clocks.recorded_at, clocks.known.wrong),
        evidence_pairs(lang, parts.queries.evidence(clocks.position),
                       {"address": address(request.url.path, pinned)}),
    )  # fmt: skip
    return as_file(document, form, parts.drawer.draw)


def _names(request: Request, clocks: Clocks, lang: Lang) -> Names:
    parts = parts_of(request)
    return Names(lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)


def _page(request: Request, page: Page, clocks: Clocks, card: Card, place: str) -> HTMLResponse:
    names = _names(request, clocks, page.lang)
    return page.render(
        "card.html",
        clocks=clocks,
        card=card,
        title=exported.title(names, card),
        rows=[
            (exported.part(names, line.part), exported.item(names, line), exported.content(names, line),
             list(line.decided_by), exported.remark(names, line), line.open)
            for line in card.lines
        ],
        notes=exported.notes(names, card),
        dossier=place.removeprefix("/v1").replace("/organizations/", "/ledger/"),
        api=address(f"{place}/card", page.pinned(clocks)),
    )  # fmt: skip


@router.get(
    "/ledger/{org}/card", include_in_schema=False, response_class=HTMLResponse, response_model=None,
    dependencies=[Depends(tidy)],
)  # fmt: skip
@shows(get)
def page_of_organization(request: Request, page: Paged, org: Org, clocks: Asked) -> HTMLResponse:
    """What `/v1/organizations/{org}/card` tells, to be read and printed."""
    card = organization_card(ledger_at(request, clocks), organizations.checked(org))
    return _page(request, page, clocks, card, f"/v1/organizations/{org}")


@router.get(
    "/branches/{branch}/card", include_in_schema=False, response_class=HTMLResponse, response_model=None,
    dependencies=[Depends(tidy)],
)  # fmt: skip
@shows(get_branch)
def page_of_branch(request: Request, page: Paged, branch: Name, clocks: Asked) -> HTMLResponse:
    """What `/v1/branches/{branch}/card` tells, to be read and printed."""
    card = branch_card(ledger_at(request, clocks), branches.checked(branch))
    return _page(request, page, clocks, card, f"/v1/branches/{branch}")
