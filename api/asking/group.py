"""One group of a grouped answer: the keys and the count whose organizations are asked for."""

from typing import Annotated, Any, Literal

from fastapi import Query

from api.web.problems import invalid

Count = Literal[
    "registered", "excluded", "organizations", "organization_covered", "standalone", "joint", "affiliated",
    "work_covered", "eligible", "eligible_covered", "employees", "employees_covered", "full_members",
    "probationary_members", "activists",
]  # fmt: skip
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
