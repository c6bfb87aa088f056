"""Phones of grid workers: a village to survey, a browser that keeps its profile, and visits entered on it."""

from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.fix_browser import chromium
from tests.sending import envelope

HEIGHT: Final = 740
EXPECT_MS: Final = 20_000
OFFICE: Final = "/office/dev"
SURVEY: Final = "survey:village"
OPENED, VISITED = "2026-01-05", "2026-01-20"
VILLAGES: Final = {"880107001001": "河东村", "880107001002": "河西村"}
# A clock that is wrong by a day, before any script runs; timers go on.
WRONG_CLOCK: Final = """
(() => {
  const Right = Date;
  const now = () => Right.now() + 86400000;
  self.Date = class extends Right {
    constructor(...given) { if (given.length) super(...given); else super(now()); }
    static now() { return now(); }
  };
})();
"""


def org_of(number: int) -> str:
    """The organization of a number; its name on the page is `name_of`."""
    return f"group:v-{number:04d}"


def name_of(number: int) -> str:
    return f"驿站{number:04d}号"


def village(organizations: int) -> list[dict[str, Any]]:
    """A survey of so many organizations in two villages, every third in a building."""
    told: list[tuple[str, dict[str, Any]]] = [
        ("region.created", {"region": "880107", "name": "高朗区"}),
        ("region.created", {"region": "880107001", "name": "河口镇"}),
        *(("region.created", {"region": code, "name": name}) for code, name in VILLAGES.items()),
        ("body.created", {"body": "body:tower", "kind": "building", "name": "河口大厦"}),
    ]
    for number in range(organizations):
        told.append(("organization.registered", {
            "org": org_of(number), "kind": "new_employment_group", "category": "courier", "name": name_of(number),
            "region": list(VILLAGES)[number % 2], "employees": number, "address": f"河口路{number}号",
        }))  # fmt: skip
        if number % 3 == 0:
            told.append(("organization.placed", {"org": org_of(number), "body": "body:tower"}))
    opening = {"survey": SURVEY, "name": "河口镇排查", "region": "880107", "due_on": "2026-12-31", "office": "office:o"}
    dated = [(name, {"effective_on": "2026-01-02", **data}) for name, data in told]
    dated.append(("survey.opened", {"effective_on": OPENED, **opening}))
    return [envelope(f"village-{n}", name, data, OFFICE) for n, (name, data) in enumerate(dated)]


class Visit(NamedTuple):
    """A visit that somebody makes; without an organization it is of one that nobody knows."""

    number: int
    known: bool = True
    employees: int = 7
    there: bool = True

    @property
    def name(self) -> str:
        return name_of(self.number) if self.known else f"无名店{self.number}"

    def data(self) -> dict[str, Any]:
        """What its event says, but for its own name; as any client of the API would write it."""
        found: dict[str, dict[str, Any]] = {name: {"clear": self.there} for name in FINDINGS}
        found["operation"] = {"clear": True, "value": "operating" if self.there else "not_found"}
        if self.there:
            found["employees"] = {"clear": True, "value": self.employees}
            found["branch_work"] = {"clear": True, "value": "none"}
            found["problems"] = {"clear": True, "value": "few_members"}
        about: dict[str, Any] = (
            {"org": org_of(self.number)}
            if self.known
            else {"unknown": {"name": self.name, "region": "880107001001", "address": "河堤"}}
        )
        return {"effective_on": VISITED, "survey": SURVEY, "grid": "grid:g-1", "findings": found, **about}


FINDINGS: Final = ("operation", "employees", "members", "owner", "branch_work", "problems")
_FILL: Final = """(given) => {
  const form = document.getElementById("entry");
  for (const [name, value] of given) form.elements.namedItem(`data.${name}`).value = value;
  form.requestSubmit();
}"""


class Phone:
    """A browser with a profile in a folder, 360 px wide."""

    def __init__(self, browser: Browser, folder: Path, url: str, *, wrong_clock: bool = False) -> None:
        self.context: BrowserContext = browser.browser_type.launch_persistent_context(
            folder, executable_path=chromium(), args=["--no-sandbox"], base_url=url, locale="zh-CN",
            viewport={"width": 360, "height": HEIGHT},
        )  # fmt: skip
        # Two browsers at once on a busy machine take their time.
        expect.set_options(timeout=EXPECT_MS)
        if wrong_clock:
            self.context.add_init_script(WRONG_CLOCK)
        self.tab: Page = self.context.pages[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, lang: str = "zh") -> None:
        self.tab.goto(f"/daily/visits?lang={lang}")
        expect(self.tab.locator("#view-list")).to_be_visible()

    def keep(self) -> None:
        """Until the page is kept for a time without a network."""
        self.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.tab.wait_for_function("navigator.serviceWorker.controller !== null")

    def take_list(self) -> None:
        expect(self.tab.locator("#survey option")).to_have_count(1)
        self.tab.locator("#load").click()
        expect(self.tab.locator("#places details")).to_have_count(len(VILLAGES))

    def enter(self, visit: Visit) -> None:
        """One visit, from the list to its being saved."""
        tab, said = self.tab, visit.data()
        if visit.known:
            tab.locator("#words").fill(visit.name)
            tab.locator(".orgs button").click()
        else:
            tab.locator("#found").click()
        expect(tab.locator("#view-entry")).to_be_visible()
        given = [("effective_on", VISITED), ("grid", "g-1")]
        if not visit.known:
            given += [(f"unknown.{name}", value) for name, value in said["unknown"].items()]
        for name in FINDINGS:
            finding = said["findings"][name]
            given.append((f"findings.{name}.clear", "yes" if finding["clear"] else "no"))
            given += [(f"findings.{name}.value", str(finding["value"]))] if "value" in finding else []
        tab.evaluate(_FILL, given)
        expect(tab.locator("#view-list")).to_be_visible()

    def waits(self) -> int:
        return int(self.tab.locator("#count").inner_text())

    def until_nothing_waits(self) -> None:
        """What waits goes by itself; nobody touches the phone."""
        expect(self.tab.locator("#count")).to_have_text("0", timeout=120_000)
