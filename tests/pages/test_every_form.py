"""Every form in a browser, made from the domain's types: it says what is wrong where, and publishes what is right.

One page walks all of them; what is published is asked of the log and held to the data that the API would have got.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.acts.fields import every, fields_of
from api.acts.offered import short
from api.acts.words import Words
from api.site.texts import LANGS, TEXTS, Lang
from domain.events.types import CORRECTED, RETRACTED
from tests.access.attacks import CITY, SOURCE
from tests.acting import FACTS, samples
from tests.fix_browser import NARROW
from tests.fix_service import Service, new_database

pytestmark = pytest.mark.pages
# What no field takes.
WRONG = "?? \u202e"


@pytest.fixture(scope="module")
def office(browser: Browser, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Service]]:
    """A city with a little of everything, and a narrow page on it."""
    with Service(
        tmp_path_factory.mktemp("forms"), "--dev", database_url=new_database(postgres), requests_per_second="1000"
    ) as service:
        results = service.publish(CITY)
        assert {each["disposition"] for each in results} == {"accepted"}
        service.get("/v1/rates", min_position=results[-1]["position"])
        context = browser.new_context(base_url=service.url, viewport={"width": NARROW, "height": 900})
        yield context.new_page(), service
        context.close()


# Enters data as a person would: by the kind of each control; gives the names that have no control.
_FILL = """([data, first]) => {
  const controls = (name) => [...document.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
  const lacking = [];
  const lines = (value) => Object.entries(value).flatMap(([key, inner]) => inner !== null && typeof inner === "object"
    ? lines(inner).map((each) => `${key} = ${each}`) : [`${key} = ${inner ?? ""}`]);
  const enter = (name, value, row) => {
    const [control] = controls(name);
    if (value === null) {
      const [empty] = controls(`${name}:empty`);
      if (empty) empty.checked = true;
    } else if (Array.isArray(value) && control?.type === "checkbox") {
      for (const each of controls(name)) each.checked = value.includes(each.value);
    } else if (control?.tagName === "TEXTAREA" && typeof value === "object") {
      control.value = (Array.isArray(value) ? value.map(String) : lines(value)).join("\\n");
    } else if (Array.isArray(value)) {
      value.forEach((each, number) => enter(`${name}.${number}`, typeof each === "object" ? each : { [first]: each }));
    } else if (typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) enter(`${name}.${key}`, inner);
    } else if (!control) {
      lacking.push(name);
    } else {
      control.value = typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
      if (control.value === "") lacking.push(name);
    }
  };
  for (const [key, value] of Object.entries(data)) enter(`data.${key}`, value);
  return lacking;
}"""
# Every control of the act empty, or with what no field takes; a choice has nothing else to be.
_SPOIL = """(wrong) => {
  for (const each of document.querySelectorAll('[name^="data."]')) {
    if (each.type === "checkbox") each.checked = false;
    else if (each.tagName !== "SELECT") { each.removeAttribute("pattern"); each.value = wrong; }
    else each.value = "";
  }
  for (const form of document.forms) form.noValidate = true;
}"""


def shown_event(tab: Page) -> dict[str, Any]:
    """The event that a preview shows."""
    tab.locator("button[value=preview]").click()
    expect(tab.locator("button[value=publish]")).to_be_visible()
    event: dict[str, Any] = json.loads(tab.locator("pre code").first.text_content() or "")
    return event


def _as_ticked(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Data with what is ticked in the order of the page."""
    ticked = {each.name: each.options for each in fields_of(type_) if each.sort == "choices"}
    return {
        name: [each for each in ticked[name] if each in value] if name in ticked else value
        for name, value in data.items()
    }


def test_every_form_publishes_what_the_api_would_have_got(office: tuple[Page, Service]) -> None:
    tab, service = office
    for number, type_ in enumerate(FACTS):
        lang: Lang = LANGS[number % 2]
        for data in samples(type_):
            tab.goto(f"/acts/{short(type_)}?lang={lang}")
            assert tab.evaluate(_FILL, [data, "org"]) == [], (type_, data)
            shown = shown_event(tab)
            assert (shown["type"], shown["data"]) == (type_, _as_ticked(type_, data)), type_
        tab.locator("button[value=publish]").click()
        expect(tab).to_have_url(re.compile(r"done=\d+"))
        (position,) = re.findall(r"done=(\d+)", tab.url)
        said = json.loads(b64decode(service.get(f"/v1/events/{position}")["raw_base64"]))
        assert said == shown, type_


def test_every_form_names_field_rule_and_remedy_of_what_is_wrong(office: tuple[Page, Service]) -> None:
    tab, service = office
    head = service.get("/health/ready")["position"]
    for number, type_ in enumerate(FACTS):
        lang: Lang = LANGS[number % 2]
        labels = {each.path: Words(lang, type_).label(each) for each in every(fields_of(type_))}
        for wrong in ("", WRONG):
            tab.goto(f"/acts/{short(type_)}?lang={lang}")
            tab.evaluate(_SPOIL, wrong)
            tab.locator("button[value=preview]").click()
            told = tab.evaluate(
                "[...document.querySelectorAll('[aria-invalid=true]')].map((each) => [each.name,"
                " [...(each.labels ?? [])].map((label) => label.textContent).join(' '),"
                " (each.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id.endsWith('-fault'))"
                ".map((id) => document.getElementById(id)?.textContent ?? '').join(' ')])"
            )
            assert told, (type_, wrong, tab.locator("main").inner_text())
            for name, label, fault in told:
                path = ".".join("*" if step.isdecimal() else step for step in name.split("."))
                assert labels[path] in label, (type_, name, label)
                said = fault.removeprefix(f"{labels[path]}: ")
                assert said.strip(), (type_, name)
                assert any("\u4e00" <= letter <= "\u9fff" for letter in said) == (lang == "zh"), (type_, name, fault)
                assert TEXTS["rule.other"][lang] not in fault, (type_, name)
    assert service.get("/health/ready")["position"] == head


def test_a_correction_and_a_retraction_are_entered_too(office: tuple[Page, Service]) -> None:
    tab, _ = office
    about = {"source": SOURCE, "id": "i"}
    for type_, field in ((CORRECTED, "corrects"), (RETRACTED, "retracts")):
        tab.goto(f"/acts/{short(type_)}?with={field}.source:{SOURCE}&with={field}.id:i&lang=en")
        tab.locator("[name='data.reason']").fill("mistyped")
        shown = shown_event(tab)
        assert (shown["data"][field], shown["data"]["reason"]) == (about, "mistyped")
        tab.locator("button[value=publish]").click()
        expect(tab.get_by_role("status").filter(has_text="position")).to_be_visible()
