"""What crosses the counties' borders: members who change places, branches of a trade over firms of several counties.

Every figure of a county stays as it is: two full members change places on one day, and a branch of a trade covers firms
that a joint branch of their own county covers too.
"""

from collections.abc import Iterator
from typing import Final

from services.demo_city.chance import DEADLINE, day
from services.demo_city.county import County
from services.demo_city.daily import messages
from services.demo_city.dirt import Line
from services.demo_city.facts import Data
from services.demo_city.living import Watch
from services.demo_city.places import CITY

MOVED_ON: Final = day("2025-02-17")
FORMED_ON: Final = day("2025-03-03")
TRADES: Final = (("branch:trade-commerce", "电子商务行业联合党支部"), ("branch:trade-design", "设计服务行业联合党支部"))
# Of each county so many members who stay where they are; of each trade so many counties.
_MEMBERS: Final = 8
_COUNTIES: Final = 5


class Borders:
    """What the counties have to give: some members with their firms, and a firm under a joint branch, of each."""

    def __init__(self) -> None:
        self._members: list[list[tuple[str, str]]] = []
        self._firms: list[str] = []

    def seen(self, county: County, watch: Watch) -> None:
        """Take what a county has, once its facts have passed."""
        self._members.append(county.at_home[:_MEMBERS])
        self._firms += [
            org.org
            for org in county.workplaces
            if org.org in watch.joint
            and org.story is None
            and org.deregistered is None
            and not org.excluded
            and not org.eligible
            and [start <= DEADLINE and end is None for start, end in org.covered] == [True]
        ][:1]

    def lines(self) -> Iterator[Line]:
        """No dirt: the department arranges both itself."""
        told: list[tuple[int, str, Data]] = []
        for here, there in zip(self._members[::2], self._members[1::2], strict=False):
            for (one, left), (other, right) in zip(here, there, strict=False):
                told.append((MOVED_ON, "member.transferred", {"member": one, "from_org": left, "to_org": right}))
                told.append((MOVED_ON, "member.transferred", {"member": other, "from_org": right, "to_org": left}))
        for number, (branch, name) in enumerate(TRADES):
            covers = self._firms[number * _COUNTIES : (number + 1) * _COUNTIES]
            formed: Data = {
                "branch": branch, "name": f"{CITY.zh}{name}", "tier": "branch", "formation": "joint",
                "region": CITY.code, "covers": covers,
            }  # fmt: skip
            told.append((FORMED_ON, "branch.formed", formed))
        yield from messages("across", told)
