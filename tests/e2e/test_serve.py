"""`taizhang serve` and its companions, as an operator and a newcomer use them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.examples import NUMBERED
from tests.fix_service import START_S_MAX, Service, environment, free_port, shell
from tests.sending import removed

pytestmark = pytest.mark.long

DELIVERIES: list[dict[str, Any]] = NUMBERED["01"]["deliveries"]


def children(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.process.pid).children()


def projector(service: Service) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in children(service):
            if "projector" in child.cmdline():
                return child
        time.sleep(0.05)
    pytest.fail("no projector runs")


def test_with_nothing_but_a_folder_it_serves_and_stops_in_order(data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    with Service(data_dir, "--dev") as service:
        (result,) = service.publish(removed("e1"))
        assert service.get("/v1/rates", min_position=result["position"])["known_at"]["position"] == 1
        child = projector(service)
        assert service.stop() == 0
        assert not child.is_running()
    assert not (data_dir / "data" / "cluster" / "postmaster.pid").exists()
    text = service.log.read_text()
    assert "--dev: no sign-in" in text
    assert "Traceback" not in text
    with Service(data_dir, "--dev") as service:
        assert service.publish(removed("e1"))[0] == {**result, "disposition": "duplicate"}


def test_when_it_is_killed_the_projector_goes_too_and_nothing_acknowledged_is_lost(served_dir: Path) -> None:
    with Service(served_dir, "--dev") as service:
        results = service.publish(DELIVERIES)
        child = projector(service)
        service.kill()
        child.wait(20)
    with Service(served_dir, "--dev") as service:
        again = service.publish(DELIVERIES)
        assert [each["position"] for each in again] == [each["position"] for each in results]
        assert {each["disposition"] for each in again} == {"duplicate"}
        assert service.get("/v1/rates", min_position=len(results))["known_at"]["position"] == len(results)


def test_a_projector_that_is_killed_is_started_again(fresh_service: Service) -> None:
    first = projector(fresh_service)
    first.kill()
    first.wait(20)
    assert projector(fresh_service).pid != first.pid
    (result,) = fresh_service.publish(removed("e1"))
    # A question waits for a few seconds, which a projector that has to start may not do with.
    deadline = time.monotonic() + 60
    asked = {"min_position": result["position"]}
    while fresh_service.http.get("/v1/rates", params=asked).status_code == 503 and time.monotonic() < deadline:
        pass
    fresh_service.get("/v1/rates", **asked)


def test_a_port_in_use_is_told_before_anything_starts(service: Service, tmp_path: Path) -> None:
    told = shell("serve", "--dev", "--port", str(service.port), "--data", str(tmp_path / "other"))
    assert told.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {service.port}" in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        (["--dev", "--host", "0.0.0.0"], {}, "TAIZHANG_HOST"),  # noqa: S104 - refused
        ([], {"port": "eighty"}, "TAIZHANG_PORT: 'eighty': Input should be a valid integer"),
        ([], {"databse_url": "x"}, "did you mean TAIZHANG_DATABASE_URL"),
        ([], {"database_url": "nonsense"}, "TAIZHANG_DATABASE_URL: expected postgresql://"),
    ],
)
def test_a_wrong_setting_ends_the_start(arguments: list[str], settings: dict[str, str], expected: str) -> None:
    told = shell("serve", *arguments, **settings)
    assert told.returncode == 2
    assert expected in told.stderr
    assert "Traceback" not in told.stderr


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    address = f"postgresql://ledger:hunter2@127.0.0.1:{free_port()}/ledger"
    told = shell("serve", "--dev", "--port", "0", "--data", str(tmp_path), database_url=address)
    assert told.returncode == 1
    assert "the database cannot be used" in told.stderr
    assert "hunter2" not in told.stderr
    assert "Traceback" not in told.stderr


def test_publish_keeps_every_line_and_says_what_became_of_them(service: Service, source: str, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    (before,) = service.publish([{"id": "half"}])
    lines = [json.dumps(removed(f"e{n}", source)) for n in range(16)]
    file.write_text("\n".join([*lines[:3], "not json {", lines[3], "", '{"half": true}', *lines[4:], lines[0]]) + "\n")
    told = shell("publish", str(file), url=service.url)
    assert told.returncode == 3, told.stderr
    assert "received 19 = accepted 16 + duplicate 1 + quarantined 2" in told.stdout
    assert "attribute" in told.stdout
    held = service.get("/v1/quarantine")["quarantined"]
    new = [each["raw_bytes"] for each in held if each["quarantine_id"] > before["quarantine_id"]]
    assert sorted(new) == [len("not json {"), len('{"half": true}')]
    again = shell("publish", str(file), url=service.url)
    assert "accepted 0 + duplicate 17" in again.stdout


def test_publish_takes_a_json_array_too(service: Service, source: str, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([removed(f"e{n}", source) for n in range(16)], indent=2))
    told = shell("publish", str(file), url=service.url)
    assert told.returncode == 0, told.stderr
    assert "accepted 16" in told.stdout


def test_the_questions_have_answers_in_a_shell(fresh_service: Service) -> None:
    service = fresh_service  # other tests speak of the organizations of the worked examples too
    position = max(each["position"] for each in service.publish(DELIVERIES))
    service.get("/v1/rates", min_position=position)
    told = shell("rates", "--as-of", "2024-05-01", "--group-by", "kind", url=service.url)
    assert told.returncode == 0, told.stderr
    assert "new_economic" in told.stdout
    assert "%" in told.stdout
    answer = json.loads(shell("rates", "--as-of", "2024-05-01", "--json", url=service.url).stdout)
    assert answer == service.get("/v1/rates", as_of="2024-05-01")
    told = shell("history", "uscc:9151010452601815XG", url=service.url)
    assert "enters the ledger" in told.stdout
    assert "full_members: 0 → 1" in told.stdout


def test_a_service_that_refuses_is_told_in_words(service: Service) -> None:
    told = shell("rates", "--as-of", "yesterday", url=service.url)
    assert told.returncode == 1
    assert "a date is written YYYY-MM-DD" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_quarantine_is_worked_from_a_shell(service: Service) -> None:
    (result,) = service.publish([{"id": "half"}])
    number = str(result["quarantine_id"])
    listed = shell("quarantine", "list", url=service.url)
    assert "attribute" in listed.stdout
    assert '{"id":"half"}' in shell("quarantine", "show", number, url=service.url).stdout
    assert "quarantined" in shell("quarantine", "redrive", number, url=service.url).stdout
    ended = shell("quarantine", "discard", number, "--reason", "a test", url=service.url)
    assert "discarded" in ended.stdout
    assert shell("quarantine", "redrive", number, url=service.url).returncode == 1


@pytest.mark.parametrize("reached", ["data/cluster", "data/cluster/postmaster.pid"])
def test_an_interrupt_while_it_starts_leaves_nothing_behind(data_dir: Path, reached: str) -> None:
    # A folder that the server can reach: below one of root's own the cluster would stand elsewhere.
    data_dir.mkdir(parents=True)
    service = Service(data_dir, "--dev")
    try:
        deadline = time.monotonic() + START_S_MAX
        while not (data_dir / reached).exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert (data_dir / reached).exists()
        service.process.send_signal(signal.SIGINT)
        service.process.wait(60)
    finally:
        service.process.kill()
        service.process.wait()
        service.http.close()
    assert not (data_dir / "data" / "cluster" / "postmaster.pid").exists()


def test_the_demo_loads_its_city_once(data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    demo = [sys.executable, "-m", "services.commands.cli", "demo", "--scale", "0.02", "--port", str(free_port())]
    for expected in ("The demo city is loaded: ", "The demo city is loaded (scale 0.02, seed 1)"):
        log = data_dir / "demo.log"
        with log.open("wb") as output:
            given = environment(data=str(data_dir / "data")) | {"COLUMNS": "250"}
            process = subprocess.Popen(demo, env=given, stdout=output, stderr=output)
        deadline = time.monotonic() + 120
        while expected not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert expected in log.read_text()


def test_no_service_there_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.commands.client.TRIES_MAX", 1)
    from services.commands.client import Client, ServiceError  # noqa: PLC0415 - after the patch
    from services.system.settings import load  # noqa: PLC0415 - as above

    with (
        Client(load(url=f"http://127.0.0.1:{free_port()}")) as client,
        pytest.raises(ServiceError, match="taizhang serve"),
    ):
        client.get("/v1/rates")
