"""Places by their names, wherever a code is meant: those that a field offers, and a name in an address."""

from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.asking.clocks import read_date, today
from api.site.addresses import Addresses
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.values.scope import regions_of
from services.fieldwork.places import find_places, initials, the_place

# A field offers divisions down to townships; villages are found by typing them.
_OFFERED_DIGITS: Final = 9
_OFFERED_MAX: Final = 300
_NAMED_MAX: Final = 8


def offered(request: Request) -> list[tuple[str, str]]:
    """Names of the divisions that the reader may see, the highest first, each with its pinyin initials."""
    parts = parts_of(request)
    names = [
        (len(code), region.name)
        for code, region in parts.regions.at(parts.queries, parts.queries.position).at(today()).items()
        if region.name and len(code) <= _OFFERED_DIGITS
        if code.startswith(regions_of(parts.queries.scope))
    ]
    return [(name, initials(name)) for _, name in sorted(names, key=lambda each: each[0])[:_OFFERED_MAX]]


async def lead_to_code(request: Request) -> None:
    """Lead on from a division's name, or its initials, in `region` to its code.

    Raises:
        HTTPException: 303, to the same address with the code.
        Problem: 400, no division or several are meant.
    """
    words = request.query_params.get("region", "").strip()
    if not words or words.isdecimal():
        return
    parts = parts_of(request)
    as_of = request.query_params.get("as_of")
    day = read_date("as_of", as_of) if as_of else today()
    regions = await run_in_threadpool(parts.regions.at, parts.queries, parts.queries.position)
    found = find_places(regions, day, words)
    place = the_place(found, words)
    if place is not None:
        addresses = Addresses(request.url.path, request.query_params)
        raise HTTPException(303, headers={"location": addresses.here({"region": place.region})})
    if not found:
        rule = "no division is called so on the day; write a name, its initials, or a code"
        raise invalid("query.region", words, "place_unknown", rule)
    named = ", ".join(" ".join((*each.above[-1:], each.name, each.region)) for each in found[:_NAMED_MAX])
    raise invalid("query.region", words, "place_ambiguous", f"several divisions are called so: {named}")
