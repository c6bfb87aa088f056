"""Bundles and copies over HTTP: they hold what they must and no more, and hold up where there is nothing to ask."""

import base64
import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from domain.ledger.rates import Filters, matches
from services.evidence.bundles.relevant import relevant
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from tests.fix_plain import PlainPython
from tests.fix_service import shell
from tests.folding import World

pytestmark = pytest.mark.long

AS_OF = "2024-12-31"


def bundle(world: World, **parameters: Any) -> zipfile.ZipFile:  # noqa: ANN401 - query parameters
    answer = world.service.http.get("/v1/evidence", params={"as_of": AS_OF, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "private, no-store"
    return zipfile.ZipFile(BytesIO(answer.content))


def read(archive: zipfile.ZipFile, name: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(archive.read(name))


def lines(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read("events.jsonl").splitlines()]


def test_a_dossier_s_bundle_has_the_events_that_can_have_a_part_in_it_as_received(world: World) -> None:
    organizations = sorted({row.org for row in world.rows(AS_OF, world.head)})
    assert len(organizations) > 10
    for org in organizations:
        for known_at in (world.head, world.head // 2):
            known = world.events[:known_at]
            due = {event.position for event in relevant(known, [org])}
            if not any(event.data.get("org") == org for event in known):
                continue
            found = lines(bundle(world, org=org, known_at=known_at))
            assert [line["recorded"]["position"] for line in found] == sorted(due)
    as_received = world.service.get(f"/v1/events/{found[0]['recorded']['position']}")["raw_base64"]
    assert found[0]["raw"].encode() == base64.b64decode(as_received)


def test_a_group_s_bundle_answers_as_the_service_does(world: World) -> None:
    regions = world.service.get("/v1/rates", as_of=AS_OF, group_by="region:6")["groups"]
    for group in regions:
        key = {"region:6": group["key"]["region:6"], "kind": "new_economic"}
        rows = [r for r in world.rows(AS_OF, world.head) if r.attributes.region[:6] == key["region:6"]]
        due = sorted(row.org for row in rows if matches(row, Filters(kind="new_economic")))
        if not due:
            continue
        archive = bundle(world, **key)
        assert read(archive, "manifest.json")["organizations"] == due
        asked = read(archive, "manifest.json")["question"]
        assert asked["filters"] == {"kind": "new_economic"}
        assert asked["regions"] == {"6": key["region:6"]}
        explained = world.service.get("/v1/rates/explain", as_of=AS_OF, **key)
        assert [row["org"] for row in read(archive, "answer.json")["rows"]] == due
        assert sorted(each["row"]["org"] for each in explained["organizations"]) == due


def test_one_count_s_bundle_has_those_that_add_to_it(world: World) -> None:
    archive = bundle(world, kind="new_economic", count="organization_covered")
    total = world.service.get("/v1/rates", as_of=AS_OF, kind="new_economic")["total"]["counts"]
    answer = read(archive, "answer.json")
    assert answer["counts"]["organizations"] == total["organization_covered"] > 0


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({}, 400, "name an organization, or a group by its filters"),
        ({"org": "group:nobody-spoke-of"}, 404, "speaks of group:nobody-spoke-of"),
        ({"region": "98"}, 400, "means 0 organizations"),
        ({"kind": "new_economic", "as_of": "1949-10-01"}, 400, "means 0 organizations"),
        ({"orgs": "group:G-1"}, 400, "did you mean org?"),
    ],
)
def test_a_question_that_makes_no_bundle_is_refused_in_words(
    world: World, parameters: dict[str, str], status: int, words: str
) -> None:
    answer = world.service.http.get("/v1/evidence", params=parameters)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


def test_who_took_a_bundle_or_a_copy_is_in_the_trail(world: World) -> None:
    org = world.rows(AS_OF, world.head)[0].org
    bundle(world, org=org)
    assert world.service.last_reading("evidence")["subject"] == org
    world.service.http.get("/v1/export")
    assert world.service.last_reading("export")["subject"] is None


def test_no_entry_of_a_bundle_or_of_the_log_bears_the_hour_of_its_making(world: World) -> None:
    org = world.rows(AS_OF, world.head)[0].org
    for path, asked in (("/v1/evidence", {"as_of": AS_OF, "org": org}), ("/v1/export", {})):
        with zipfile.ZipFile(BytesIO(world.service.http.get(path, params=asked).content)) as archive:
            dates = {entry.filename: entry.date_time for entry in archive.infolist()}
        assert dates
        assert set(dates.values()) == {(1980, 1, 1, 0, 0, 0)}, dates


@pytest.fixture
def taken(world: World, tmp_path: Path) -> Path:
    """A bundle that somebody carries away."""
    file = tmp_path / "evidence.zip"
    org = world.rows(AS_OF, world.head)[0].org
    with file.open("wb") as target:
        target.write(
            world.service.http.get("/v1/evidence", params={"as_of": AS_OF, "org": org, "region:2": "51"}).content
        )
    return file


def test_a_bundle_is_verified_in_an_empty_environment_without_database_or_network(
    world: World, taken: Path, plain_python: PlainPython
) -> None:
    key = world.service.http.get("/v1/log/key").text.strip()
    good = plain_python.run("verify", str(taken), "--log-key", key)
    assert good.returncode == 4, good.stdout + good.stderr
    assert "organizations follow from the events" in good.stdout
    network = plain_python.run("verify", world.service.url)
    assert network.returncode != 0
    assert "cut off" in network.stdout + network.stderr


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("answer.json", b'"work_covered": true', b'"work_covered": false', "does not follow"),
        ("events.jsonl", b"http", b"HTTP", "is not in the log"),
        ("checkpoint", b"\n", b"\nx", "checkpoint"),
        ("manifest.json", b'"51"', b'"52"', "the question does not mean"),
    ],
)
def test_a_spoilt_bundle_is_found_out(  # noqa: PLR0917 - what is spoilt, how, and what is said of it
    taken: Path, tmp_path: Path, name: str, old: bytes, new: bytes, words: str
) -> None:
    spoilt = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(taken) as source, zipfile.ZipFile(spoilt, "w") as target:
        for each in source.namelist():
            data = source.read(each)
            assert each != name or old in data
            target.writestr(each, data.replace(old, new, 1) if each == name else data)
    report = audit_bundle(spoilt, Asked())
    assert any(words in fault.english for fault in report.faults), report.faults


def test_the_whole_log_comes_as_one_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "log.zip"
    file.write_bytes(world.service.http.get("/v1/export").content)
    good = shell("verify", str(file), "--log-key", world.service.http.get("/v1/log/key").text.strip())
    assert good.returncode == 0, good.stdout + good.stderr
    assert f"{world.head:,} events: raw bytes, recorded values and leaves agree" in good.stdout
