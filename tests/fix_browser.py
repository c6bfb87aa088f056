"""Debian's Chromium, headless, on a service with the demo city; every context watches what no page may do."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from services.demo_city import world
from tests.bench.workshop import load, well_formed
from tests.fix_service import Service, new_database
from tests.pages.offered import offer
from tests.pages.quarantined import set_aside
from tests.pages.sealed import seal

CITY_SCALE = 0.02
CITY_SEED = 1
WIDE, NARROW = 1440, 360


def chromium() -> str:
    """The browser's program; the run fails where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("no chromium on PATH; `make test-pages` installs it where it may, else: apt-get install chromium")
    return found


def launch(playwright: object) -> Browser:
    """The browser, without its sandbox, which the superuser cannot have."""
    browser: Browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])  # type: ignore[attr-defined]  # Playwright's own object
    return browser


@pytest.fixture(scope="session")
def city_service(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a small demo city, all of it projected."""
    database = new_database(postgres)
    lines = well_formed(line.rstrip(b"\n") for line in world.events(CITY_SCALE, CITY_SEED))
    head = load(database, list(lines), history="demo city")
    with Service(tmp_path_factory.mktemp("city"), "--dev", database_url=database) as running:
        # A busy machine takes its time to project a city.
        while running.http.get("/v1/rates", params={"min_position": head}).status_code == 503:
            pass
        set_aside(running)
        seal(running)
        offer(running)
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the run."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


class Watch:
    """What the pages of one context asked for and complained about."""

    def __init__(self, context: BrowserContext) -> None:
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.bytes = 0
        context.on("request", self._request)
        context.on("console", lambda each: self._complain(each.type, each.text))
        context.on("weberror", lambda each: self.complaints.append(str(each.error)))

    def _request(self, request: object) -> None:
        url = str(request.url)  # type: ignore[attr-defined]  # Playwright's own object
        if urlsplit(url).hostname not in ("127.0.0.1", None):
            self.outside.append(url)

    def _complain(self, kind: str, text: str) -> None:
        # A page that says 400 is one that the test asked for.
        if kind in ("error", "warning") and "status of 4" not in text:
            self.complaints.append(text)


@pytest.fixture
def watched(browser: Browser, city_service: Service) -> Iterator[tuple[Page, Watch]]:
    """A page of a context of its own, with the service's address as base, watched; both lists must stay empty."""
    context = browser.new_context(base_url=city_service.url, viewport={"width": WIDE, "height": 900}, locale="zh-CN")
    watch = Watch(context)
    yield context.new_page(), watch
    context.close()
    assert watch.outside == []
    assert watch.complaints == []


@pytest.fixture
def tab(watched: tuple[Page, Watch]) -> Page:
    """The page alone."""
    return watched[0]
