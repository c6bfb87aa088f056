"""The filters of a question (spec/api.md, Filters), checked: a value that nothing can have is refused."""

import re
from typing import Annotated, Final, Literal

from fastapi import Depends, Query

from api.web.problems import invalid
from domain.ledger.rates import Filters, is_region_prefix
from domain.values.terms import Category, Formation, Kind, Measure

_INDUSTRY: Final = re.compile(r"[A-T][0-9]{0,4}|null", re.ASCII)


async def filters(  # each is a query parameter of its own
    *,
    region: Annotated[
        str | None, Query(description="Region codes that begin so: 1 to 12 digits.", max_length=12, examples=["5101"])
    ] = None,
    kind: Annotated[Kind | None, Query(description="Only this kind.")] = None,
    category: Annotated[Category | None, Query(description="Only this category.")] = None,
    industry: Annotated[
        str | None,
        Query(
            description="Industries that begin so: a section A to T of GB/T 4754-2017 and up to 4 digits; `null` for "
            "organizations that have none.",
            max_length=5,
            examples=["I64"],
        ),
    ] = None,
    formation: Annotated[
        Formation | Literal["null"] | None, Query(description="Only this formation; `null` for none.")
    ] = None,
    measure: Annotated[Measure | None, Query(description="Only those that the policy asks this of.")] = None,
    work_covered: Annotated[bool | None, Query(description="Only those with work coverage, or without.")] = None,
    eligible: Annotated[bool | None, Query(description="Only the eligible, or the others.")] = None,
) -> Filters:
    """The filters of this question."""
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    if industry is not None and not _INDUSTRY.fullmatch(industry):
        rule = "an industry prefix is a section A to T and up to 4 digits, or null"
        raise invalid("query.industry", industry, "industry", rule)
    return Filters(region, kind, category, industry, formation, measure, work_covered, eligible)


Filtered = Annotated[Filters, Depends(filters)]
