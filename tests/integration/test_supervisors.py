"""What registries write as supervisor, and the bodies that a person says are meant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.access.api_keys import add_key
from services.access.callers import ROLES
from services.fieldwork.supervisors import key_of
from tests.fix_service import Service, new_database, shell
from tests.sending import envelope

DAY = "2024-06-30"
# So long that the names of one test are not like those of another.
MARKS = iter("子丑寅卯辰巳午未申酉戌亥")
HERE, THERE = "880107", "880102"
_TEXTS = {
    "g-1": (HERE, "高朗区民政局"), "g-2": (HERE, "高朗区 民政局"), "g-3": (HERE, "高朗區民政局"),
    "g-4": (HERE, "民政局"), "g-5": (THERE, "民政局"), "g-6": (HERE, "（无）"), "g-7": (HERE, None),
    "g-8": (HERE, "高朗区社会局"), "g-9": (HERE, "天外楼"),
}  # fmt: skip


def registered(org: str, region: str, supervisor: str | None, day: str = "2024-01-02") -> dict[str, Any]:
    data = {
        "effective_on": day, "org": f"group:{org}", "kind": "new_employment_group", "category": "other_group",
        "name": f"站点{org}", "region": region, **({} if supervisor is None else {"supervisor": supervisor}),
    }  # fmt: skip
    return envelope(f"r-{org}", "organization.registered", data)


def said(id_: str, type_: str, day: str, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(id_, type_, {"effective_on": day, **data})


def body(name: str, title: str, kind: str = "supervising_unit") -> dict[str, Any]:
    return said(f"b-{name}", "body.created", "2024-01-01", body=f"body:{name}", kind=kind, name=title)


class World:
    """Organizations, texts and bodies of one test, in a service that all share: its mark stands in every name."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.mark = next(MARKS) * 8
        events = [
            *(registered(f"{org}-{ord(self.mark[0])}", region, text and self.named(text))
              for org, (region, text) in _TEXTS.items()),
            *(body(self.id(name), self.named(title)) for name, title in
              (("here", "高朗区民政局"), ("there", "涧西区民政局"), ("old", "高朗区社会局"))),
            body(self.id("park"), self.named("高朗区民政局"), "park"),
            said(f"renamed-{self.mark}", "body.changed", "2024-02-01", body=self.body("old"),
                 name=self.named("高朗区社会工作部")),
        ]  # fmt: skip
        self.known_at = self.publish(*events)
        self.first = self.known_at - len(events) + 1

    def named(self, text: str) -> str:
        """The mark after the county, so that the county still stands first."""
        return text.replace("民政局", f"{self.mark}民政局") if "民政局" in text else f"{text}{self.mark}"

    def id(self, name: str) -> str:
        return f"{name}-{ord(self.mark[0])}"

    def body(self, name: str) -> str:
        return f"body:{self.id(name)}"

    def publish(self, *events: dict[str, Any]) -> int:
        results = self.service.publish(list(events))
        assert {each["disposition"] for each in results} == {"accepted"}, results
        return max(int(each["position"]) for each in results)

    def listed(self, **asked: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - query parameters
        """The texts of this test without its mark."""
        given = {"as_of": DAY, "min_position": self.known_at, "limit": 1000} | asked
        answer = self.service.get("/v1/supervisors", **given)
        return {
            key_of(each["text"]).replace(self.mark, ""): each
            for each in answer["supervisors"]
            if self.mark in each["text"]
        }

    def decide(self, text: str, meant: str | None, **more: Any) -> httpx.Response:  # noqa: ANN401 - of the body
        given = {"text": self.named(text), "body": meant and self.body(meant), "as_of": DAY} | more
        return self.service.http.post("/v1/supervisors", json=given, params={"min_position": self.known_at})

    def answers_to(self, org: str, position: int, **asked: Any) -> str | None:  # noqa: ANN401 - query parameters
        given = {"as_of": DAY, "min_position": position} | asked
        found = self.service.get(f"/v1/organizations/group:{self.id(org)}", **given)
        told: str | None = found["row"]["bodies"]["supervising_unit"]
        return told and told.removeprefix("body:").partition("-")[0]

    def candidates(self, each: dict[str, Any]) -> list[tuple[str, int]]:
        return [(at["body"].removeprefix("body:").partition("-")[0], at["placed"]) for at in each["candidates"]]


@pytest.fixture(scope="module")
def shared(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("supervisors"), "--dev", database_url=new_database(postgres)) as running:
        running.publish([said("region", "region.created", "2024-01-01", region=HERE, name="高朗区")])
        yield running


@pytest.fixture
def world(shared: Service) -> World:
    return World(shared)


def test_ways_of_writing_are_one_text_and_candidates_are_by_name_old_names_and_county(world: World) -> None:
    found = world.listed()
    assert {key: (each["organizations"], each["open"]) for key, each in found.items()} == {
        "高朗区民政局": (3, 3), "民政局": (2, 2), "无": (1, 1), "高朗区社会局": (1, 1), "天外楼": (1, 1),
    }  # fmt: skip
    own = found["高朗区民政局"]
    assert sorted(own["written"]) == sorted(map(world.named, ("高朗区 民政局", "高朗区民政局", "高朗區民政局")))
    assert (world.candidates(own)[0], own["candidates"][0]["score"]) == (("here", 0), 100.0)
    # A text without a place may mean that of any county, and more of the county that is asked for.
    assert [(at["body"], at["score"]) for at in found["民政局"]["candidates"][:2]] == [
        (world.body("here"), 90.0), (world.body("there"), 90.0),
    ]  # fmt: skip
    here = world.listed(region=HERE)["民政局"]
    assert (here["organizations"], here["candidates"][0]["body"], here["candidates"][0]["score"]) == (
        1, world.body("here"), 95.0,
    )  # fmt: skip
    # By the name that it had before; a body of another kind is none.
    old = found["高朗区社会局"]["candidates"][0]
    assert (old["body"], old["name"], old["score"]) == (world.body("old"), world.named("高朗区社会工作部"), 100.0)
    assert world.candidates(world.listed(kind="park")["高朗区民政局"])[0] == ("park", 0)
    # Before it was registered nobody had the text.
    assert world.listed(as_of="2024-01-01") == {}
    assert world.listed(known_at=world.first).keys() == {"高朗区民政局"}


def test_a_decision_places_who_is_open_and_who_comes_later_is_open_again(world: World) -> None:
    made = world.decide("高朗区民政局", "here")
    assert made.status_code == 201, made.text
    position = made.json()["position"]
    assert made.json()["placed"] == 3
    assert [world.answers_to(f"g-{n}", position) for n in (1, 2, 3, 4)] == ["here"] * 3 + [None]
    # On both clocks: not the day before, and not as known before.
    assert world.answers_to("g-1", position, as_of="2024-06-29") is None
    assert world.answers_to("g-1", position, known_at=world.known_at) is None
    assert world.listed(known_at=world.known_at)["高朗区民政局"]["open"] == 3
    event = world.service.get(f"/v1/events/{position}")
    assert (event["type"], event["source"]) == ("taizhang.organization.placed.v1", "/office/bodies")
    late = world.publish(registered(world.id("g-10"), HERE, world.named("高朗区民政局"), "2024-05-01"))
    again = world.listed(min_position=late)["高朗区民政局"]
    assert (again["organizations"], again["open"], world.candidates(again)[0]) == (4, 1, ("here", 3))
    assert world.answers_to("g-10", late) is None
    # Only if a person says so again.
    second = world.decide("高朗区民政局", "here")
    assert second.json()["placed"] == 1
    assert world.answers_to("g-10", second.json()["position"]) == "here"
    assert world.decide("高朗区民政局", "here", known_at=str(second.json()["position"])).status_code == 404


def test_a_text_may_mean_none_and_a_county_s_text_its_own_body(world: World) -> None:
    first = world.decide("（无）", None)
    position = world.decide("民政局", "here", region=HERE).json()["position"]
    assert first.json()["placed"] == 1
    found = world.listed(min_position=position)
    assert (found["无"]["open"], found["无"]["none"]) == (0, 1)
    assert (found["民政局"]["open"], world.candidates(found["民政局"])[:2]) == (1, [("here", 1), ("there", 0)])
    assert [world.answers_to(f"g-{n}", position) for n in (4, 5, 6)] == ["here", None, "none"]


def test_what_cannot_be_is_refused_with_its_rule(world: World) -> None:
    for meant, rule in (("never", "does not exist"), ("park", "kind park")):
        refused = world.decide("民政局", meant)
        assert refused.status_code == 400
        assert rule in refused.json()["detail"]
    missing = world.decide("没有这个", "here")
    assert (missing.status_code, "GET /v1/supervisors" in missing.json()["detail"]) == (404, True)
    assert world.decide("民政局", "old", region="x").status_code == 400
    assert world.listed()["民政局"]["open"] == 2


def test_a_decision_on_a_state_that_is_no_more_is_refused_whole(world: World) -> None:
    """Whether the projector has come to the other word or not, the log has it."""
    known_at = str(world.known_at)
    moved = world.publish(said(world.id("p"), "organization.placed", DAY, org=f"group:{world.id('g-2')}",
                               body=world.body("old")))  # fmt: skip
    refused = world.decide("高朗区民政局", "here", known_at=known_at)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "came-since")
    assert [world.answers_to(f"g-{n}", moved) for n in (1, 2, 3)] == [None, "old", None]
    # Of a body that was closed since, too; what is said of others is no hindrance.
    world.publish(said(world.id("c"), "body.closed", "2024-06-01", body=world.body("there")))
    assert world.decide("民政局", "there", known_at=str(moved)).status_code == 409
    kept = world.decide("天外楼", "old", known_at=known_at)
    assert kept.status_code == 201, kept.text


def test_of_two_contrary_decisions_on_one_state_one_stands(world: World) -> None:
    first, second = (world.decide("民政局", each, known_at=str(world.known_at)) for each in ("here", "there"))
    assert (first.status_code, second.status_code) == (201, 409)
    assert world.answers_to("g-4", first.json()["position"]) == "here"


def test_whoever_is_limited_to_a_county_sees_and_places_its_own(postgres: str, tmp_path: Path) -> None:
    with Service(tmp_path, database_url=new_database(postgres)) as service:
        file = tmp_path / "data" / "api-keys.json"

        def key(name: str, role: str, regions: tuple[str, ...] | None = None) -> dict[str, str]:
            return {"authorization": f"Bearer {add_key(file, name, frozenset({role}), None, regions)}"}

        city, county, reader = key("city", "steward"), key("county", "publisher", (HERE,)), key("reader", "inspector")
        all_roles = {"authorization": f"Bearer {add_key(file, 'all', frozenset(ROLES), None)}"}
        service.http.headers.update(city)
        world = World(service)
        service.http.headers.update(county)
        assert world.listed()["民政局"]["organizations"] == 1
        made = world.decide("民政局", "here")
        assert (made.status_code, made.json().get("placed")) == (201, 1), made.text
        service.http.headers.update(all_roles)
        assert [world.answers_to(each, made.json()["position"]) for each in ("g-4", "g-5")] == ["here", None]
        service.http.headers.update(reader)
        assert service.http.get("/v1/supervisors").status_code == 403


def test_the_shell_lists_and_places(world: World) -> None:
    shown = shell("supervisors", "--as-of", DAY, "--region", HERE, url=world.service.url)
    assert f"{world.body('here')} (100.0, 0)" in shown.stdout, shown.stderr

    def placed(text: str, meant: str) -> int:
        made = shell("place-supervised", world.named(text), meant, "--as-of", DAY, url=world.service.url)
        assert made.returncode == 0, made.stderr
        return int(made.stdout.rsplit(maxsplit=1)[-1])

    assert world.answers_to("g-3", placed("高朗区民政局", world.body("here"))) == "here"
    assert world.answers_to("g-6", placed("无", "none")) == "none"


def test_a_page_shows_and_decides(world: World) -> None:
    asked = {"as_of": DAY, "lang": "en", "limit": "500", "min_position": str(world.known_at)}
    page = world.service.http.get("/daily/supervisors", params=asked)
    assert page.status_code == 200
    assert world.named("高朗区社会工作部") in page.text
    token = page.text.split('name="token" value="', 1)[1].split('"', 1)[0]
    form = {"token": token, "known_at": str(world.known_at), "text": world.named("高朗区社会局"),
            "body": world.body("old"), "source": "/office/bodies"}  # fmt: skip
    sent = world.service.http.post("/daily/supervisors", params={"as_of": DAY}, data=form)
    assert sent.status_code == 303, sent.text
    assert world.service.http.get(sent.headers["location"]).status_code == 200
    position = int(sent.headers["location"].rsplit("min_position=", 1)[1].split("&", 1)[0])
    assert world.answers_to("g-8", position) == "old"
    wrong = world.service.http.post("/daily/supervisors", params={"as_of": DAY}, data={**form, "body": "no body"})
    assert wrong.status_code == 400


def test_a_text_keeps_what_tells_two_apart() -> None:
    assert key_of(" 高朗區（民政局） ") == key_of("高朗区民政局")
    assert key_of("高朗区第一中学") != key_of("高朗区第二中学")
    assert key_of("某公司高朗分公司") != key_of("某公司")
