"""Two counties in one ledger, and a service that asks for keys: who holds which sees which county."""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.access.api_keys import add_key
from services.access.callers import ROLES
from tests.fix_service import BATCH, Service, new_database
from tests.sending import envelope

# Every organization, place and name of the other county holds one of these marks, which nothing of this one does.
HERE, THERE = "990101", "990202"
# By county the park that all of it answers to, below an area. Which bodies there are is no secret.
PARKS = {HERE: "body:park-1", THERE: "body:park-2"}
AREAS = {HERE: "body:area-1", THERE: "body:area-2"}
MARKS = ("group:there-", "彼处", THERE)
SOURCE = "/registry/counties"
ORGS = {county: [f"group:{name}-{n}" for n in range(8)] for county, name in ((HERE, "here"), (THERE, "there"))}
MOVED = "group:moved-1"


@dataclass(frozen=True)
class Counties:
    """The service, and the headers that each caller sends: by role, and `here` for one limited to its county."""

    service: Service
    keys: Mapping[str, dict[str, str]]
    database: str

    def ask(self, caller: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        method = arguments.pop("method", "GET")
        return self.service.http.request(method, path, headers=self.keys[caller], **arguments)


def _registered(org: str, county: str, day: str, name: str) -> dict[str, Any]:
    return {
        "effective_on": day, "org": org, "kind": "new_employment_group", "category": "courier", "name": name,
        "region": f"{county}001", "employees": 7, "supervisor": f"{name[:2]}主管",
    }  # fmt: skip


def _placed(org: str, county: str, day: str) -> tuple[str, dict[str, Any]]:
    return "organization.placed", {"effective_on": day, "org": org, "body": PARKS[county]}


def history(rng: random.Random) -> list[dict[str, Any]]:
    """Facts of both counties in one order, among them some that name organizations of both."""
    told: list[tuple[str, dict[str, Any]]] = []
    for county, orgs in ORGS.items():
        name = "此处" if county == HERE else "彼处"
        own: list[tuple[str, dict[str, Any]]] = []
        for n, org in enumerate(orgs):
            own.append(("organization.registered", _registered(org, county, f"2024-01-{n + 1:02}", f"{name}{n}")))
            own.append(_placed(org, county, f"2024-01-{n + 1:02}"))
            member = f"member:{county[3:]}-{n}"
            own.append(
                ("member.enrolled", {"effective_on": "2024-02-01", "member": member, "standing": "full", "org": org})
            )
            own.append(
                (
                    "member.standing_changed",
                    {"effective_on": "2024-02-02", "member": member, "standing": "probationary"},
                )
            )
            # A contradiction, so that there are anomalies.
            own.append(
                ("member.enrolled", {"effective_on": "2024-02-03", "member": member, "standing": "full", "org": org})
            )
        own.append(
            (
                "branch.formed",
                {
                    "effective_on": "2024-03-01", "branch": f"branch:{county}", "name": f"{name}支部", "tier": "branch",
                    "formation": "joint", "region": county, "covers": orgs[:3],
                },
            )
        )  # fmt: skip
        own.append(("organization.deregistered", {"effective_on": "2024-05-01", "org": orgs[7], "reason": "dissolved"}))
        told += own
        told += [
            ("body.created", {"effective_on": "2023-01-01", "body": body, "kind": "park", "name": "园", **above})
            for body, above in ((AREAS[county], {}), (PARKS[county], {"parent": AREAS[county]}))
        ]
    here, there = ORGS[HERE], ORGS[THERE]
    both: list[tuple[str, dict[str, Any]]] = [
        ("branch.formed", {
            "effective_on": "2024-03-02", "branch": "branch:both", "name": "两处支部", "tier": "branch",
            "formation": "joint", "region": "9901", "covers": [here[4], there[4]],
        }),
        ("member.transferred", {
            "effective_on": "2024-04-01", "member": f"member:{THERE[3:]}-5", "from_org": there[5], "to_org": here[5],
        }),
        ("organization.registered", _registered(MOVED, THERE, "2024-01-01", "彼处来")),
        ("organization.changed", {"effective_on": "2024-06-01", "org": MOVED, "region": f"{HERE}002", "name": "迁来",
                                  "supervisor": "此处主管"}),
        _placed(MOVED, THERE, "2024-01-01"), _placed(MOVED, HERE, "2024-06-01"),
    ]  # fmt: skip
    told += both
    rng.shuffle(told)
    # Both counties' offices have scored themselves.
    item = {"item": "a", "title": "覆盖", "worth": "100", "rate": "work_coverage", "zero_at": "0", "full_at": "1"}
    told.append(
        ("score_sheet.adopted", {"effective_on": "2023-01-01", "name": "s", "title": "考核表", "items": [item]})
    )
    told += [
        ("score.reported", {"effective_on": "2024-01-01", "name": "s", "office": f"office:{county}", "region": county,
                            "points": {"a": points}})
        for county, points in ((HERE, "61.7"), (THERE, "73.9"))
    ]  # fmt: skip
    return [envelope(f"c{n}", name, data, SOURCE) for n, (name, data) in enumerate(told)]


@pytest.fixture(scope="session")
def counties(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counties]:
    """Both counties' service on the embedded server's database."""
    with two_counties(tmp_path_factory.mktemp("counties"), new_database(postgres)) as made:
        yield made


@contextmanager
def two_counties(folder: Path, database: str) -> Iterator[Counties]:
    """Both counties' service on an empty database."""
    file = folder / "data" / "api-keys.json"
    every = ("publisher", "steward", "inspector", "assessment", "operator")

    def key(name: str, roles: tuple[str, ...], regions: tuple[str, ...] | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {add_key(file, name, frozenset(roles), None, regions)}"}

    keys: dict[str, dict[str, str]] = {str(role): key(role, (role,)) for role in ROLES}
    keys |= {f"{role} here": key(f"{role}-here", (role,), (HERE,)) for role in ROLES}
    keys |= {"here": key("here", every, (HERE,)), "there": key("there", every, (THERE,)), "all": key("all", every)}
    keys["township"] = key("township", every, (f"{HERE}001",))
    with Service(folder, database_url=database) as service:
        made = Counties(service, keys, database)
        events = history(random.Random(8))
        headers = keys["all"] | {"content-type": BATCH}
        answer = service.http.post("/v1/events", content=json.dumps(events), headers=headers)
        results = answer.json()["results"]
        assert {each["disposition"] for each in results} == {"accepted"}, results
        given = {"holder": "near", "roles": list(every), "bodies": [AREAS[HERE]]}
        granted = service.http.post("/v1/access", json=given, headers=keys["administrator"]).json()
        keys["by body"] = {"authorization": f"Bearer {granted['key']}"}
        last = granted["position"]
        assert made.ask("all", "/v1/rates", params={"min_position": last}).status_code == 200
        yield made
