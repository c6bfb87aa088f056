"""The city's divisions as events: all of them at the opening, and what changed after the history's end."""

from collections.abc import Iterator
from typing import Final

import orjson

from services.demo_city.chance import DAY_SECONDS, END, OPENING, instant, iso, stream
from services.demo_city.county import County
from services.demo_city.daily import messages
from services.demo_city.dirt import Line
from services.demo_city.facts import MARKET, Data
from services.demo_city.places import PLACES, TOWNSHIPS

MERGED: Final = "880127"
INTO: Final = "880126"
MERGED_ON: Final = END + 1
RENAMED: Final = "880122"
# A township's last three digits in the county that it comes to: ten on, so that none stands twice there.
_SHIFT: Final = 10
_RECODED: Final = 0.33
_MORNING_S: Final = 9 * 3600


def new_code(township: str) -> str:
    """The code of a township of the merged county in the county that it comes to."""
    return f"{INTO}{int(township[6:]) + _SHIFT:03d}"


def lines() -> Iterator[Line]:
    """Every division is created at the opening; on 2025-07-01 one county is merged into another, one is renamed."""
    told: list[tuple[int, str, Data]] = [
        (OPENING, "region.created", {"region": place.code, "name": place.zh, "name_en": place.en})
        for place in PLACES.values()
    ]
    children = {township.code: new_code(township.code) for township in TOWNSHIPS[MERGED]}
    told += [
        (MERGED_ON, "region.merged", {"region": MERGED, "into": INTO, "children": children}),
        (MERGED_ON, "region.renamed", {"region": RENAMED, "name": "云碓区", "name_en": "Yundui District"}),
    ]
    yield from messages("division", told)


def recoded(county: County, seed: int) -> Iterator[Line]:
    """A third of the merged county's firms get their new code from the registry in the weeks after."""
    rng = stream(seed, MERGED, "recoded")
    for number, org in enumerate(county.economic):
        if org.deregistered is not None or rng.random() > _RECODED or len(org.region) < 9:
            continue
        on, second = MERGED_ON + 10 + number % 20, _MORNING_S + number % 10_000
        message = {
            "specversion": "1.0", "id": f"recoded-{number:05d}", "source": MARKET, "subject": org.org,
            "type": "taizhang.organization.changed.v1", "time": instant(on, second),
            "data": {
                "effective_on": iso(on), "org": org.org, "region": new_code(org.region[:9]) + org.region[9:],
            },
        }  # fmt: skip
        yield on * DAY_SECONDS + second + 1, orjson.dumps(message)
