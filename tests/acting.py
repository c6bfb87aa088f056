"""Forms as a browser without scripts fills and sends them, and data of every type that has one."""

import html
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final, get_args

import httpx

from api.acts.offered import WITHOUT_FORM
from domain.events.types import CORRECTED, EVENT_TYPES, RETRACTED
from domain.values.terms import MeetingKind, Per
from tests.access.attacks import FINDINGS, HERE
from tests.every_type import data_of

Json = dict[str, Any]
HTML: Final = {"accept": "text/html"}
FACTS: Final = [each for each in EVENT_TYPES if each not in WITHOUT_FORM and each not in (CORRECTED, RETRACTED)]
ORG, OTHER = f"group:{HERE}-1", f"group:{HERE}-0"
# What else can be said of each: optional fields, and what stands instead of others.
MORE: Final[dict[str, list[Json]]] = {
    "organization.registered": [{"industry": "I65", "employees": 80, "supervisor": "局", "address": "路 1 号",
                                 "registered_region": "990202", "legal_person": False, "above_scale": True}],
    "organization.changed": [{"category": "truck_driver", "region": "990101002", "industry": None, "employees": 0,
                              "supervisor": None, "address": None}, {"industry": "C", "supervisor": "局",
                                                                     "address": "路", "employees": None}],
    "organization.placed": [{"body": None, "kind": "park"}],
    "member.enrolled": [{"org": None, "relation": "here"}],
    "member.transferred": [{"from_org": None, "to_org": ORG, "standing": "full", "relation": "here"}, {"to_org": None}],
    "branch.formed": [{"parent": "branch:p", "groups": 2,
                       "covers": [ORG, {"org": OTHER, "formation": "affiliated"}, f"group:{HERE}-2"]}],
    "branch.coverage_changed": [{"add": [{"org": ORG, "formation": "joint"}, OTHER], "drop": [ORG, OTHER]}],
    "branch.changed": [{"tier": "committee", "parent": None, "groups": 0}, {"parent": "branch:p"}],
    "activity_policy.adopted": [{"meetings": {each: {"least": n, "per": per} for n, (each, per) in enumerate(zip(
        get_args(MeetingKind), [*get_args(Per), "month", "year"], strict=True), 1)}, "term_years": {"branch": 3}}],
    "branch.term_began": [{"to": "2026-06-30"}],
    "instructor.assigned": [{"role": "liaison"}],
    "body.created": [{"parent": "body:p"}],
    "body.changed": [{"parent": None}, {"parent": "body:p"}],
    "basis.adopted": [{"employees_min": 50, "categories": [], "legal_persons_only": True}],
    "policy.adopted": [{"members_counted": "here_and_elsewhere", "small_unit": 10}],
    "signals.adopted": [{"never_met_days": 120, "uncontacted_days": 60}],
    "campaign.target_set": [{"region": HERE, "kind": "new_economic", "category": "sole_proprietor",
                             "industry": "I", "body": "body:b", "basis": "large"}],
    "score_sheet.adopted": [{"items": [
        {"item": "a", "title": "名", "worth": "40", "rate": "work_coverage", "zero_at": "0.5", "full_at": "1",
         "kind": "new_social", "basis": "large"},
        {"item": "b", "title": "名", "worth": "60.00", "rate": "work_coverage", "zero_at": "0", "full_at": "0.2",
         "measured": "rise", "base_on": "2023-12-31"}]}],
    "list.profiled": [{"columns": {"org": "a", "category": "b", "name": "c", "region": "d", "employees": "e",
                                   "status": "f", "industry": "g"}, "constants": {"supervisor": "局"},
                       "defaults": {"employees": "0"}, "categories": {"快递": "courier"},
                       "statuses": {"注销": "dissolved", "": "active"}, "set_aside": ["备注", "年检"],
                       "values": {"industry": {"软件": "I65", "无": None}}, "digits": {"region": 12},
                       "deregistered_percent_max": 9, "deregistered_reason": "revoked"}],
    "measure.deadlines_adopted": [{"not_before": "2024-12-31", "establish_large_days": 1, "establish_days": 2,
                                   "combine_days": 3, "instruct_days": 4}],
    "order.issued": [{"rises_to": ["office:a", "office:b"], "rise_days": 3}],
    "order.answered": [{"remark": "x"}],
    "order.sent_back": [{"remark": "x"}],
    "survey.opened": [{"kinds": ["new_social", "new_economic"]}],
    "visit.made": [{"revisits": "visit:v", "findings": {
        **FINDINGS, "operation": {"clear": True, "value": "operating"}, "employees": {"clear": True, "value": 45},
        "members": {"clear": True, "value": 0}, "branch_work": {"clear": True, "value": "none"},
        "problems": {"clear": True, "value": "premises"}}}],
    "region.created": [{"name_en": "A"}],
    "region.renamed": [{"name_en": "A"}],
    "region.merged": [{"children": {"990101001001": "990303001001"}}],
    "region.moved": [{"children": {"990101001001": "990303001001"}}],
    "region.split": [{"children": {"990101001001": "990303001001", "990101001002": "990404001001"}}],
}  # fmt: skip
# Each says one of several things: what stands instead of the first.
INSTEAD: Final[dict[str, tuple[str, list[Json]]]] = {
    "measure.assigned": ("region", [{"org": ORG}]),
    "visit.made": ("org", [{"unknown": {"name": "店", "region": "990101001", "address": "路"}}]),
    "score.reported": ("region", [{"body": "body:b"}]),
    "campaign.target_set": ("value", [{"against": "itself", "base_on": "2023-12-31", "points": "20.00"},
                                      {"against": "city", "wording": "大幅提升"}]),
}  # fmt: skip


def samples(type_: str) -> list[Json]:
    """Sound data of a type: what it needs, and between them every field that its form asks for."""
    name, least = type_.removeprefix("taizhang.").removesuffix(".v1"), data_of(type_, HERE)
    found = [least, *({**least, **more} for more in MORE.get(name, []))]
    if name in INSTEAD:
        without, others = INSTEAD[name]
        found += [{**{key: value for key, value in least.items() if key != without}, **other} for other in others]
    return found


class _Controls(HTMLParser):
    """The controls of a page by name: what each is, and the values that it holds when it is not touched."""

    def __init__(self) -> None:
        super().__init__()
        self.sorts: dict[str, str] = {}
        self.held: dict[str, list[str]] = {}
        self.ids: set[str] = set()
        self._open: str | None = None
        self._select: str | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "form":
            self._inside = given.get("action", "").startswith("/acts/")
        if not self._inside:
            return
        name = given.get("name", "")
        if tag == "option" and self._select is not None and "selected" in given:
            self.held[self._select] = [given["value"]] if "value" in given else []
        if tag not in ("input", "select", "textarea") or not name:
            return
        self.sorts[name] = given.get("type", "text") if tag == "input" else tag
        if tag == "textarea":
            self._open = name
            self.held.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
        elif self.sorts[name] != "checkbox" or "checked" in given:
            self.held.setdefault(name, []).append(given.get("value", "on" if self.sorts[name] == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._open = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.held[self._open][-1] += data.removeprefix("\n") if not self.held[self._open][-1] else data


class Form:
    """A form that was opened; `send` gives the page that answers."""

    def __init__(self, browser: httpx.Client, address: str, page: httpx.Response) -> None:
        self.browser, self.address, self.page = browser, address, page
        read = _Controls()
        read.feed(page.text)
        self.sorts, self.held, self.ids = read.sorts, read.held, read.ids

    def filled(self, data: Json) -> dict[str, list[str]]:
        """The form's fields with this data entered, all others emptied."""
        kept = {name: values for name, values in self.held.items() if not name.startswith("data.")}
        return {**kept, **self._entered(data, "data")}

    def _entered(self, data: Mapping[str, Any], at: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in data.items():
            path = f"{at}.{name}"
            sort = self.sorts.get(path)
            match value:
                case None:
                    found |= {f"{path}:empty": ["yes"]} if f"{path}:empty" in self.sorts else {}
                case bool():
                    found[path] = ["yes" if value else "no"]
                case dict() if sort == "textarea":
                    found[path] = ["\r\n".join(_lines(value))]
                case dict():
                    found |= self._entered(value, path)
                case list() if sort == "textarea":
                    found[path] = ["\r\n".join(map(str, value))]
                case list() if sort == "checkbox":
                    found[path] = [str(each) for each in value]
                case list():
                    for number, each in enumerate(value):
                        found |= self._entered(each if isinstance(each, dict) else {"org": each}, f"{path}.{number}")
                case _:
                    found[path] = [str(value)]
        return found

    def send(self, step: str, fields: Mapping[str, list[str]], **headers: str) -> httpx.Response:
        given = {**fields, "step": [step]}
        return self.browser.post(self.address, data=given, headers={**HTML, **headers})

    def previewed(self, fields: Mapping[str, list[str]]) -> "Form":
        """The preview as a form of its own; it must be one."""
        page = self.send("preview", fields)
        assert page.status_code == 200, told(page)
        return Form(self.browser, self.address, page)

    def event(self) -> str:
        """The event as a preview shows it, byte by byte."""
        found = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", self.page.text, re.DOTALL)
        assert found is not None
        return html.unescape(found[1])


def _lines(value: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for key, inner in value.items():
        found += [f"{key} = {each}" for each in (_lines(inner) if isinstance(inner, dict) else [str(inner or "")])]
    return found


def told(page: httpx.Response) -> str:
    """What a page says, without its tags."""
    found = re.search(r"<main.*</main>", page.text, re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", found[0] if found else page.text)))


def opened(browser: httpx.Client, act: str, lang: str = "zh", given: Sequence[str] = (), **parameters: str) -> Form:
    """A form of a type's own name, filled so far as is given; it must open."""
    page = browser.get(f"/acts/{act}", params={"lang": lang, "with": list(given), **parameters}, headers=HTML)
    assert page.status_code == 200, told(page)
    return Form(browser, f"/acts/{act}?lang={lang}", page)
