"""Which organizations a question is about: filters, groups, and one group of a grouped answer."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query
from pydantic import StringConstraints

from api.web.problems import invalid
from api.web.shapes import Figures, figures
from domain.ledger.bases import ALL
from domain.ledger.meaning import BODY_DIMENSION_PATTERN, DIMENSION_PATTERN
from domain.ledger.rates import DIMENSIONS, RATES, Counts, Filters, Key, is_region_prefix
from domain.values.codes import CodeError, check_named
from domain.values.fields import NAME_LENGTH_MAX
from domain.values.terms import Category, Formation, Kind, Measure, RateName

_INDUSTRY: Final = re.compile(r"[A-T][0-9]{0,4}|null", re.ASCII)


BasisAsked = Annotated[
    str | None,
    Query(
        description="The named basis (口径) by which is counted, as adopted by the date; `all` where left out.",
        max_length=NAME_LENGTH_MAX,
        examples=["all"],
    ),
]


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
    effectively_covered: Annotated[
        bool | None,
        Query(
            description="Only those that a branch in effect covers, or the others; without an activity policy "
            "nobody is either."
        ),
    ] = None,
    body: Annotated[
        str | None,
        Query(
            description="Only those that answer to this body or to one below it, as the hierarchy stands on the date.",
            max_length=69,
        ),
    ] = None,
    basis: BasisAsked = None,
) -> Filters:
    """The filters of this question."""
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    if industry is not None and not _INDUSTRY.fullmatch(industry):
        rule = "an industry prefix is a section A to T and up to 4 digits, or null"
        raise invalid("query.industry", industry, "industry", rule)
    if body is not None and not is_body(body):
        raise invalid("query.body", body, "body", "a body is body: and 1 to 64 of A-Z a-z 0-9 _ -")
    return Filters(
        region, kind, category, industry, formation, measure, work_covered, eligible, effectively_covered, body=body,
        basis=basis_named(basis),
    )  # fmt: skip


def basis_named(basis: str | None) -> str | None:
    """The basis that a question names; None for that of all."""
    return None if basis == ALL else basis


def is_body(value: str) -> bool:
    """Whether it is a body's identifier."""
    try:
        return bool(check_named(value, "body"))
    except CodeError:
        return False


Filtered = Annotated[Filters, Depends(filters)]


# `body:KIND` is the body of a kind, `body:KIND:N` its ancestor at level N from the top.
Dimension = Annotated[str, StringConstraints(pattern=DIMENSION_PATTERN)]


class Group(Figures):
    """One group: its key by dimension, null where the organizations lack one."""

    key: dict[str, str | None]


async def dimensions(
    group_by: Annotated[
        list[Dimension] | None,
        Query(
            description="Dimensions to group by, in this order; may repeat. `body:KIND` is the body of a kind that "
            "organizations answer to (`none`: said to have none), `body:KIND:N` its ancestor at level N from the top."
        ),
    ] = None,
) -> tuple[str, ...]:
    """The dimensions of this question, each once."""
    given = tuple(group_by or ())
    if len(set(given)) != len(given):
        rule = f"each dimension stands once; there are {', '.join(DIMENSIONS)}, body:KIND and body:KIND:N"
        raise invalid("query.group_by", ", ".join(given), "dimension_repeated", rule)
    return given


Grouped = Annotated[tuple[str, ...], Depends(dimensions)]


def key(group_by: tuple[str, ...], values: Key) -> dict[str, str | None]:
    """A group's key by dimension."""
    return dict(zip(group_by, values, strict=True))


def groups(group_by: tuple[str, ...], found: Mapping[Key, Counts]) -> list[dict[str, Any]]:
    """Groups as answers show them."""
    return [{"key": key(group_by, values), **figures(counts)} for values, counts in found.items()]


Count = Literal[
    "registered", "excluded", "organizations", "organization_covered", "standalone", "joint", "affiliated",
    "work_covered", "eligible", "eligible_covered", "employees", "employees_covered", "full_members",
    "probationary_members", "activists", "members_elsewhere", "eligible_standalone", "effectively_covered",
]  # fmt: skip
Missing = Annotated[
    RateName | None,
    Query(
        description="Only the organizations that this rate is over and that are not in it: not covered, for coverage. "
        "Not together with `count`."
    ),
]


def counted_in(count: Count | None, missing: RateName | None) -> tuple[str | None, str | None]:
    """The count that organizations add to, and the one that they lack; a Problem where both parameters are given."""
    if missing is None:
        return count, None
    if count is not None:
        raise invalid(
            "query.missing", missing, "count_or_missing", "ask for a count or for what a rate misses, not for both"
        )
    above, below = RATES[missing]
    return below, above


RegionKey = str | None


def _region(digits: int) -> Any:  # noqa: ANN401 - FastAPI's own parameter object
    return Query(
        alias=f"region:{digits}",
        description=f"The group's key under region:{digits}: the first {digits} digits, or a shorter code whole.",
        pattern=f"^[0-9]{{2,{digits}}}$",
    )


def regions(
    province: Annotated[RegionKey, _region(2)] = None,
    city: Annotated[RegionKey, _region(4)] = None,
    county: Annotated[RegionKey, _region(6)] = None,
    township: Annotated[RegionKey, _region(9)] = None,
    village: Annotated[RegionKey, _region(12)] = None,
) -> dict[int, str]:
    """By N, the group's key under region:N."""
    given = {2: province, 4: city, 6: county, 9: township, 12: village}
    for digits, code in given.items():
        if code is not None and len(code) not in given:
            raise invalid(f"query.region:{digits}", code, "region", "a division code has 2, 4, 6, 9 or 12 digits")
    return {digits: code for digits, code in given.items() if code is not None}


BODY_KEY_PATTERN: Final = "^(?:body:[A-Za-z0-9_-]{1,64}|none|null)$"


def body_keys(
    body_key: Annotated[
        list[Annotated[str, StringConstraints(pattern=f"^{BODY_DIMENSION_PATTERN}=(?:{BODY_KEY_PATTERN[4:-2]})$")]]
        | None,
        Query(
            description="The group's key under a dimension of bodies, as `body:park=body:park-1`; `none` for those "
            "said to have none, `null` for those of which nobody said. May repeat.",
        ),
    ] = None,
) -> dict[str, str]:
    """By dimension of bodies, the group's key."""
    return dict(each.split("=", 1) for each in body_key or ())
