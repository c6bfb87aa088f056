"""Who answers for whom in the city: supervising units, parks, platforms, trade committees; and the bases of rates.

The department enters them itself, so there is no dirt; with a random stream of their own, they leave every other figure
as it is. A county's bureaus stand under the city's; of the parks the logistics park closes in spring 2025.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city.chance import OPENING, day, stream
from services.demo_city.county import County
from services.demo_city.daily import messages
from services.demo_city.dirt import Line
from services.demo_city.facts import Data
from services.demo_city.organization import Organization
from services.demo_city.places import CITY, PLACES
from services.demo_city.plan import COURIER_COUNTY, PARK_COUNTY
from services.demo_city.stories import COURIER_BRANCH, COURIER_FORMED, PARK_BRANCH, PARK_FORMED
from services.demo_city.trades import SUPERVISORS

PARKS: Final = "body:parks-880107"
INDUSTRY_PARK: Final = "body:park-industry"
SOFTWARE_PARK: Final = "body:park-software"
LOGISTICS_PARK: Final = "body:park-logistics"
DELIVERY: Final = "body:platform-delivery"
RIDES: Final = "body:platform-rides"
CLOSED_ON: Final = day("2025-04-01")
MOVED_ON: Final = day("2024-06-03")
_PLATFORM_OF: Final = {"courier": DELIVERY, "food_delivery": DELIVERY, "ride_hailing": RIDES}
# Of the firms of the district those in its three parks; and of those in the software park who moved to the first.
_IN_PARKS: Final = 0.24
_MOVED: Final = 0.05
# Of social organizations without a supervising unit those that are registered directly.
_DIRECTLY: Final = 0.6
_ENTERPRISES: Final = ["private_enterprise", "hmt_enterprise", "foreign_enterprise"]
_SOCIAL: Final = ["association", "foundation", "service_institution", "law_firm", "accounting_firm", "tax_agent_firm"]
_ALL_FORMATIONS: Final = ["standalone", "joint", "affiliated"]

Saying = tuple[int, str, Data]
Told = list[Saying]


def _basis(
    name: str, title: str, categories: list[str], formations: list[str], **more: object
) -> tuple[int, str, Data]:
    data: Data = {
        "name": name, "title": title, "categories": categories, "legal_persons_only": False, "employees_min": None,
        "formations_counted": formations,
    }  # fmt: skip
    return OPENING, "basis.adopted", data | more


BASES: Final = (
    _basis("legal_units", "法人单位口径", [*_ENTERPRISES, *_SOCIAL], ["standalone", "joint"], legal_persons_only=True),
    _basis("without_sole_proprietors", "不含个体工商户", [*_ENTERPRISES, *_SOCIAL], _ALL_FORMATIONS),
    _basis("large", "50 人以上", [*_ENTERPRISES, "sole_proprietor", *_SOCIAL], _ALL_FORMATIONS, employees_min=50),
)


def lines() -> Iterator[Line]:
    """The bases, the bodies of the whole city, the parks and platforms, two trade committees."""
    told: Told = [
        *BASES,
        *(_created(_bureau(n, CITY.code), "supervising_unit", f"{CITY.zh}{s}") for n, s in enumerate(SUPERVISORS)),
        _created(PARKS, "park", "高朗区园区管理委员会"),
        _created(INDUSTRY_PARK, "park", "高朗产业园", PARKS),
        _created(SOFTWARE_PARK, "park", "高朗软件园", PARKS),
        _created(LOGISTICS_PARK, "park", "高朗物流园", PARKS),
        _created(DELIVERY, "platform", "青梭配送"),
        _created(RIDES, "platform", "驰岚出行"),
        (CLOSED_ON, "body.closed", {"body": LOGISTICS_PARK}),
        *_committee("branch:trade-industry", "高朗区产业园区行业党委", PARK_COUNTY, PARK_BRANCH, PARK_FORMED),
        *_committee("branch:trade-delivery", "快递行业党委", COURIER_COUNTY, COURIER_BRANCH, COURIER_FORMED),
    ]
    yield from messages("body", told)


def _committee(branch: str, name: str, region: str, below: str, formed_on: int) -> Told:
    """A committee of a trade, which covers nothing by itself; a branch comes under it a month after that is formed."""
    formed: Data = {
        "branch": branch, "name": name, "tier": "committee", "formation": "joint", "region": region, "covers": [],
    }  # fmt: skip
    return [
        (OPENING, "branch.formed", formed),
        (formed_on + 30, "branch.changed", {"branch": below, "parent": branch}),
    ]


def _created(body: str, kind: str, name: str, parent: str | None = None) -> Saying:
    data: Data = {"body": body, "kind": kind, "name": name}
    return OPENING, "body.created", data if parent is None else {**data, "parent": parent}


def _bureau(number: int, code: str) -> str:
    return f"body:bureau-{code}-{number + 1:02d}"


def of_county(county: County, seed: int) -> Iterator[Line]:
    """The county's bureaus, and what its organizations answer to from the day after their registration on."""
    code, rng = county.plan.code, stream(seed, county.plan.code, "bodies")
    told: Told = [
        _created(_bureau(n, code), "supervising_unit", f"{PLACES[code].zh}{s}", _bureau(n, CITY.code))
        for n, s in enumerate(SUPERVISORS)
    ]
    for org in county.social:
        told += _supervised(rng, org, code)
    for org in county.groups:
        if org.category in _PLATFORM_OF:
            told += _placed(org, _PLATFORM_OF[org.category])
    if code == PARK_COUNTY:
        for org in (*county.economic, *county.internet):
            told += _in_parks(rng, org)
    yield from messages(f"body-{code}", told)


def _supervised(rng: random.Random, org: Organization, code: str) -> Told:
    directly = rng.random() < _DIRECTLY
    if org.supervisor is not None:
        number = SUPERVISORS.index(org.supervisor.removeprefix(PLACES[code].zh))
        return _placed(org, _bureau(number, code))
    none: Data = {"org": org.org, "body": None, "kind": "supervising_unit"}
    return [(org.registered + 1, "organization.placed", none)] if directly and org.last_day > org.registered else []


def _in_parks(rng: random.Random, org: Organization) -> Told:
    drawn, moves = rng.random(), rng.random() < _MOVED
    if org.story == "park":
        return _placed(org, INDUSTRY_PARK)
    if drawn >= _IN_PARKS:
        return []
    body = (INDUSTRY_PARK, SOFTWARE_PARK, LOGISTICS_PARK)[int(3 * drawn / _IN_PARKS)]
    if (org.industry or "").startswith("I"):
        body = SOFTWARE_PARK
    if body == LOGISTICS_PARK and org.registered >= CLOSED_ON - 1:
        body = INDUSTRY_PARK
    told = _placed(org, body)
    if body == SOFTWARE_PARK and moves and org.registered < MOVED_ON - 1 and org.active(MOVED_ON):
        told += _placed(org, INDUSTRY_PARK, MOVED_ON)
    if body == LOGISTICS_PARK and org.active(CLOSED_ON):
        told += _placed(org, INDUSTRY_PARK, CLOSED_ON)
    return told


def _placed(org: Organization, body: str, on: int | None = None) -> Told:
    day_ = org.registered + 1 if on is None else on
    return [(day_, "organization.placed", {"org": org.org, "body": body})] if day_ <= org.last_day else []
