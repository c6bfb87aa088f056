"""A person is kept apart from the log, and forgotten without a trace in it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fix_counties import HERE, ORGS, Counties
from tests.fix_service import Service, shell
from tests.small_city import events

NAME, NUMBER = "王小明", "110101199003070134"
KEPT = {
    "pseudonym": "member:m-1", "person": {"name": NAME, "identity_number": NUMBER}, "purpose": "联络",
    "keep_until": "2099-12-31",
}  # fmt: skip


def ok(answer: Any) -> Any:  # noqa: ANN401 - httpx's answer, any JSON
    assert answer.is_success, answer.text
    return answer.json()


def everything(database: str) -> bytes:
    """All that the database holds, as a dump would."""
    found = b""
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = 'taizhang' OR schemaname LIKE 'ledger%'"
        ).fetchall()
        for (table,) in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as copy:
                found += b"".join(bytes(part) for part in copy)
    return found


def test_a_person_is_erased_and_history_rates_and_proofs_stay(
    fresh_service: Service, database: str, tmp_path: Path
) -> None:
    stream = events()
    position = fresh_service.publish([next(stream) for _ in range(60)])[-1]["position"]
    question = {"as_of": "2024-06-30", "group_by": "region:4", "known_at": position, "min_position": position}
    before = fresh_service.get("/v1/rates", **question)
    ok(fresh_service.http.post("/v1/persons", json=KEPT))
    assert ok(fresh_service.http.get("/v1/persons/member:m-1")) == KEPT["person"]
    assert fresh_service.http.post("/v1/persons", json=KEPT).status_code == 409
    looked = fresh_service.get("/v1/readings", subject="member:m-1")["readings"]
    assert [each["action"] for each in looked] == ["person"]

    with psycopg.connect(database) as connection:
        (key, sealed) = connection.execute(
            "SELECT sealed_key, sealed FROM taizhang.person_key JOIN taizhang.person USING (pseudonym)"
        ).fetchone() or (b"", b"")
    held = everything(database)
    assert bytes(sealed) in held
    # The database alone tells nobody, not even before.
    assert NAME.encode() not in held
    assert NUMBER.encode() not in held

    ok(fresh_service.http.post("/v1/persons/member:m-1/erase", json={"reason": "asked to be forgotten"}))
    assert fresh_service.http.get("/v1/persons/member:m-1").status_code == 404
    held = everything(database)
    assert bytes(key) not in held
    assert bytes(sealed) not in held
    after = fresh_service.get("/v1/rates", **question)
    assert after == before
    history = fresh_service.get("/v1/organizations/group:g-1/history", as_of="2024-06-30")["events"]
    assert "member:m-1" in json.dumps(history)
    # Nothing is left that binds the open leaves to what names the person, and the log says so of each.
    with psycopg.connect(database) as connection:
        erased = [
            position
            for position, raw, value in connection.execute(
                "SELECT notification_id, state, value FROM taizhang.log JOIN taizhang.blinding"
                " ON position = notification_id ORDER BY notification_id"
            )
            if value is None and b'"member:m-1"' in raw
        ]
        (said,) = connection.execute(
            "SELECT state FROM taizhang.log WHERE topic = 'taizhang.evidence.erased.v1'"
        ).fetchall()
    assert erased == json.loads(said[0])["data"]["positions"] != []
    bundle = tmp_path / "log.zip"
    bundle.write_bytes(fresh_service.http.get("/v1/export").content)
    verified = shell("verify", str(bundle))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "were erased with persons: the tree proves them no more" in verified.stdout
    assert NAME not in fresh_service.log.read_text()
    assert NUMBER not in fresh_service.log.read_text()


@pytest.mark.parametrize("caller", ["inspector", "administrator", "steward here"])
def test_nobody_but_a_steward_of_all_regions_sees_persons(counties: Counties, caller: str) -> None:
    assert counties.ask(caller, "/v1/persons").status_code == 403
    assert counties.ask(caller, f"/v1/persons/{ORGS[HERE][0]}").status_code == 403


def test_a_pseudonym_that_tells_who_it_is_is_refused_without_repeating_it(counties: Counties) -> None:
    body = {**KEPT, "pseudonym": f"member:{NUMBER}"}
    refused = counties.ask("steward", "/v1/persons", method="POST", json=body)
    assert refused.status_code == 400
    assert NUMBER not in refused.text
