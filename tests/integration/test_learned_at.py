"""The second clock of imports: in the log, over HTTP, in every answer, after a rebuild, before the verifier."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.tree.leaf import Blinding, leaf_of, record_of
from domain.tree.merkle import leaf_hash
from services.evidence.verifier.verify import Source, verify_log
from services.intake.intake import Intake
from services.log.messages import Message
from services.log.recorder import positions_at
from tests.fix_service import BATCH, Service, new_database, shell
from tests.fix_store import Rows
from tests.oracle.instants import read_instant
from tests.oracle.learning import Arrived, learned_at, position_at
from tests.sending import STEWARD, envelope

pytestmark = pytest.mark.long

HEADER = "Taizhang-Import"
NAME = "沙河 2019–2024"
MINUTE = timedelta(minutes=1)


def arrived(rows: Rows) -> list[Arrived]:
    """The log as the oracle takes it."""
    columns = "recorded_at, intake ->> 'import', convert_from(state, 'UTF8')"
    found = rows(f"SELECT {columns} FROM taizhang.log ORDER BY notification_id")  # noqa: S608 - our own
    return [Arrived(at, history, read_instant(json.loads(state)["time"])) for at, history, state in found]


def registered(number: int, on: str, time: str) -> dict[str, Any]:
    data = {
        "effective_on": on, "org": f"group:o-{number}", "kind": "new_employment_group", "category": "courier",
        "name": f"站 {number}", "region": "510104", "employees": 10,
    }  # fmt: skip
    return envelope(f"registered-{number}", "organization.registered", data, time=time)


TIMES = st.sampled_from(
    ["1900-01-01T00:00:00Z", "2023-05-01T09:00:00+08:00", "2024-06-01T00:00:00.000000001Z", "2024-06-01T00:00:00Z",
     "2024-12-31T23:59:59.999999999+08:00", "2199-12-31T23:59:59Z"]
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_log_learns_and_maps_as_the_oracle_does(intake: Intake, rows: Rows, data: st.DataObject) -> None:
    """Batches of imports and live events mixed, on one log that grows from example to example."""
    (start,) = rows("SELECT count(*) FROM taizhang.log")[0]
    batches = data.draw(
        st.lists(st.lists(st.tuples(TIMES, st.sampled_from([None, "a", "b"])), min_size=1, max_size=4), max_size=3)
    )
    number = start
    for batch in batches:
        messages = []
        for time, history in batch:
            number += 1
            raw = json.dumps(registered(number, "2024-01-01", time)).encode()
            coordinates = {"channel": "http", "request": "r", "index": number}
            named = {} if history is None else {"import": history}
            messages.append(Message(raw, {**coordinates, **named}, STEWARD))
        assert {receipt.disposition for receipt in intake.admit(messages)} == {"accepted"}
    expected = learned_at(arrived(rows))
    assert [each.learned_at for each in intake.recorder.tail(0)] == expected
    ends = [*expected[-6:], *expected[:3], datetime(2024, 1, 1, tzinfo=UTC), datetime(1899, 1, 1, tzinfo=UTC)]
    asked = [at + timedelta(microseconds=by) for at in ends for by in (-1, 0, 1)]
    with intake.recorder.transaction() as cursor:
        assert positions_at(cursor, asked) == [position_at(expected, at) for at in asked]


def test_the_import_stands_in_the_leaf_and_leaves_without_one_are_as_they_were(intake: Intake, rows: Rows) -> None:
    raw = json.dumps(registered(1, "2024-01-01", "2024-01-02T00:00:00Z")).encode()
    other = json.dumps(registered(2, "2024-01-01", "2024-01-02T00:00:00Z")).encode()
    plain = {"channel": "http", "request": "r", "index": 0}
    intake.admit([Message(raw, {**plain, "import": NAME}, STEWARD), Message(other, plain, STEWARD)])
    for event, coordinates in zip(intake.recorder.tail(0), ({**plain, "import": NAME}, plain), strict=True):
        assert event.intake == coordinates
        record = record_of(
            event.position, event.source, event.id, event.raw_sha256, event.recorded_at, "steward", coordinates
        )  # fmt: skip
        ((value,),) = rows("SELECT value FROM taizhang.blinding WHERE position = %s", event.position)
        assert event.leaf_hash == leaf_hash(leaf_of(event.position, record, Blinding(bytes(value))))


def test_verify_names_a_learned_at_that_breaks_the_rule(intake: Intake, store: str, rows: Rows) -> None:
    plain = {"channel": "http", "request": "r"}
    for number in range(1, 7):
        history = {"import": "h"} if number in {2, 3, 5} else {}
        raw = json.dumps(registered(number, "2024-01-01", f"2024-0{number}-01T00:00:00Z")).encode()
        intake.admit([Message(raw, {**plain, "index": number, **history}, STEWARD)])
    assert verify_log(Source(6, store), ())[0].faults == []
    rows("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
    changes = {3: "learned_at - interval '1 microsecond'", 5: "NULL", 6: "recorded_at - interval '1 day'"}
    for position, change in changes.items():
        rows(f"UPDATE taizhang.log SET learned_at = {change} WHERE notification_id = {position}")  # noqa: S608 - our own
    report, _ = verify_log(Source(6, store), ())
    assert {fault.position for fault in report.faults} == set(changes)
    assert all("learned_at was changed" in fault.english for fault in report.faults)


@pytest.fixture(scope="module")
def city(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A history of a year brought along, then live events, one of them a correction of what was brought."""
    database = new_database(postgres)
    with Service(tmp_path_factory.mktemp("learned"), "--dev", database_url=database) as running:
        months = [f"2024-{month:02d}-15T09:00:00+08:00" for month in range(1, 13)]
        brought = [registered(n, time[:10], time) for n, time in enumerate(months, 1)]
        brought += [registered(13, "2024-03-01", "2025-01-20T09:00:00+08:00")]
        brought += [
            envelope(
                "formed-1", "branch.formed",
                {"effective_on": "2024-12-20", "branch": "branch:b", "name": "支部", "tier": "branch",
                 "formation": "joint", "region": "510104", "covers": ["group:o-1", "group:o-2"]},
                time="2025-01-25T09:00:00+08:00",
            )
        ]  # fmt: skip
        answer = running.http.post(
            "/v1/events", json=brought, headers={"content-type": BATCH, HEADER: "%E6%B2%99%E6%B2%B3"}
        )
        assert {each["disposition"] for each in answer.json()["results"]} == {"accepted"}
        (last,) = running.publish([registered(14, "2024-11-01", "2024-11-02T09:00:00+08:00")])
        running.get("/v1/rates", min_position=last["position"])
        yield running, database


AS_OF = "2024-12-31"
# Before the first, between, on the instant itself, after all that was brought.
INSTANTS = {
    "2023-12-31T23:59:59+08:00": 0,
    "2024-01-15T09:00:00+08:00": 1,
    "2024-06-30T23:59:59.999999+08:00": 6,
    "2024-12-31T23:59:59.999999+08:00": 12,
    "2025-01-24T00:00:00Z": 13,
    "2025-02-01T00:00:00Z": 14,
}
GIVEN = {
    "since": "0", "from": "2024-01-31", "to": "2024-12-31", "as_of": AS_OF, "region": "510104", "source": "/registry/x",
    "count": "organizations", "step": "month",
}  # fmt: skip
NAMED = {"{org}": "group:o-1"}
# A file whose manifest names the position; readings by what they asked; the columns of a source's lists, no figure;
# reports of cities and scores by a sheet, of which this ledger has none.
NOT_ASKED = {"/v1/evidence", "/v1/readings", "/v1/lists/profile", "/v1/province/rates", "/v1/scores"}


def asked_calls(service: Service) -> Iterator[tuple[str, dict[str, str]]]:
    """Every call that takes `known_at` and whose path needs no more than an organization, with what it requires."""
    for path, methods in service.get("/openapi.json")["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        if not any(each["name"] == "known_at" for each in parameters):
            continue
        for template, value in NAMED.items():
            path = path.replace(template, value)  # noqa: PLW2901 - the same path, filled in
        wanted = {each["name"] for each in parameters if each.get("required") and each["in"] == "query"}
        wanted |= {"as_of"} & {each["name"] for each in parameters}
        if path not in NOT_ASKED and "{" not in path and wanted <= GIVEN.keys():
            yield path, {name: GIVEN[name] for name in wanted}


@pytest.mark.parametrize(("instant", "position"), INSTANTS.items())
def test_an_instant_means_one_position_in_every_call(city: tuple[Service, str], instant: str, position: int) -> None:
    service, _ = city
    expected = service.get("/v1/rates", as_of=AS_OF, known_at=instant)["known_at"]
    assert expected["position"] == position
    if position:
        assert expected["basis"] == "said"
        assert expected["learned_at"] < expected["recorded_at"]
    else:
        assert (expected["learned_at"], expected["recorded_at"]) == (None, None)
        assert "empty" in expected["note"]
    silent = []
    for path, wanted in asked_calls(service):
        answer = service.http.get(path, params={**wanted, "known_at": instant})
        if answer.status_code == 404 and position == 0:
            continue  # nothing speaks of the organization yet
        assert answer.status_code == 200, (path, answer.text)
        if not answer.headers["content-type"].startswith("application/json"):
            continue  # a file or a stream, which names no clock
        found = answer.json()
        sides = [
            each for each in (found, found.get("this"), *(found.get("points") or [])) if each and "known_at" in each
        ]
        assert all(side["known_at"] == expected for side in sides), path
        silent += [] if sides else [path]
    assert silent == []


@pytest.mark.parametrize(("instant", "position"), INSTANTS.items())
def test_an_instant_gives_one_figure_in_every_form(city: tuple[Service, str], instant: str, position: int) -> None:
    service, _ = city
    clocks = {"as_of": AS_OF, "known_at": instant}
    total = service.get("/v1/rates", **clocks)["total"]["counts"]
    assert total == service.get("/v1/rates", as_of=AS_OF, known_at=position)["total"]["counts"]
    assert total["organizations"] == min(position, 13)
    rate = service.get("/v1/rates", **clocks)["total"]["rates"]["organization_coverage"]
    (point,) = service.get("/v1/rates/series", **{"from": AS_OF, "to": AS_OF}, step="day", known_at=instant)["points"]
    assert point["total"]["counts"] == total
    compared = service.get("/v1/rates/compare", as_of=AS_OF, other_known_at=instant)
    assert compared["other"]["known_at"]["position"] == position
    if position:
        assert compared["total"]["other"]["counts"] == total
    since = service.get("/v1/changes", as_of=AS_OF, since=instant)
    assert since["since"]["position"] == position
    assert since["total"]["before"]["counts"] == total
    vintage = service.get("/v1/rates/vintage", **{"from": AS_OF, "to": AS_OF}, step="day", known=instant)
    assert vintage["known"][0]["position"] == position
    if position >= 12:
        assert vintage["rows"][0]["cells"][0] == rate
    page = service.http.get("/", params={**clocks, "lang": "en"}).text
    assert f"known_at={position}" in page
    printed = shell("rates", "--as-of", AS_OF, "--known-at", instant, "--json", url=service.url)
    assert json.loads(printed.stdout)["total"]["counts"] == total


def test_what_was_known_then_is_one_in_series_vintage_and_rates(city: tuple[Service, str]) -> None:
    service, _ = city
    asked = {"from": "2024-01-31", "to": AS_OF, "step": "month"}
    points = service.get("/v1/rates/series", **asked, known="then")["points"]
    assert [point["known_at"]["position"] for point in points] == list(range(1, 13))
    vintage = service.get("/v1/rates/vintage", **asked)
    assert [each["position"] for each in vintage["known"]] == list(range(1, 13))
    for point in points:
        end = f"{point['as_of']}T23:59:59.999999+08:00"
        rates = service.get("/v1/rates", as_of=point["as_of"], known_at=end)
        assert rates["total"] == point["total"]
        assert rates["known_at"] == point["known_at"]


def test_lateness_is_days_from_effect_to_learning(city: tuple[Service, str]) -> None:
    service, _ = city
    late = service.get("/v1/organizations/group:o-13/history", as_of=AS_OF)["events"][0]
    assert (late["days_late"], late["reason"], late["basis"]) == (325, "late_fact", "said")
    changes = service.get("/v1/changes", as_of=AS_OF, since="2024-12-31T23:59:59+08:00", known_at=14)
    assert {p: (e["days_late"], e["basis"]) for p, e in changes["events"].items()} == {
        "13": (325, "said"), "14": (36, "said")
    }  # fmt: skip
    assert changes["sources"][0]["days_late"] == {"min": 36, "median": 36, "max": 325}
    (hit,) = service.get("/v1/signals", signal="backdated", deadline=AS_OF, known_at=14)["hits"]
    assert hit["detail"]["learned_on"] == "2025-01-25"
    assert (hit["detail"]["days_after_deadline"], hit["detail"]["basis"]) == (25, "said")
    live = service.get("/v1/organizations/group:o-14/history", as_of=AS_OF)["events"][0]
    assert live["basis"] == "recorded"
    assert live["learned_at"] == live["recorded_at"]


def test_a_page_of_an_empty_ledger_says_so(city: tuple[Service, str]) -> None:
    service, _ = city
    page = service.http.get("/", params={"as_of": AS_OF, "known_at": "2023-12-31T00:00:00Z", "lang": "en"}).text
    assert "nothing was known yet" in page
    chinese = service.http.get("/", params={"as_of": AS_OF, "known_at": "2023-12-31T00:00:00Z", "lang": "zh"}).text
    assert "尚无任何事件" in chinese


def test_a_rebuild_keeps_what_an_instant_means(city: tuple[Service, str]) -> None:
    service, database = city
    instant = "2024-06-30T23:59:59+08:00"
    before = service.get("/v1/rates", as_of="2024-06-30", known_at=instant)
    rebuilt = shell("rebuild", database_url=database, url=service.url)
    assert rebuilt.returncode == 0, rebuilt.stderr
    after = service.get("/v1/rates", as_of="2024-06-30", known_at=instant)
    assert after["known_at"] == before["known_at"]
    assert after["total"] == before["total"]


@pytest.mark.parametrize(
    ("name", "status"), [("x" * 101, 400), ("", 400), ("a%00b", 400), ("%ff", 400), ("x" * 100, 200)]
)
def test_the_name_of_an_import_is_held_to_its_limits(service: Service, source: str, name: str, status: int) -> None:
    event = envelope("e", "member.removed", {"effective_on": "2024-01-01", "member": "member:m"}, source)
    answer = service.http.post("/v1/events", json=[event], headers={"content-type": BATCH, HEADER: name})
    assert answer.status_code == status, answer.text
    if status == 200:
        service.get("/v1/rates", min_position=answer.json()["results"][0]["position"])
    kept = service.get("/v1/audit", source=source)["events"]
    assert len(kept) == (status == 200)
    if kept:
        assert kept[0]["intake"]["import"] == name


def test_the_shell_brings_a_history(service: Service, source: str, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    event = envelope("e", "member.removed", {"effective_on": "2024-01-01", "member": "member:m"}, source)
    file.write_text(json.dumps(event) + "\n")
    done = shell("publish", "--history", NAME, str(file), url=service.url)
    assert done.returncode == 0, done.stderr
    (again,) = service.publish([event])
    (kept,) = service.get("/v1/audit", source=source, min_position=again["position"])["events"]
    assert (kept["intake"]["import"], kept["basis"]) == (NAME, "said")
