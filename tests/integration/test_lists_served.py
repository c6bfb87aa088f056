"""Lists sent to a real service: what is refused, in words and by place; what is read by name; what is held."""

from pathlib import Path
from typing import Any

import pytest

from tests.fix_service import Service
from tests.full_lists import HEADINGS, Stock, as_csv
from tests.sending import envelope
from tests.served_lists import ask, own_stock, post

CASES = Path(__file__).parents[1] / "data" / "lists"
DAY = "2024-02-29"


def _csv(headings: list[str], rows: Stock) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in [headings, *rows]).encode()


@pytest.mark.parametrize(
    "name", ["01-far-cell-long-attributes.xlsx", "01-far-cell-single-quoted.xlsx", "01-ods-repeated-rows.ods"]
)
def test_a_workbook_that_would_unpack_without_end_is_answered_and_the_service_goes_on(
    service: Service, source: str, name: str
) -> None:
    answer = ask(service, source, (CASES / name).read_bytes(), DAY, publish=True)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["rule"] == "cells"
    assert "export the list as CSV" in error["message"]
    assert service.http.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("05-error-cells-ref.xlsx", "formula_error"),
        ("11b-list-formulas-without-stored-values.xlsx", "formula_not_stored"),
    ],
)  # fmt: skip
def test_a_cell_that_holds_no_value_is_named_and_nothing_is_published(
    service: Service, source: str, name: str, rule: str
) -> None:
    answer = post(service, source, (CASES / name).read_bytes(), DAY, publish=True)
    assert answer["published"] is None
    assert {each["rule"] for each in answer["refusals"]} == {rule}
    assert all(each["cell"] and each["message"] for each in answer["refusals"])


def test_a_list_with_a_column_that_nobody_named_is_published_once_its_plan_is_confirmed(
    service: Service, source: str
) -> None:
    rows = [[*row, "100万元"] for row in own_stock(3, source)]
    content = _csv([*HEADINGS, "注册资本"], rows)
    held = post(service, source, content, DAY, publish=True)
    assert (held["published"], held["unread"]) == (None, ["注册资本"])
    assert "注册资本" in held["hindrance"]
    done = post(service, source, content, DAY, publish=True, confirm=held["plan"]["name"])
    assert done["published"]["accepted"] == 3
    later = post(service, source, content, "2024-03-31", publish=True)
    assert (later["hindrance"], later["unread"]) == (None, [])


def test_divisions_are_read_by_the_names_that_the_log_gives_them(service: Service, source: str) -> None:
    """The digits of the source's own, since tests share the service."""
    number = int(source[-8:], 16)
    county = f"9{number // 99 % 1_000:03d}{1 + number % 99:02d}"  # which never ends in the zeros of a padded code
    made = {"effective_on": "2000-01-01", "region": county, "name": f"澄江{county}区"}
    (receipt,) = service.publish([envelope(f"region-{county}", "region.created", made, "/registry/regions")])
    assert (
        service.get("/v1/lists/places", as_of=DAY, min_position=receipt["position"])["places"][county] == made["name"]
    )
    rows = [[row[0], row[1], row[2], made["name"], *row[4:]] for row in own_stock(3, source)]
    done = post(service, source, _csv(["群体编号", "名称", "类型", "所属区县", *HEADINGS[4:]], rows), DAY, publish=True)
    assert done["published"]["accepted"] == 3
    found = service.get(f"/v1/organizations/{rows[0][0]}", as_of=DAY, min_position=done["position"])
    assert found["row"]["attributes"]["region"] == county
    unknown = [[*row[:3], "无此区", *row[4:]] for row in rows]
    refused = post(service, source, _csv(["群体编号", "名称", "类型", "所属区县", *HEADINGS[4:]], unknown), DAY)
    assert {each["rule"] for each in refused["refusals"]} == {"place_unknown"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"confirm": "5"}, {"confirm": "x-y"}, {"page": "3/2"}, {"region": "88010"}, {"known_at": 10**12},
        {"page": "1/2", "region": "880107"},
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_refused_in_words(service: Service, source: str, parameters: dict[str, Any]) -> None:
    answer = ask(service, source, as_csv(own_stock(3, source)), "2024-01-31", publish=True, **parameters)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"events":[]}', b'{"events":[{"source":"/another"}]}', b'{"events":[{"source":"SOURCE","n":1e999}]}',
     b'{"events":[{"source":"SOURCE","n":' + b"9" * 400 + b"}]}"],
)  # fmt: skip
def test_a_turn_takes_nothing_but_whole_events_of_its_source(service: Service, source: str, body: bytes) -> None:
    head = service.get("/health/ready")["position"]
    sent = body.replace(b"SOURCE", source.encode())
    answer = service.http.post("/v1/lists/turn", params={"source": source, "decided_at": head}, content=sent)
    assert answer.status_code == 400, answer.text
