"""Full lists over HTTP and from the shell, on a real service."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fix_service import Service, shell
from tests.full_lists import Stock, as_csv, as_xlsx, saved, stock
from tests.sending import envelope


def _post(service: Service, source: str, content: bytes, as_of: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
    given = {"source": source, "as_of": as_of, **parameters}
    answer = service.http.post("/v1/lists", params=given, content=content)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _own(rows: Stock, source: str) -> Stock:
    """The same rows as groups of this test's own, since tests share the service."""
    mark = source[-12:]
    return [[f"group:{mark}-{n}", row[1], "快递员", *row[3:]] for n, row in enumerate(rows)]


def _cli(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return shell("reconcile", *arguments, "--url", service.url)


def test_a_list_is_shown_then_published_and_a_second_time_changes_nothing(service: Service, source: str) -> None:
    rows = _own(stock(30), source)
    content = as_csv(rows, "gb18030")
    shown = _post(service, source, content, "2024-01-31")
    assert shown["published"] is None
    assert shown["differences"]["registered"] == 30
    published = _post(service, source, content, "2024-01-31", publish=True)
    assert published["published"] == {"accepted": 30, "duplicate": 0, "quarantined": 0}
    assert published["stated"] == 1
    again = _post(service, source, content, "2024-01-31", publish=True, min_position=published["position"])
    assert again["differences"] == {
        "registered": 0, "changed": 0, "deregistered": 0, "unchanged": 30, "kind_differs": 0,
    }  # fmt: skip
    assert again["published"] == {"accepted": 0, "duplicate": 0, "quarantined": 0}
    row = service.get(f"/v1/organizations/{rows[0][0]}", as_of="2024-02-01")["row"]
    assert row["attributes"]["name"] == rows[0][1]


def test_changes_and_corrections_of_a_steward_are_seen(service: Service, source: str) -> None:
    rows = _own(stock(10), source)
    position = _post(service, source, as_csv(rows), "2024-01-31", publish=True)["position"]
    event = service.get("/v1/audit", subject=rows[0][0], min_position=position)["events"][0]
    full = service.get(f"/v1/events/{event['position']}")["event"]
    word = envelope("c1", "event.corrected", {
        "corrects": {"source": source, "id": full["id"]}, "reason": "typing error",
        "replacement": {**full["data"], "employees": 55},
    }, "/steward")  # fmt: skip
    (receipt,) = service.publish([word])
    assert receipt["position"] > position
    rows[1][6] = "新地址"
    seen = _post(service, source, saved(as_xlsx(rows)), "2024-02-29", min_position=receipt["position"])
    assert seen["differences"]["changed"] == 2
    assert seen["fields"] == {"employees": 1, "address": 1}


def test_the_shell_keeps_a_profile_and_asks_for_confirmation(service: Service, source: str, tmp_path: Path) -> None:
    rows = _own(stock(10), source)
    profile = tmp_path / "profile.json"
    columns = {"org": "编码", "name": "名", "region": "区"}
    profile.write_text(json.dumps({"columns": columns, "constants": {"category": "courier"}}), "utf-8")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    lines = ["编码,名,区", *(f"{row[0]},{row[1]},{row[3]}" for row in rows)]
    first.write_text("\n".join(lines), "gb18030")
    second.write_text("\n".join(lines[:-2]), "utf-8")
    told = _cli(service, source, str(first), "--as-of", "2024-01-31", "--profile", str(profile), "--publish")
    assert told.returncode == 0, told.stderr + told.stdout
    service.get("/v1/rates", min_position=service.get("/health/ready")["position"])
    held = _cli(service, source, str(second), "--as-of", "2024-02-29", "--publish")
    assert held.returncode == 5, held.stderr + held.stdout
    (plan,) = set(re.findall("--confirm ([0-9]+-[0-9a-f]{32})", held.stdout.replace("\n", "")))
    command = (source, str(second), "--as-of", "2024-02-29", "--publish", "--json", "--confirm")
    assert _cli(service, *command, plan[:-1] + ("0" if plan[-1] != "0" else "1")).returncode == 5
    confirmed = _cli(service, *command, plan)
    assert confirmed.returncode == 0, confirmed.stderr + confirmed.stdout
    assert json.loads(confirmed.stdout)["published"] == {"accepted": 2, "duplicate": 0, "quarantined": 0}
    again = json.loads(_cli(service, *command[:-1]).stdout)
    assert again["plan"]["publishes"] == dict.fromkeys(again["plan"]["publishes"], 0)
    kept = service.get("/v1/lists/profile", source=source)["profile"]
    assert kept["columns"] == columns


@pytest.mark.parametrize(("content", "remedy"), [(b"a,b\n1,2\n", "profile"), (b"PK\x03\x04nothing", "xlsx")])
def test_a_file_that_is_no_list_is_refused_with_the_remedy(
    service: Service, source: str, content: bytes, remedy: str
) -> None:
    answer = service.http.post("/v1/lists", params={"source": source, "as_of": "2024-01-31"}, content=content)
    assert answer.status_code == 400
    assert remedy in answer.json()["detail"]
