"""The pages: how soon they are ready in a browser without cache, and what they weigh."""

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Request, sync_playwright

from services.demo_city.groups import COURIER_GROUP
from tests.bench.tables import ms, percentile, table
from tests.bench.workshop import Workshop, caught_up, load, say
from tests.fix_browser import launch

VISITS = 15
LAST = date(2024, 12, 31)
PAGES = {
    "overview": "/?as_of={day}",
    "overview of a county": "/?as_of={day}&region=880107",
    "behind a figure": "/explain?as_of={day}&kind=new_economic&region:6=880124&count=eligible",
    "ledger": "/ledger?as_of={day}&sort=employees",
    "dossier": f"/ledger/{COURIER_GROUP}?as_of={{day}}",
    "assessment": "/assessment?as_of={day}",
}
# Milliseconds from the start of the navigation (W3C Navigation Timing, Level 2).
_TIMES = """() => {
  const [it] = performance.getEntriesByType("navigation");
  return [it.responseEnd, it.domContentLoadedEventEnd, it.loadEventEnd];
}"""


class Visit(NamedTuple):
    """One visit without cache: seconds until the page's bytes are in, it is ready, its images are in; its bytes."""

    answered: float
    ready: float
    loaded: float
    weight: int


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Each visit asks for another day, in a browser profile of its own."""
    if shutil.which("chromium") is None:
        return "### Pages\n\nNot measured: no chromium on this machine.\n"
    with workshop.database() as database:
        say("pages: filling the log")
        head = load(database, lines)
        with workshop.service(database) as service, sync_playwright() as playwright:
            caught_up(service, head)
            browser = launch(playwright)
            rows = [_row(browser, service.url, name, path) for name, path in PAGES.items()]
            browser.close()
    return table(
        "Pages",
        (
            "page",
            "first answered, ms",
            "answered p50, ms",
            "ready p50, ms",
            "ready p95, ms",
            "with images p50, ms",
            "KB",
        ),
        rows,
        f"Chromium on the same machine, {VISITS} visits each after the first, every one without cache and at another "
        f"date, with {head:,} events. KB is the heaviest visit's, everything included. Wanted: ready within 300 ms, "
        "at most 600 KB.",
    )


def _row(browser: Browser, url: str, name: str, path: str) -> list[str]:
    say(f"pages: {name}")
    visits = [_visit(browser, url + path.format(day=LAST - timedelta(7 * back))) for back in range(VISITS + 1)]
    rest = visits[1:]
    ready = [each.ready for each in rest]
    return [
        name, ms(visits[0].answered), ms(percentile([each.answered for each in rest], 50)),
        ms(percentile(ready, 50)), ms(percentile(ready, 95)), ms(percentile([each.loaded for each in rest], 50)),
        f"{max(each.weight for each in visits) / 1000:.0f}",
    ]  # fmt: skip


def _visit(browser: Browser, address: str) -> Visit:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    # A browser at work has its process for this site already; of the page nothing is cached.
    tab.goto(f"{urlsplit(address).scheme}://{urlsplit(address).netloc}/health/live")
    asked: list[Request] = []
    tab.on("requestfinished", lambda each: asked.append(each))  # noqa: PLW0108 - Playwright marks its handlers, which a built-in refuses
    tab.goto(address, wait_until="load")
    answered, ready, loaded = (each / 1000 for each in tab.evaluate(_TIMES))
    sizes = [each.sizes() for each in asked]
    context.close()
    weight = sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sizes)
    return Visit(answered, ready, loaded, weight)
