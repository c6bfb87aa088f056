"""`GET /v1/bodies`, `GET /v1/bases`: who answers for whom, and by which named bases rates are counted."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, ledger_at
from api.asking.filters import BasisAsked, basis_named
from api.asking.questions import ASK, FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import Figures, FiltersShape, KnownAt, figures, filters_of
from domain.ledger.rates import Filters
from domain.values.terms import BodyKind, Category, Formation
from services.ledger.bodies import bases_of, bodies_of

router = APIRouter(tags=["bodies"], responses=PROBLEMS)


class BodyShape(Figures):
    """A body, and the figures of all organizations that answer to it or to one below it."""

    body: str
    kind: BodyKind
    name: str
    parent: str | None = Field(description="the body above it; null at the top")
    level: int = Field(description="from the top, which is 1")


class BodiesShape(BaseModel):
    """The hierarchies of bodies, each kind one of its own."""

    as_of: date
    known_at: KnownAt
    filters: FiltersShape
    bodies: list[BodyShape] = Field(description="by kind, each after the one above it")


@router.get(
    "/v1/bodies", response_model=None, responses={200: {"model": BodiesShape}}, summary="主管单位 Who answers for whom"
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("bodies", BodyShape))
def get(
    request: Request,
    clocks: Asked,
    kind: Annotated[BodyKind | None, Query(description="Only bodies of this kind.")] = None,
    basis: BasisAsked = None,
) -> Response:
    """The bodies that exist at both clocks, with the figures of all that answer to each or below it.

    Example: `/v1/bodies?as_of=2024-12-31&kind=park`
    """
    filters = Filters(basis=basis_named(basis))
    found = bodies_of(ledger_at(request, clocks), kind, filters)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "filters": filters_of(parts_of(request).queries.narrowed(filters)),
            "bodies": [
                {
                    "body": each.body, "kind": each.kind, "name": each.name, "parent": each.parent,
                    "level": each.level, **figures(each.counts),
                }
                for each in found
            ],
        }
    )  # fmt: skip


class BasisShape(BaseModel):
    """A named choice of whom rates count, and of which formations count as covered."""

    name: str = Field(description="as `basis` of a question names it")
    title: str
    categories: list[Category]
    legal_persons_only: bool
    employees_min: int | None = Field(description="organizations whose size is not known are smaller than any")
    formations_counted: list[Formation]


class Bases(BaseModel):
    """The bases in force: that of all, then the others by name."""

    as_of: date
    known_at: KnownAt
    bases: list[BasisShape]


@router.get("/v1/bases", response_model=None, responses={200: {"model": Bases}}, summary="口径 Bases of rates")
@question(READING, "none", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("bases", BasisShape))
def get_bases(request: Request, clocks: Asked) -> Response:
    """The bases that a question may name on this date.

    Example: `/v1/bases?as_of=2024-12-31`
    """
    head: dict[str, Any] = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**head, "bases": [each._asdict() for each in bases_of(ledger_at(request, clocks))]})


table_page(router, "/bodies", get)
table_page(router, "/bases", get_bases)
