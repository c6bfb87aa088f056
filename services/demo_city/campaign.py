"""The campaign of the launch speech, as events of the office that runs it."""

from collections.abc import Iterator
from typing import Final

import orjson

from services.demo_city.chance import CAMPAIGN, DAY_SECONDS, DEADLINE, END, instant, iso
from services.demo_city.dirt import Line
from services.demo_city.facts import OFFICE, Data

NAME: Final = "campaign:2024-coverage"
_MORNING_S: Final = 9 * 3600
# target, rate, kind, value, due, who answers for it.
_TARGETS: Final = (
    ("economic", "organization_coverage", "new_economic", "0.7000", DEADLINE, "office:economic-organizations"),
    ("social", "organization_coverage", "new_social", "0.8000", DEADLINE, "office:social-organizations"),
    ("work", "work_coverage", None, "1.0000", DEADLINE, "office:liaison"),
    ("eligible", "eligible_coverage", None, "1.0000", END, "office:organization-department"),
)


def lines() -> Iterator[Line]:
    """Opened with its four targets on the first working day, closed on the last day. No dirt: an office is careful."""
    opened: Data = {"name": "两新组织党建集中攻坚行动", "office": "office:organization-department"}
    told: list[tuple[int, str, Data]] = [(CAMPAIGN, "opened", opened)]
    for target, rate, kind, value, due, office in _TARGETS:
        data: Data = {
            "target": target, "rate": rate, "comparator": "at_least", "value": value, "due_on": iso(due),
            "office": office,
        }  # fmt: skip
        told.append((CAMPAIGN, "target_set", data if kind is None else {**data, "kind": kind}))
    told.append((END, "closed", {"reason": "攻坚行动期满"}))
    for number, (day, name, data) in enumerate(told):
        second = _MORNING_S + number
        message = {
            "specversion": "1.0", "id": f"campaign-{number + 1:03d}", "source": OFFICE,
            "type": f"taizhang.campaign.{name}.v1", "time": instant(day, second), "subject": NAME,
            "data": {"effective_on": iso(day), "campaign": NAME, **data},
        }  # fmt: skip
        yield day * DAY_SECONDS + second + 1, orjson.dumps(message)
