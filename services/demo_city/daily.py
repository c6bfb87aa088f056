"""The offices' daily work after the launch: deadlines, who answers for them, and the park's rectification."""

from collections.abc import Iterator
from typing import Final

import orjson

from services.demo_city.chance import CAMPAIGN, DAY_SECONDS, DEADLINE, FORMATION_DAYS, day, instant, iso
from services.demo_city.dirt import Line
from services.demo_city.facts import OFFICE, Data
from services.demo_city.places import COUNTIES
from services.demo_city.plan import PARK_COUNTY
from services.demo_city.stories import PARK_BRANCH

_NOON_S: Final = 12 * 3600
RECTIFIED_FROM: Final = day("2024-10-21")
RECTIFICATION: Final = "rectification:880107-park"


def lines() -> Iterator[Line]:
    """No dirt: an office is careful. A branch is due 90 days after eligibility and not before the deadline."""
    told: list[tuple[int, str, Data]] = [
        (CAMPAIGN, "measure.deadlines_adopted",
         {"not_before": iso(DEADLINE), "establish_days": FORMATION_DAYS, "establish_large_days": FORMATION_DAYS}),
    ]  # fmt: skip
    told += [
        (CAMPAIGN, "measure.assigned", {"office": f"office:county-{county.code}", "region": county.code})
        for county in COUNTIES
    ]
    told.append(
        (RECTIFIED_FROM, "rectification.opened",
         {"rectification": RECTIFICATION, "branch": PARK_BRANCH, "grounds": ["could_stand_alone"],
          "plan": "对已具备条件的8家企业单独组建党支部, 联合党委继续覆盖其余企业", "due_on": "2025-06-30",
          "office": f"office:county-{PARK_COUNTY}"})
    )  # fmt: skip
    yield from messages("daily", told)


def messages(prefix: str, told: list[tuple[int, str, Data]]) -> Iterator[Line]:
    """What the department says, each on its day at noon, one second after the other."""
    for number, (on, name, data) in enumerate(told):
        second = _NOON_S + number % 20_000
        message = {
            "specversion": "1.0", "id": f"{prefix}-{number + 1:05d}", "source": OFFICE,
            "type": f"taizhang.{name}.v1", "time": instant(on, second), "data": {"effective_on": iso(on), **data},
        }  # fmt: skip
        yield on * DAY_SECONDS + second + 1, orjson.dumps(message)
