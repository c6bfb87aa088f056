"""A short story: three organizations, covered at a deadline, and what is learned of them after it."""

from typing import Any

from tests.fact_data import ECONOMIC, SOCIAL
from tests.fix_service import Service

MARKET, PARTY, OFFICE = "/registry/market", "/registry/party", "/office"
DAY = "2024-12-31"


def event(id_: str, name: str, source: str, on: str | None, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {
        "specversion": "1.0", "id": id_, "source": source, "type": f"taizhang.{name}.v1",
        "time": f"{on or '2025-02-01'}T09:00:00+08:00",
        "data": data if on is None else {"effective_on": on, **data},
    }  # fmt: skip


def registered(id_: str, org: str, region: str, employees: int) -> dict[str, Any]:
    kind = "new_social" if org in SOCIAL else "new_economic" if org in ECONOMIC else "new_employment_group"
    category = {"new_social": "association", "new_economic": "private_enterprise"}.get(kind, "courier")
    return event(
        id_, "organization.registered", MARKET, "2024-01-05",
        org=org, kind=kind, category=category, name="甲", region=region, employees=employees,
    )  # fmt: skip


STORY = [
    registered("r1", ECONOMIC[0], "510104", 60),
    registered("r2", ECONOMIC[1], "510104", 10),
    registered("r3", SOCIAL[0], "510105", 5),
    event("b1", "branch.formed", PARTY, "2024-12-01", branch="branch:a", name="支部", tier="branch",
          formation="joint", region="510104", covers=[ECONOMIC[0], ECONOMIC[1]]),
    # Learned after the deadline:
    event("x1", "organization.excluded", MARKET, "2024-12-20", org=SOCIAL[0], reason="not_operating"),
    event("w1", "event.retracted", PARTY, None, retracts={"source": PARTY, "id": "b1"}, reason="annulled"),
    event("b2", "branch.formed", PARTY, "2025-01-10", branch="branch:b", name="支部", tier="branch",
          formation="standalone", region="510104", covers=[ECONOMIC[0]]),
]  # fmt: skip


def tell(service: Service) -> None:
    """Publish the story into an empty log, and wait until it can be asked for."""
    positions = [result["position"] for result in service.publish(STORY)]
    assert positions == list(range(1, 8))
    service.get("/v1/rates", min_position=7)
