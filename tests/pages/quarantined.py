"""Messages that break a rule, for the pages of intake: what each sort of fault looks like."""

import json
from typing import Any, Final

from tests.fix_service import BATCH, SINGLE, Service

SOURCE: Final = "/registry/old-system"
# Effective after every date that the other tests look at.
DAY: Final = "2026-06-01"
HELD: Final = 3
"""So many whole events are held up by the form they were sent in; a redrive waives that."""


def registered(number: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A group's registration, with other data."""
    data = {
        "org": f"group:held-{number}", "kind": "new_employment_group", "category": "courier", "name": f"城西{number}站",
        "region": "880107", "effective_on": DAY,
    }  # fmt: skip
    return {
        "specversion": "1.0", "id": f"held-{number}", "source": SOURCE, "time": f"{DAY}T09:00:00+08:00",
        "type": "taizhang.organization.registered.v1", "data": {**data, **other},
    }  # fmt: skip


def set_aside(service: Service) -> None:
    """Send them: 1 is not UTF-8, 2 has letters that do not show, 3 to 5 are refused by one rule, the last are held."""
    bodies = [(json.dumps(registered("gb"), ensure_ascii=False).encode("gb18030"), SINGLE)]
    bodies.append((json.dumps(registered("mark", nmae="\u202e<b>倒写</b>"), ensure_ascii=False).encode(), SINGLE))
    bodies += [(json.dumps(registered(f"day-{n}", effective_on="2026-6-1")).encode(), SINGLE) for n in range(3)]
    bodies += [(json.dumps(registered(str(n))).encode(), BATCH) for n in range(HELD)]
    for body, kind in bodies:
        answer = service.http.post("/v1/events", content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 400), answer.text
