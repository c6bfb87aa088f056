"""`make screenshots`: every page in both languages at two widths, as PNG files in a folder.

`make screenshots OUT=folder URL=http://127.0.0.1:8000` takes them of a service that runs already.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.workshop import Workshop, caught_up, city, load
from tests.fix_browser import NARROW, WIDE, launch
from tests.pages.offered import offer
from tests.pages.quarantined import set_aside
from tests.pages.sealed import seal
from tests.pages.views import VIEWS, in_language

SCALE = 0.1


@contextmanager
def served() -> Iterator[str]:
    """The address of a service with the demo city."""
    given = os.environ.get("URL")
    if given:
        yield given
        return
    with Workshop.open() as workshop, workshop.database() as database:
        head = load(database, city(SCALE), history="demo city")
        with workshop.service(database) as service:
            caught_up(service, head)
            set_aside(service)
            seal(service)
            offer(service)
            yield service.url


def main(folder: Path) -> None:
    """Write the screenshots."""
    folder.mkdir(parents=True, exist_ok=True)
    only = os.environ.get("ONLY", "")
    with served() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for width in (WIDE, NARROW):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            for name, path in VIEWS.items():
                for lang in ("zh", "en"):
                    if only in name:
                        tab.goto(url + in_language(path, lang), wait_until="networkidle")
                        tab.screenshot(path=folder / f"{name}-{lang}-{width}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
