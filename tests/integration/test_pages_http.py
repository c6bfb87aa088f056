"""Pages over plain HTTP: addresses, errors, who may read, and what is kept by browsers."""

import re

import pytest

from api.inspection.changes_page import GROUPS_SHOWN
from services.access.api_keys import add_key
from tests.fix_service import Service, new_database
from tests.sending import envelope

pytestmark = pytest.mark.long

HTML = {"accept": "text/html"}


def test_the_first_visit_on_an_empty_ledger_says_what_to_do_next(fresh_service: Service) -> None:
    page = fresh_service.http.get("/?lang=en", headers=HTML)
    assert page.status_code == 200
    assert "make demo" in page.text
    assert "The ledger is still empty" in page.text


def test_fields_left_empty_lead_to_the_plain_address(service: Service) -> None:
    answer = service.http.get("/ledger?q=&kind=new_social&known_on=2025-01-05&lang=en", headers=HTML)
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location == "/ledger?kind=new_social&lang=en&known_at=2025-01-05T23:59:59.999999%2B08:00"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/?as_of=2024-02-30", 400), ("/?knd=new_social", 400), ("/ledger/group:none", 404), ("/nowhere", 404)],
)
def test_an_error_is_a_page_for_a_browser_and_a_problem_for_others(service: Service, path: str, status: int) -> None:
    page = service.http.get(path, headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert re.search(r'role="alert"', page.text)
    other = service.http.get(path, headers={"accept": "application/json"})
    assert (other.status_code, other.headers["content-type"]) == (status, "application/problem+json")


def test_a_call_of_the_api_stays_a_problem_whatever_it_accepts(service: Service) -> None:
    answer = service.http.get("/v1/rates?as_of=x", headers=HTML)
    assert answer.headers["content-type"] == "application/problem+json"


def test_pages_are_no_part_of_the_contract(service: Service) -> None:
    assert not {"/", "/ledger", "/ledger/{org}", "/assessment", "/static/{version}/{name}"} & set(
        service.get("/openapi.json")["paths"]
    )


def test_files_are_kept_for_ever_under_the_name_of_their_content(service: Service) -> None:
    page = service.http.get("/", headers=HTML).text
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(found) == 4
    for path in found:
        answer = service.http.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert service.http.get("/static/000000000000/taizhang.css").status_code == 404


def test_a_page_leaves_the_trail_that_its_twin_in_the_api_leaves(service: Service) -> None:
    service.publish(
        {
            "specversion": "1.0", "id": "p1", "source": "/registry/pages", "time": "2024-01-01T00:00:00Z",
            "type": "taizhang.organization.registered.v1",
            "data": {"org": "group:pages-1", "kind": "new_employment_group", "category": "courier", "name": "甲站",
                     "region": "330106", "effective_on": "2024-01-01"},
        }
    )  # fmt: skip
    head = service.get("/health/ready")["position"]
    service.get("/v1/rates", min_position=head)
    for path, action in (
        ("/ledger", "list"), ("/ledger/group:pages-1", "dossier"), ("/ledger/group:pages-1/history", "history"),
        ("/explain", "explain"), ("/events/1", "event"), ("/inspection", "changes"), ("/inspection/signals", "signals"),
        ("/inspection/events", "audit"), ("/daily", "measures"),
        ("/daily/reminders", "measures"),
    ):  # fmt: skip
        size = service.get("/v1/readings/tree")["tree_size"]
        assert service.http.get(path, headers=HTML).status_code == 200
        found = service.last_reading(action)
        assert (found["number"], found["question"]) == (size + 1, path)


def test_who_may_not_see_a_page_is_told_so_on_a_page(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("pages")
    with Service(folder, database_url=new_database(postgres)) as service:
        nobody = service.http.get("/ledger?lang=en", headers=HTML)
        assert nobody.status_code == 401
        assert "Sign in first" in nobody.text
        key = add_key(folder / "data" / "api-keys.json", "market", frozenset({"publisher"}), None)
        refused = service.http.get("/ledger", headers={**HTML, "authorization": f"Bearer {key}"})
        assert refused.status_code == 403
        assert "您没有查看这一页的权限" in refused.text


def test_a_division_is_called_what_the_log_calls_it_on_the_date(service: Service) -> None:
    """Renamed in June; on both clocks, and in a document as on a page; a code that nobody named stays a code."""
    registered = {"org": "group:named-1", "kind": "new_employment_group", "category": "courier", "name": "甲站"}
    about = {"region": "997301", "effective_on": "2024-01-01"}
    told = [
        envelope("named", "region.created", {**about, "name": "西浦区", "name_en": "Xipu"}, "/divisions"),
        envelope("there", "organization.registered", {**registered, **about, "region": "997301002"}, "/divisions"),
        envelope("renamed", "region.renamed", {**about, "effective_on": "2024-06-01", "name": "新浦区"}, "/divisions"),
    ]
    *_, before, after = (result["position"] for result in service.publish(told))

    def shown(**asked: str | int) -> str:
        answer = service.http.get("/", params={"region": "9973", "min_position": after, **asked}, headers=HTML)
        assert answer.status_code == 200
        return answer.text

    assert "西浦区" in shown(as_of="2024-03-01")
    assert "新浦区" in shown(as_of="2024-07-01")
    assert "西浦区" in shown(as_of="2024-07-01", known_at=before)
    assert "Xipu" in shown(as_of="2024-03-01", lang="en")
    assert ">997301002<" in shown(as_of="2024-03-01", region="997301")
    document = service.get(
        "/v1/rates/export", as_of="2024-07-01", region="9973", group_by="region:6", format="json", known_at=after
    )
    assert [row["group"] for row in document["tables"]["summary"]["rows"]] == ["新浦区", "合计"]


def test_a_long_table_is_cut_and_says_so(service: Service) -> None:
    """A dimension of more divisions than a page shows; the API has them all."""
    about = {"kind": "new_employment_group", "category": "courier", "name": "乙站", "effective_on": "2024-02-01"}
    events = [
        envelope(
            f"many-{n}", "organization.registered",
            {**about, "org": f"group:many-{n}", "region": f"9974010{n // 100:02d}{n % 100 + 100:03d}"}, "/divisions",
        )
        for n in range(GROUPS_SHOWN + 5)
    ]  # fmt: skip
    first, *_, last = (result["position"] for result in service.publish(events))
    page = service.http.get(
        "/inspection",
        params={"as_of": "2024-02-01", "region": "9974", "group_by": "region:12", "since": first, "min_position": last},
        headers=HTML,
    ).text
    assert f"只列前 {GROUPS_SHOWN} 个，共 {GROUPS_SHOWN + 5} 个" in page
