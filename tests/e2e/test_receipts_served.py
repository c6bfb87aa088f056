"""From the sending of an event to the check of its receipt where there is nothing but files and the log's key."""

from pathlib import Path

import httpx
import pytest

from domain.tree.merkle import root
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note
from services.evidence.notes.tlog_policy import Policy
from tests.fix_service import BATCH, Service, shell
from tests.sending import as_bytes, removed

pytestmark = pytest.mark.long


def test_a_registry_checks_offline_what_became_of_what_it_sent(service: Service, source: str, tmp_path: Path) -> None:
    sent = as_bytes(removed("a", source))
    unsound = as_bytes(removed("b", source, on="2024-02-30"))
    headers = {"content-type": BATCH}
    results = service.http.post("/v1/events", content=b"[%s,%s]" % (sent, unsound), headers=headers).json()["results"]
    service.http.post("/v1/events", content=b"[%s]" % sent, headers=headers)
    number = results[1]["quarantine_id"]
    service.http.post(f"/v1/quarantine/{number}/discard", json={"reason": "a test"}).raise_for_status()
    log_key, policy = tmp_path / "log.key.pub", tmp_path / "policy"
    log_key.write_text(service.http.get("/v1/log/key").text)
    policy.write_text(service.http.get("/v1/log/policy").text)
    assert Policy.parse(policy.read_bytes()).is_met(())

    given = {"url": service.url}
    folder = tmp_path / "receipts"
    assert shell("receipt", source, "a", "-o", str(folder), **given).returncode == 0
    assert shell("receipt", "--quarantine-id", str(number), "-o", str(folder), **given).returncode == 0
    kinds = sorted(each.name.partition("-")[0] for each in folder.iterdir())
    assert kinds == ["accepted", "duplicate", "quarantined", "step"]

    (tmp_path / "a.json").write_bytes(sent)
    (tmp_path / "b.json").write_bytes(unsound)
    (accepted,), (refused,) = folder.glob("accepted-*"), folder.glob("quarantined-*")
    for file, event, trust in (
        (accepted, "a.json", ("--log-key", str(log_key))), (refused, "b.json", ("--policy", str(policy))),
    ):  # fmt: skip
        checked = shell("verify", str(file), *trust, "--sent", str(tmp_path / event))
        assert checked.returncode == 0, checked.stdout
        assert "it is of the very bytes that were sent" in checked.stdout
    assert "because of" in checked.stdout
    wrong = shell("verify", str(refused), "--log-key", str(log_key), "--sent", str(tmp_path / "a.json"))
    assert wrong.returncode == 1
    assert shell("verify", str(refused)).returncode == 3


def test_the_head_of_the_arrivals_is_open_to_whoever_keeps_it(service: Service, source: str) -> None:
    service.publish([removed("r", source), removed("r", source)])
    note = Note.parse(service.http.get("/v1/log/arrivals/checkpoint").content)
    checkpoint = Checkpoint.parse(note.text)
    assert checkpoint.origin == f"{service.http.get('/v1/log/key').text.partition('+')[0]}/arrivals"
    assert checkpoint.size >= 2
    assert checkpoint.root_hash != root([])


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1", "key", "policy"])
def test_what_is_got_can_be_asked_for_without_its_content(service: Service, source: str, path: str) -> None:
    service.publish(removed("h", source))
    asked: dict[str, httpx.Response] = {
        method: service.http.request(method, f"/v1/log/{path}", headers={"accept-encoding": "identity"})
        for method in ("GET", "HEAD")
    }
    assert asked["HEAD"].status_code == 200
    assert asked["HEAD"].content == b""
    for name in ("content-type", "cache-control", "content-length"):
        assert asked["HEAD"].headers.get(name) == asked["GET"].headers.get(name)
