"""Visits on phones in a real browser: without a network, with a service that dies, from a copy, by a wrong clock."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, expect

from services.access.api_keys import add_key
from tests.fix_service import BATCH, Service, new_database
from tests.pages.phones import OFFICE, SURVEY, VISITED, Phone, Visit, org_of, village
from tests.pages.surveyed import DAY, City, plain, told, visits_of
from tests.sending import envelope

pytestmark = pytest.mark.pages
# `make test-visits` has 500.
VISITS = int(os.environ.get("TAIZHANG_TEST_VISITS", "40"))
BY_HAND = Visit(VISITS)
BYTES_MAX = 150 * 1024


@pytest.fixture(scope="module")
def city(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Shared: what struck it last is over, and each test has phones and organizations of its own."""
    opened = City(tmp_path_factory.mktemp("city"), new_database(postgres))
    head = opened.service.publish(village(VISITS + 6))[-1]["position"]
    opened.service.get("/v1/rates", min_position=head)
    yield opened
    opened.end()


def test_visits_without_a_network_arrive_once_whatever_breaks(
    browser: Browser, city: City, postgres: str, tmp_path: Path
) -> None:
    halves = [
        [Visit(n, known=n % 20 != 7, employees=n % 9, there=n % 11 != 5) for n in range(VISITS) if n % 2 == half]
        for half in (0, 1)
    ]
    url = city.gateway.url
    with Phone(browser, tmp_path / "two", url, wrong_clock=True) as second:
        with Phone(browser, tmp_path / "one", url) as first:
            for phone in (first, second):
                phone.open()
                phone.keep()
                phone.take_list()
            # The clock that is wrong is put right by the service's: the form has today, not tomorrow.
            days = [_day(phone) for phone in (first, second)]
            assert days[0] == days[1]
            city.gateway.cut()
            for phone, visits in zip((first, second), halves, strict=True):
                phone.open()  # from what is kept: there is no network
                for visit in visits:
                    phone.enter(visit)
                assert phone.waits() == len(visits)
                expect(phone.tab.locator("#state")).to_contain_text("没有网络")
        shutil.copytree(tmp_path / "one", tmp_path / "copy", ignore=shutil.ignore_patterns("Singleton*"))
        city.gateway.moments = ["request", "answer"]
        city.gateway.open = True
        with Phone(browser, tmp_path / "one", url) as first, Phone(browser, tmp_path / "copy", url) as copy:
            for phone in (first, copy):
                phone.open()
            city.again()
            second.tab.evaluate("dispatchEvent(new Event('online'))")
            first.tab.evaluate("dispatchEvent(new Event('online'))")
            city.again()
            for phone in (first, copy, second):
                phone.tab.evaluate("dispatchEvent(new Event('online'))")
                phone.until_nothing_waits()
    made = visits_of(city.service)
    expected = [visit for half in halves for visit in half]
    assert len(made) == len({each["data"]["visit"] for each in made}) == len(expected)
    said = [{name: value for name, value in each["data"].items() if name != "visit"} for each in made]
    assert plain(said) == plain([visit.data() for visit in expected])
    twin = Service(tmp_path, "--dev", database_url=new_database(postgres))
    with twin:
        twin.publish(village(VISITS + 6))
        online = [envelope(each["id"], "visit.made", each["data"], OFFICE, subject=each["subject"]) for each in made]
        for each in online:
            twin.publish(each)
        # A sample is visited again, by the API in both: one of three finds otherwise, so accuracy has something to say.
        for service in (city.service, twin):
            head = service.publish(_again(made[:3]))[-1]["position"]
            service.get("/v1/rates", min_position=head)
        heads = [each.get("/v1/rates")["known_at"]["position"] for each in (city.service, twin)]
        account = {each["source"]: each for each in city.service.get("/v1/sources")["sources"]}[OFFICE]
        assert account["accepted"] == len(village(VISITS + 6)) + len(expected) + 3
        assert account["quarantined"] == 0
        assert account["received"] == account["accepted"] + account["duplicate"]
        assert account["duplicate"] >= len(halves[0]), "the copy sent all of the first phone's once more"
        assert told(city.service, heads[0]) == told(twin, heads[1])
        accuracy = {
            each["finding"]: each for each in city.service.get(f"/v1/surveys/{SURVEY}/accuracy", **DAY)["accuracy"]
        }
        assert (accuracy["owner"]["agreed"], accuracy["owner"]["revisited"]) == (2, 3)


def _again(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Visits made again: of the first the owner's finding is otherwise."""
    events = []
    for number, each in enumerate(made):
        findings = each["data"]["findings"]
        if number == 0:
            findings = {**findings, "owner": {"clear": not findings["owner"]["clear"]}}
        data = {
            **each["data"],
            "visit": f"visit:again-{number}",
            "revisits": each["data"]["visit"],
            "findings": findings,
        }
        events.append(envelope(f"again-{number}", "visit.made", data, OFFICE))
    return events


def _day(phone: Phone) -> str:
    phone.tab.locator("#found").click()
    expect(phone.tab.locator("#view-entry")).to_be_visible()
    day = phone.tab.locator("#on").input_value()
    phone.tab.locator("#leave").click()
    return day


def test_a_visit_is_entered_by_hand_and_is_the_event_that_the_form_makes(
    browser: Browser, city: City, tmp_path: Path
) -> None:
    with Phone(browser, tmp_path / "hand", city.gateway.url) as phone:
        tab = phone.tab
        phone.open("en")
        phone.keep()
        phone.take_list()
        tab.locator("#places summary", has_text="河东村").click()
        expect(tab.locator("#places h3").first).to_have_text("河口大厦")
        _sound(phone)
        tab.locator(".orgs button", has_text=BY_HAND.name).click()
        tab.get_by_label("Day of the visit").fill(VISITED)
        tab.get_by_label("Grid").fill("g-1")
        tab.get_by_role("button", name="Save").click()
        expect(tab.get_by_role("alert")).to_contain_text("Operation")
        _sound(phone)
        for group in tab.locator(".finding").all():
            group.get_by_label("Clear", exact=True).check()
        tab.get_by_label("Operation: Found").select_option("operating")
        tab.get_by_label("Employees: Found").fill("7")
        tab.get_by_label("Branch work: Found").select_option("none")
        tab.get_by_label("Problems: Found").select_option("few_members")
        assert tab.locator("[name='data.findings.owner.value']").count() == 0
        tab.get_by_role("button", name="Save").click()
        expect(tab.locator("#state")).to_contain_text("nothing waits")
        expect(tab.locator(".orgs button", has_text=BY_HAND.name)).to_contain_text(f"visited {VISITED}")
        tab.screenshot(path=tmp_path / "list.png")
    (made,) = [each for each in visits_of(city.service) if each["data"].get("org") == org_of(VISITS)]
    assert {**made["data"], "visit": None} == {**BY_HAND.data(), "visit": None}
    assert made["subject"] == made["data"]["visit"]
    assert made["source"] == OFFICE


def _sound(phone: Phone) -> None:
    found = Axe().run(phone.tab).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found] == []
    assert phone.tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    small = phone.tab.evaluate(
        "[...document.querySelectorAll('main button, main input:not([type=radio]):not([type=hidden]), main select, "
        "main summary, .pair label, .tabs button')].filter((e) => e.offsetParent && e.offsetHeight < 44)"
        ".map((e) => e.outerHTML)"
    )
    assert small == [], "too small for a thumb"


def test_what_is_refused_is_told_on_the_phone_and_mended_there(browser: Browser, city: City, tmp_path: Path) -> None:
    with Phone(browser, tmp_path / "refused", city.gateway.url) as phone:
        tab = phone.tab
        phone.open()
        phone.take_list()
        phone.enter(Visit(VISITS + 1))
        expect(tab.locator("#count")).to_have_text("0")
        # What the page does not stop, the service does: a grid that is none.
        tab.locator("#words").fill(Visit(VISITS + 2).name)
        tab.locator(".orgs button").click()
        tab.locator("#missing").click()
        tab.locator("#grid").fill("河东 二")
        tab.locator("#entry .first").click()
        expect(tab.locator("#count")).to_have_text("1")
        tab.locator("[data-view=waiting]").click()
        expect(tab.locator("#waiting .bad")).to_contain_text("编号")
        expect(tab.locator("#waiting")).to_contain_text("待核数据编号")
        _sound(phone)
        tab.locator("#waiting button", has_text="修改").click()
        tab.locator("#grid").fill("g-2")
        tab.locator("#entry .first").click()
        expect(tab.locator("#count")).to_have_text("0")
    mine = [each["data"]["grid"] for each in visits_of(city.service) if each["data"].get("org") == org_of(VISITS + 2)]
    assert mine == ["grid:g-2"]


def test_the_page_is_small_and_its_worker_keeps_no_answer_of_a_call(
    browser: Browser, city: City, tmp_path: Path
) -> None:
    with Phone(browser, tmp_path / "small", city.gateway.url) as phone:
        sizes: dict[str, int] = {}
        # What an earlier version kept goes; what is another's stays.
        phone.tab.goto("/health/live")
        phone.tab.evaluate("Promise.all(['taizhang-visits-before', 'another'].map((name) => caches.open(name)))")
        phone.context.on("response", lambda each: sizes.update({each.url: len(each.body())}) if each.ok else None)
        phone.open()
        phone.keep()
        phone.take_list()
        phone.enter(Visit(VISITS + 3))
        own = {url: size for url, size in sizes.items() if "/v1/" not in url}
        assert sum(own.values()) <= BYTES_MAX, own
        names = phone.tab.evaluate("caches.keys()")
        assert sorted(name.startswith("taizhang-visits-") for name in names) == [False, True]
        assert "taizhang-visits-before" not in names
        kept = phone.tab.evaluate(
            "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((c) => c.keys()))))"
            ".then((all) => all.flat().map((each) => new URL(each.url).pathname))"
        )
        assert {path.split("/")[1] for path in kept} == {"daily", "static"}
        texts = phone.tab.evaluate(
            "caches.keys().then((names) => caches.open(names.find((name) => name !== 'another')))"
            ".then((c) => c.keys().then((keys) => Promise.all("
            "keys.map((key) => c.match(key).then((found) => found.text()))))).then((all) => all.join(' '))"
        )
        assert "/office/dev" not in texts
        assert Visit(VISITS + 3).name not in texts
        # Another page of the service is not the worker's: it comes from the service, or not at all.
        assert phone.tab.goto("/daily/surveys") is not None
        assert not phone.tab.evaluate("Boolean(navigator.serviceWorker.controller)")


def test_what_lies_on_the_phone_is_sealed_and_gone_after_sign_out(browser: Browser, city: City, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    with Phone(browser, folder, city.gateway.url) as phone:
        phone.open()
        phone.keep()
        phone.take_list()
        city.gateway.cut()
        phone.enter(Visit(VISITS + 4))
        # What differs is told once it is entered, and not before.
        number = VISITS + 4
        expect(phone.tab.locator("#waiting")).to_contain_text(f"从业人员 7 (台账 {number})")
        key = phone.tab.evaluate(_KEY)
        assert key == {"algorithm": "AES-GCM", "extractable": False}
    lying = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file() and "IndexedDB" in str(each))
    assert lying
    for word in (Visit(VISITS + 4).name, org_of(VISITS + 4), "河东村", "few_members"):
        for encoding in ("utf-8", "utf-16-le"):
            assert word.encode(encoding) not in lying, word
    city.gateway.open = True
    with Phone(browser, folder, city.gateway.url) as phone:
        phone.context.on("dialog", lambda dialog: dialog.accept())
        phone.open()
        expect(phone.tab.locator("#state")).to_contain_text("没有待报送的走访")
        phone.tab.locator("[data-view=device]").click()
        phone.tab.locator("#leave-device button").click()
        phone.tab.wait_for_url("**/signed-out")
        left = phone.tab.evaluate(
            "Promise.all([indexedDB.databases(), caches.keys(), navigator.serviceWorker.getRegistrations()])"
            ".then((each) => each.map((found) => found.length))"
        )
        assert left == [0, 0, 0]


_KEY = """new Promise((resolve) => {
  const asked = indexedDB.open("taizhang-visits");
  asked.onsuccess = () => {
    const got = asked.result.transaction("key").objectStore("key").get("key");
    got.onsuccess = () => resolve({ algorithm: got.result.algorithm.name, extractable: got.result.extractable });
  };
})"""


def test_a_right_withdrawn_and_a_session_over_lose_nothing(browser: Browser, postgres: str, tmp_path: Path) -> None:
    with Service(tmp_path, database_url=new_database(postgres)) as service:
        keys = tmp_path / "data" / "api-keys.json"
        admin = {"authorization": f"Bearer {add_key(keys, 'admin', frozenset({'administrator'}), None)}"}
        steward = {"authorization": f"Bearer {add_key(keys, 'steward', frozenset({'steward', 'inspector'}), None)}"}
        sent = service.http.post("/v1/events", json=village(4), headers={"content-type": BATCH, **steward})
        assert sent.is_success, sent.text
        head = sent.json()["results"][-1]["position"]
        assert service.http.get("/v1/rates", params={"min_position": head}, headers=steward).is_success
        rights = {"roles": ["operator", "publisher"], "regions": ["880107001"]}

        def link(**asked: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
            made: dict[str, Any] = service.http.post("/v1/access/links", json=asked, headers=admin).json()
            return made

        with Phone(browser, tmp_path / "worker", service.url) as phone:
            tab = phone.tab
            first = link(**rights)
            _sign_in(phone, first)
            phone.open("en")
            phone.keep()
            phone.take_list()
            phone.context.set_offline(True)
            phone.enter(Visit(0))
            phone.enter(Visit(1))
            withdrawn = service.http.post(
                f"/v1/access/{first['access']}/revoke", json={"reason": "moved"}, headers=admin
            )
            assert withdrawn.is_success, withdrawn.text
            phone.context.set_offline(False)
            tab.locator("[data-view=waiting]").click()
            tab.locator("#send").click()
            expect(tab.locator("#state")).to_contain_text("right to enter visits was withdrawn")
            assert phone.waits() == 2
            _sound(phone)
            # The right comes back: everything arrives, and was on the phone all the time.
            again = {"holder": first["holder"], "key": False, **rights}
            assert service.http.post("/v1/access", json=again, headers=admin).is_success
            tab.locator("#send").click()
            expect(tab.locator("#count")).to_have_text("0")
            phone.context.clear_cookies()
            tab.locator("[data-view=list]").click()
            phone.enter(Visit(2))
            expect(tab.locator("#state")).to_contain_text("Your session is over")
            # Somebody else on the same phone sends nothing of it.
            _sign_in(phone, link(**rights))
            phone.open("en")
            expect(tab.locator("#state")).to_contain_text("another person's visits")
            assert phone.waits() == 1
            progress = service.http.get(f"/v1/surveys/{SURVEY}/progress", params=DAY, headers=steward).json()
            assert progress["total"]["visited"] == 2
            # Signing out on any page destroys what waits, once its user was asked.
            tab.goto("/me")
            asked: list[str] = []
            phone.context.on("dialog", lambda dialog: _accept(dialog, asked))
            tab.locator("form[action='/sign-out'] button").click()
            tab.wait_for_url("**/signed-out")
            assert "destroys them" in asked[0]
            assert tab.evaluate("indexedDB.databases().then((each) => each.length)") == 0


def _accept(dialog: Dialog, asked: list[str]) -> None:
    asked.append(dialog.message)
    dialog.accept()


def _sign_in(phone: Phone, link: dict[str, Any]) -> None:
    phone.tab.goto(f"{link['path']}?lang=en")
    phone.tab.locator("main form button").click()
    phone.tab.wait_for_url("**/")
