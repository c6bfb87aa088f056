"""The example of a small question: one answer as JSON, page, workbook and table in a shell."""

import io
import re
from collections.abc import Iterator

import openpyxl
import pytest

from tests.exporting import HEADING
from tests.fix_service import Service, new_database, shell
from tests.sending import envelope

AS_OF = "2024-12-31"


@pytest.fixture(scope="module")
def tiers(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    about = {"effective_on": "2024-01-01"}
    group = {**about, "kind": "new_employment_group", "category": "courier", "name": "甲站", "region": "330106"}
    formed = {**about, "formation": "joint", "region": "330106"}
    told = [
        *(envelope(f"org-{n}", "organization.registered", {**group, "org": f"group:tier-{n}"}) for n in range(4)),
        envelope("committee", "branch.formed", {**formed, "branch": "branch:c", "name": "党委", "tier": "committee",
                                                "covers": ["group:tier-0", "group:tier-1"]}),
        *(envelope(f"branch-{n}", "branch.formed", {**formed, "branch": f"branch:{n}", "name": f"支部{n}",
                                                    "tier": "branch", "covers": [f"group:tier-{n}"]}) for n in (2, 3)),
    ]  # fmt: skip
    with Service(tmp_path_factory.mktemp("tiers"), "--dev", database_url=new_database(postgres)) as service:
        results = service.publish(told)
        assert {each["disposition"] for each in results} == {"accepted"}, results
        service.get("/v1/rates", min_position=results[-1]["position"])
        yield service


def test_branches_are_counted_by_tier_on_both_clocks(tiers: Service) -> None:
    found = tiers.get("/v1/branches/tiers", as_of=AS_OF)["tiers"]
    assert found == [
        {"tier": "branch", "branches": 2, "covers": 2},
        {"tier": "committee", "branches": 1, "covers": 2},
    ]
    assert tiers.get("/v1/branches/tiers", as_of=AS_OF, known_at=5)["tiers"] == found[1:]


def test_the_page_the_workbook_and_the_shell_say_the_same(tiers: Service) -> None:
    page = tiers.http.get("/daily/tiers", params={"as_of": AS_OF}, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert re.findall(r'data-label="[^"]*">([^<]*)</td>', page.text) == ["党支部", "2", "2", "党委", "1", "2"]
    [link] = re.findall(r'href="(/v1/branches/tiers\?[^"]*format=xlsx[^"]*)"', page.text)
    book = openpyxl.load_workbook(io.BytesIO(tiers.http.get(link.replace("&amp;", "&")).content))
    rows = list(book["清单"].iter_rows(min_row=HEADING + 1, values_only=True))
    assert rows == [("党支部", 2, 2), ("党委", 1, 2)]
    printed = shell("ask", "branches/tiers", f"as_of={AS_OF}", "--lang", "en", url=tiers.url)
    assert printed.returncode == 0, printed.stderr
    assert re.search(r"Committee\W+1\W+2\b", printed.stdout), printed.stdout
