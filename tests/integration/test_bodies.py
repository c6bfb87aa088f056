"""Bodies and bases over HTTP: lists, explanations, contradictions, pages, targets and sealed reports of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fact_data import ECONOMIC
from tests.fix_service import Service, new_database
from tests.sending import envelope

FIRST, SECOND, THIRD = ECONOMIC
DAY = "2024-01-31"


def registered(org: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {
        "effective_on": "2024-01-02", "org": org, "kind": "new_economic", "category": "private_enterprise",
        "name": f"甲{org[-1]}", "region": "880102", **more,
    }  # fmt: skip
    return envelope(org, "organization.registered", data)


def said(number: int, type_: str, day: str, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(f"b{number}", type_, {"effective_on": day, **data})


EVENTS = [
    registered(FIRST, employees=80), registered(SECOND, category="sole_proprietor"), registered(THIRD),
    said(4, "body.created", "2024-01-01", body="body:parks", kind="park", name="园区管委会"),
    said(5, "body.created", "2024-01-01", body="body:a", kind="park", name="甲园", parent="body:parks"),
    said(6, "body.created", "2024-01-01", body="body:b", kind="park", name="乙园", parent="body:parks"),
    said(7, "organization.placed", "2024-01-03", org=FIRST, body="body:a"),
    said(8, "organization.placed", "2024-01-05", org=FIRST, body="body:b"),
    said(9, "organization.placed", "2024-01-03", org=SECOND, body="body:a"),
    said(10, "organization.placed", "2024-01-03", org=THIRD, body="body:never"),
    said(11, "organization.unplaced", "2024-01-07", org=FIRST, body="body:a"),
    said(12, "body.changed", "2024-01-08", body="body:parks", parent="body:b"),
    said(13, "basis.adopted", "2024-01-10", name="legal_units", title="法人单位口径",
         categories=["private_enterprise"], legal_persons_only=True, employees_min=None,
         formations_counted=["standalone"]),
    said(14, "basis.adopted", "2024-01-10", name="large", title="50 人以上", categories=["private_enterprise"],
         legal_persons_only=False, employees_min=50, formations_counted=["standalone"]),
    said(15, "campaign.opened", "2024-01-10", campaign="campaign:c", name="攻坚", office="office:o"),
    said(16, "campaign.target_set", "2024-01-10", campaign="campaign:c", target="parks", rate="work_coverage",
         comparator="at_least", value="0.5000", due_on="2024-01-20", office="office:o", body="body:parks",
         basis="legal_units"),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("bodies"), "--dev", database_url=new_database(postgres)) as running:
        position = max(each["position"] for each in running.publish(EVENTS))
        running.get("/v1/rates", min_position=position)
        yield running


def orgs(answer: dict[str, Any]) -> list[str]:
    return sorted(each["org"] for each in answer["organizations"])


def test_a_body_means_itself_and_all_below_it_as_it_stood_on_the_date(told: Service) -> None:
    assert orgs(told.get("/v1/organizations", as_of=DAY, body="body:parks")) == sorted([FIRST, SECOND])
    assert orgs(told.get("/v1/organizations", as_of=DAY, body="body:b")) == [FIRST]
    assert orgs(told.get("/v1/organizations", as_of="2024-01-04", body="body:a")) == sorted([FIRST, SECOND])
    assert orgs(told.get("/v1/organizations", as_of=DAY, body="body:a", known_at=7)) == [FIRST]
    assert orgs(told.get("/v1/organizations", as_of=DAY, body="body:never")) == []


def test_the_dossier_tells_the_body_of_each_kind_and_what_decides_it(told: Service) -> None:
    found = told.get(f"/v1/organizations/{FIRST}", as_of=DAY)
    assert found["row"]["bodies"]["park"] == "body:b"
    assert found["row"]["bodies"]["platform"] is None
    assert found["decided_by"]["bodies"] == [1, 5, 6, 7, 8, 11]


def test_a_group_by_body_is_explained_by_its_key(told: Service) -> None:
    def explained(key: str) -> list[str]:
        answer = told.get("/v1/rates/explain", as_of=DAY, body_key=key)
        return sorted(each["row"]["org"] for each in answer["organizations"])

    groups = told.get("/v1/rates", as_of=DAY, group_by=["body:park:1"])["groups"]
    assert [each["key"]["body:park:1"] for each in groups] == ["body:parks", None]
    assert explained("body:park:1=body:parks") == sorted([FIRST, SECOND])
    assert explained("body:park=body:a") == [SECOND]
    assert explained("body:park=null") == [THIRD]


def test_the_hierarchies_have_the_figures_of_all_below(told: Service) -> None:
    found = told.get("/v1/bodies", as_of=DAY, kind="park")["bodies"]
    assert [(each["body"], each["parent"], each["level"], each["counts"]["registered"]) for each in found] == [
        ("body:parks", None, 1, 2), ("body:a", "body:parks", 2, 1), ("body:b", "body:parks", 2, 1),
    ]  # fmt: skip
    assert told.get("/v1/bodies", as_of=DAY, kind="market")["bodies"] == []


def test_a_basis_counts_whom_it_names_and_unknown_sizes_are_smaller_than_any(told: Service) -> None:
    def counted(**asked: str) -> int:
        total: int = told.get("/v1/rates", as_of=DAY, **asked)["total"]["counts"]["registered"]
        return total

    assert (counted(), counted(basis="all"), counted(basis="legal_units"), counted(basis="large")) == (3, 3, 2, 1)
    names = [each["name"] for each in told.get("/v1/bases", as_of=DAY)["bases"]]
    assert names == ["all", "large", "legal_units"]
    assert told.get("/v1/rates", as_of=DAY, basis="large")["filters"] == {"basis": "large"}


@pytest.mark.parametrize("day", ["2024-01-09", DAY])
def test_a_basis_that_is_not_in_force_is_refused_in_words(told: Service, day: str) -> None:
    name = "large" if day < "2024-01-10" else "nonsense"
    answer = told.http.get("/v1/rates", params={"as_of": day, "basis": name})
    assert answer.status_code == 400
    assert name in answer.json()["detail"]


def test_a_body_that_is_none_is_refused(told: Service) -> None:
    assert told.http.get("/v1/rates", params={"body": "parks"}).status_code == 400
    assert told.http.get("/v1/rates", params={"group_by": "body:street"}).status_code == 400


def test_contradictions_between_bodies_and_placements_are_told(told: Service) -> None:
    found = told.get("/v1/anomalies", as_of=DAY)["anomalies"]
    assert sorted((each["anomaly"], each["subject"], each["position"]) for each in found if each["position"]) == [
        ("not_placed", FIRST, 11), ("parent_in_circle", "body:parks", 12),
    ]  # fmt: skip
    (waiting,) = [each for each in found if each["anomaly"] == "body_not_created"]
    assert (waiting["subject"], waiting["detail"]) == (THIRD, "body:never")


def test_a_target_takes_a_body_and_a_basis(told: Service) -> None:
    (target,) = told.get("/v1/campaigns/campaign:c", as_of=DAY)["targets"]
    assert (target["segment"]["body"], target["segment"]["basis"]) == ("body:parks", "legal_units")
    assert target["now"]["denominator"] == 1


def test_bodies_and_bases_have_pages(told: Service) -> None:
    for path in ("/bodies", "/bases"):
        page = told.http.get(path, params={"as_of": DAY})
        assert page.status_code == 200
    assert "甲园" in told.http.get("/bodies", params={"as_of": DAY}).text
