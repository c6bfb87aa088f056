"""What holds for every page, in both languages and at both widths."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.fix_browser import NARROW, WIDE
from tests.pages.views import SERIOUS, VIEWS, in_language

pytestmark = pytest.mark.pages
NO_ANSWER = {"wrong": 400}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", VIEWS)
def test_it_is_sound_in_both_languages_and_at_both_widths(tab: Page, name: str, lang: str) -> None:
    """No serious fault by axe-core; the fixture holds that nothing leaves the host and nothing is complained about."""
    for width in (WIDE, NARROW):
        tab.set_viewport_size({"width": width, "height": 900})
        answer = tab.goto(in_language(VIEWS[name], lang))
        assert answer is not None
        assert answer.status == NO_ANSWER.get(name, 200)
        found = Axe().run(tab).response["violations"]
        faults = [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]
        assert faults == []
        overhang = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overhang <= 0, f"wider than {width} px"


@pytest.mark.parametrize("name", VIEWS)
def test_each_language_speaks_only_itself(tab: Page, name: str) -> None:
    """Names of people's own making aside, an English page shows no Chinese text but the switch to it."""
    tab.goto(in_language(VIEWS[name], "en"))
    assert tab.locator("html").get_attribute("lang") == "en"
    headings = " ".join(
        tab.locator(
            "h2:not([translate=no]), caption, thead, label, dt, summary, button, .sentence, .choices"
        ).all_inner_texts()
    )
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in headings), headings


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_is_written_into_it_that_a_policy_would_have_to_allow(tab: Page, name: str) -> None:
    answer = tab.goto(VIEWS[name])
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert tab.locator("[style], style, script:not([src]), [onclick]").count() == 0
