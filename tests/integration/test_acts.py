"""Every act by its form: what is published is what the API would have got, by whom it may be said, and once."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from api.acts.offered import WITHOUT_FORM, short
from api.site.texts import LANGS, TEXTS
from domain.events.types import CORRECTED, EVENT_TYPES, RETRACTED
from services.access.api_keys import add_key
from tests.access.attacks import CITY, HERE, SOURCE
from tests.access.attacks import ORG as ORGS
from tests.acting import FACTS, HTML, OTHER, Form, Json, opened, samples, told
from tests.fix_service import NoLanguage, Service, new_database

EVERY = frozenset(("publisher", "steward", "inspector", "assessment", "operator"))
CALLERS: dict[str, tuple[frozenset[str], Any, Any]] = {
    "city": (EVERY, None, None),
    "publisher": (frozenset(("publisher",)), None, None),
    "county": (EVERY, None, (HERE,)),
    "registry": (frozenset(("publisher",)), frozenset(("/registry/a", "/registry/b")), None),
    "reader": (frozenset(("inspector",)), None, None),
}
XSS = "<img src=x onerror=alert(1)>\"'{{7*7}}"


class Offices(NamedTuple):
    """The service, and a browser for each caller."""

    service: Service
    browsers: dict[str, httpx.Client]

    def event(self, position: int) -> Json:
        answer = self.browsers["city"].get(f"/v1/events/{position}")
        return dict(json.loads(b64decode(answer.json()["raw_base64"])))

    def head(self) -> int:
        return int(self.service.get("/health/ready")["position"])


@pytest.fixture(scope="module")
def offices(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("acts")
    with Service(folder, database_url=new_database(postgres), requests_per_second="1000") as service:
        browsers = {}
        for name, (roles, sources, regions) in CALLERS.items():
            key = add_key(folder / "data" / "api-keys.json", name, roles, sources, regions)
            browsers[name] = httpx.Client(
                base_url=service.url, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            )
            browsers[name].cookies.jar.set_policy(NoLanguage())
        answer = browsers["city"].post("/v1/events", json=CITY, headers={"content-type": "application/json"})
        assert {each["disposition"] for each in answer.json()["results"]} == {"accepted"}
        yield Offices(service, browsers)
        for browser in browsers.values():
            browser.close()


def published(page: httpx.Response) -> int:
    """The position that the answer of a publication leads to."""
    assert page.status_code == 303, told(page)
    return int(httpx.URL(page.headers["location"]).params["done"])


@pytest.mark.parametrize("type_", FACTS, ids=short)
def test_what_a_form_publishes_is_what_the_api_would_have_got(offices: Offices, type_: str) -> None:
    browser = offices.browsers["city"]
    form = opened(browser, short(type_))
    for data in samples(type_):
        preview = form.previewed(form.filled(data))
        shown = json.loads(preview.event())
        assert (shown["data"], shown["type"], shown["source"]) == (data, type_, "/office/city")
    position = published(preview.send("publish", preview.held))
    assert offices.event(position) == shown
    assert published(preview.send("publish", preview.held)) == position
    assert f"{position:,}" in told(browser.get(f"/acts/{short(type_)}", params={"done": position}, headers=HTML))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("type_", FACTS, ids=short)
def test_what_is_wrong_is_said_beside_its_field_in_the_pages_language(offices: Offices, type_: str, lang: str) -> None:
    """Every field at once: what must be there is left out, what is there is wrong; what was entered stays."""
    form = opened(offices.browsers["city"], short(type_), lang)
    entered = {name: ["   "] for name in form.sorts if name.startswith("data.")}
    page = form.send("preview", {**form.filled({}), **entered})
    assert page.status_code == 400
    assert TEXTS["rule.missing"][lang] in told(page) or TEXTS["rule.too_short"][lang] in told(page)  # type: ignore[index]
    wrong = {name: [XSS] for name, sort in form.sorts.items() if name.startswith("data.") and sort != "checkbox"}
    page = form.send("preview", {**form.filled({}), **wrong})
    assert page.status_code == 400
    assert "<img" not in page.text
    assert "49" not in page.text or "{{7*7}}" in page.text
    again = Form(form.browser, form.address, page)
    assert any(value == [XSS] for value in again.held.values())
    beside = [name for name in again.ids if name.endswith("-fault")]
    assert beside
    assert TEXTS["rule.other"]["zh"] not in page.text
    letters = "".join(part for name in beside for part in _fault(page.text, name))
    assert any("\u4e00" <= letter <= "\u9fff" for letter in letters) == (lang == "zh"), letters


def _fault(page: str, name: str) -> str:
    return page.partition(f'id="{name}">')[2].partition("</strong>")[0].partition("<code>")[0]


def test_the_same_form_sent_twice_at_once_is_one_act(offices: Offices) -> None:
    form = opened(offices.browsers["city"], "instructor.assigned", given=[f"org:{OTHER}"])
    fields = form.filled({"effective_on": "2024-05-05", "org": OTHER, "instructor": "person:twice"})
    preview = form.previewed(fields)
    positions = {published(preview.send("publish", preview.held)) for _ in range(3)}
    assert len(positions) == 1


def test_what_came_about_the_same_since_the_preview_is_told_and_nothing_is_stored(offices: Offices) -> None:
    browser, org = offices.browsers["city"], ORGS[HERE][2]
    form = opened(browser, "organization.excluded")
    first = form.previewed(form.filled({"effective_on": "2024-05-05", "org": org, "reason": "duplicate"}))
    second = form.previewed(form.filled({"effective_on": "2024-05-06", "org": org, "reason": "out_of_scope"}))
    came = published(first.send("publish", first.held))
    page = second.send("publish", second.held)
    assert page.status_code == 409
    assert f"{came:,}" in told(page)
    assert offices.head() == came
    # Looked at again, it can be published; and what was published before stays a duplicate.
    again = Form(browser, form.address, page)
    anew = again.previewed(again.held)
    assert published(anew.send("publish", anew.held)) == came + 1
    assert published(first.send("publish", first.held)) == came


def test_a_form_filled_by_its_link_says_whom_it_concerns_by_name(offices: Offices) -> None:
    org = ORGS[HERE][0]
    form = opened(offices.browsers["city"], "instructor.assigned", as_of="2024-03-03", given=[f"org:{org}"])
    assert form.held["data.org"] == [org]
    assert form.held["data.effective_on"] == ["2024-03-03"]
    preview = form.previewed({**form.held, "data.instructor": ["m"]})
    assert f"组 ({org})" in told(preview.page)
    # Who may not read the ledger learns no name from it.
    form = opened(offices.browsers["publisher"], "instructor.assigned", given=[f"org:{org}"])
    assert f"组 ({org})" not in told(form.previewed({**form.held, "data.instructor": ["m"]}).page)


def test_who_is_limited_to_a_place_is_offered_its_types_and_refused_outside(offices: Offices) -> None:
    county = offices.browsers["county"]
    page = county.get("/acts", headers=HTML).text
    assert "/acts/instructor.assigned" in page
    assert "/acts/policy.adopted" not in page
    assert county.get("/acts/policy.adopted", headers=HTML).status_code == 403
    head = offices.head()
    there = next(orgs[1] for place, orgs in ORGS.items() if place != HERE)
    form = opened(county, "instructor.assigned")
    said = {"effective_on": "2024-05-05", "instructor": "person:x"}
    refused = form.send("preview", form.filled({**said, "org": there}))
    assert refused.status_code == 400
    assert TEXTS["rule.organization_of_another_office"]["zh"] in told(refused)
    here = form.previewed(form.filled({**said, "org": ORGS[HERE][1]}))
    changed = {**here.held, "data.org": [there]}
    assert here.send("publish", changed).status_code == 400
    assert offices.head() == head
    assert published(here.send("publish", here.held)) == head + 1


def test_a_registry_speaks_in_the_names_of_its_own_sources(offices: Offices) -> None:
    browser, org = offices.browsers["registry"], ORGS[HERE][0]
    page = opened(browser, "member.enrolled")
    assert page.sorts["source"] == "select"
    fields = page.filled({"effective_on": "2024-05-05", "member": "member:reg", "standing": "full", "org": org})
    shown = json.loads(page.previewed({**fields, "source": ["/registry/b"]}).event())
    assert shown["source"] == "/registry/b"
    refused = page.send("preview", {**fields, "source": ["/registry/c"]})
    assert refused.status_code == 400
    assert browser.get("/acts/policy.adopted", headers=HTML).status_code == 403


def test_who_publishes_nothing_has_no_forms(offices: Offices) -> None:
    assert offices.browsers["reader"].get("/acts", headers=HTML).status_code == 403
    assert 'href="/acts"' not in offices.browsers["reader"].get("/ledger", headers=HTML).text
    assert 'href="/acts"' in offices.browsers["city"].get("/ledger", headers=HTML).text


def test_a_correction_begins_with_what_was_said_last(offices: Offices) -> None:
    browser, org = offices.browsers["city"], ORGS[HERE][1]
    target = [f"corrects.source:{SOURCE}", f"corrects.id:r {org}"]
    form = opened(browser, "event.corrected", given=target)
    assert form.held["data.replacement.name"] == ["组"]
    preview = form.previewed({**form.held, "data.replacement.name": ["新组"], "data.reason": ["写错"]})
    position = published(preview.send("publish", preview.held))
    said = offices.event(position)
    assert said["data"]["replacement"]["name"] == "新组"
    assert said["data"]["corrects"] == {"source": SOURCE, "id": f"r {org}"}
    browser.get("/v1/rates", params={"min_position": position})
    assert opened(browser, "event.corrected", given=target).held["data.replacement.name"] == ["新组"]
    # The county's own office corrects its own; what another office's event says is not shown to it.
    county = offices.browsers["county"]
    assert opened(county, "event.corrected", given=target).held["data.replacement.name"] == ["新组"]
    there = next(orgs[1] for place, orgs in ORGS.items() if place != HERE)
    hidden = opened(county, "event.corrected", given=[f"corrects.source:{SOURCE}", f"corrects.id:r {there}"])
    assert "data.replacement.name" not in hidden.sorts


def test_a_retraction_names_its_event(offices: Offices) -> None:
    target = [f"retracts.source:{SOURCE}", "retracts.id:i"]
    form = opened(offices.browsers["city"], "event.retracted", given=target)
    preview = form.previewed({**form.held, "data.reason": ["写错"]})
    said = offices.event(published(preview.send("publish", preview.held)))
    assert said["data"] == {"retracts": {"source": SOURCE, "id": "i"}, "reason": "写错"}


def test_more_rows_keep_what_was_entered(offices: Offices) -> None:
    form = opened(offices.browsers["city"], "branch.formed")
    rows = len([name for name in form.sorts if name.startswith("data.covers.") and name.endswith(".org")])
    entered = {f"data.covers.{number}.org": [f"group:x-{number}"] for number in range(rows)}
    page = Form(form.browser, form.address, form.send("rows", {**form.held, **entered}))
    now = [name for name in page.sorts if name.startswith("data.covers.") and name.endswith(".org")]
    assert len(now) == 2 * rows
    assert page.held["data.covers.2.org"] == ["group:x-2"]


def test_the_fault_of_a_row_stands_in_its_row_though_blank_rows_stand_above(offices: Offices) -> None:
    form = opened(offices.browsers["city"], "branch.formed", "en")
    entered = {"data.covers.1.org": ["group:good"], "data.covers.2.org": ["bad"]}
    page = Form(form.browser, form.address, form.send("preview", {**form.held, **entered}))
    assert page.held["data.covers.1.org"] == ["bad"]
    assert "data.covers.1.org-fault" in page.ids
    assert "data.covers.0.org-fault" not in page.ids


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"}, {"origin": "null"}]
)
def test_a_form_of_another_site_publishes_nothing(service: Service, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as browser:
        form = opened(browser, "campaign.opened")
        data = {"effective_on": "2024-05-05", "campaign": "campaign:csrf", "name": "攻坚", "office": "office:o"}
        preview = form.previewed(form.filled(data))
        assert preview.send("publish", preview.held, **headers).status_code == 403
        assert preview.send("publish", {**preview.held, "token": ["another"]}).status_code == 403
        assert "campaign:csrf" not in json.dumps(service.get("/v1/campaigns"))


def test_an_address_claims_no_publication_that_was_not(offices: Offices) -> None:
    page = offices.browsers["city"].get("/acts/campaign.opened", params={"done": 1}, headers=HTML)
    assert TEXTS["acts.done"]["zh"] not in told(page)


def test_every_type_has_a_form_or_the_reason_why_not(offices: Offices) -> None:
    page = offices.browsers["city"].get("/acts", headers=HTML)
    text = told(page)
    for type_ in EVENT_TYPES:
        if type_ in WITHOUT_FORM:
            assert TEXTS[f"acts.none.{WITHOUT_FORM[type_].reason}"]["zh"] in text
            assert offices.browsers["city"].get(f"/acts/{short(type_)}", headers=HTML).status_code == 404
        else:
            assert f'/acts/{short(type_)}"' in page.text
    assert {*FACTS, CORRECTED, RETRACTED, *WITHOUT_FORM} == set(EVENT_TYPES)


@pytest.mark.parametrize(
    "given", [{"step": "burn"}, {"step": "publish", "position": "x"}, {"data.nme": "x"}, {"more": "x"}]
)
def test_a_form_with_a_wrong_part_is_told_so(offices: Offices, given: dict[str, str]) -> None:
    form = opened(offices.browsers["city"], "campaign.opened")
    fields = {**form.held, "step": ["preview"], **{name: [value] for name, value in given.items()}}
    page = form.browser.post(form.address, data=fields, headers=HTML)
    assert page.status_code == 400
    assert 'role="alert"' in page.text
