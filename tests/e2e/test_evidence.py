"""Evidence as a stranger checks it: over HTTP, by the witness and by the command line, against a running service."""

import base64
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from domain.tree.leaf import leaf_in, opened
from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import verify_consistency, verify_inclusion
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import Note, VerifierKey
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from services.log.tiles import decode_bundle, decode_raw_bundle, split_hashes, split_raw_part, tiles_of_level
from tests.fix_service import ROOT, Service, environment, free_port, new_database, shell
from tests.small_city import events

pytestmark = pytest.mark.long

SIZE = 1_500


class Filled(Service):
    """A service with a city of 1,500 events, and what its operator's commands need."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        super().__init__(folder, "--dev", database_url=conninfo)
        self.operator = {"database_url": conninfo, "data": str(folder / "data")}

    def fill(self) -> None:
        assert {each["disposition"] for each in self.publish(list(islice(events(), SIZE)))} == {"accepted"}


@pytest.fixture(scope="module")
def filled(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """One for all tests that change nothing."""
    with Filled(tmp_path_factory.mktemp("filled"), new_database(postgres)) as running:
        running.fill()
        yield running


def key_of(service: Service) -> VerifierKey:
    return VerifierKey.parse(service.http.get("/v1/log/key").text.strip())


def decoded(hashes: list[str]) -> list[bytes]:
    return [base64.b64decode(value) for value in hashes]


def test_the_log_over_http_is_one_tree(filled: Filled) -> None:
    http = filled.http
    note = http.get("/v1/log/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.headers["cache-control"] == "public, max-age=1"
    checkpoint, _ = open_checkpoint(note.content, key_of(filled))
    assert checkpoint.size == SIZE
    entries: list[bytes] = []
    raws: list[bytes] = []
    leaves: list[bytes] = []
    for tile in tiles_of_level(None, SIZE):
        answer = http.get(f"/v1/log/{tile.path()}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        entries += decode_bundle(answer.content, tile.width)
        raw = http.get(f"/v1/log/{tile.path().replace('tile/entries', 'raw')}")
        assert raw.headers["cache-control"].startswith("private")
        raws += decode_raw_bundle(raw.content, tile.width)
    for tile in tiles_of_level(0, SIZE):
        leaves += split_hashes(http.get(f"/v1/log/{tile.path()}").content, tile.width)
    assert [leaf_hash(entry) for entry in entries] == leaves
    assert root(leaves) == checkpoint.root_hash
    parts = [split_raw_part(leaf, part) for leaf, part in zip(entries, raws, strict=True)]
    assert [leaf_in(entry) for entry, _ in parts] == entries
    assert [json.loads(raw)["id"] for _, raw in parts] == [json.loads(opened(entry)[0])["id"] for entry, _ in parts]


def test_entry_bundles_are_packed_for_whoever_takes_that_and_hashes_for_nobody(filled: Filled) -> None:
    """C2SP tlog-tiles, Log entries."""
    answers = {
        (path, accepted): filled.http.get(f"/v1/log/tile/{path}", headers={"accept-encoding": accepted})
        for path in ("entries/000", "0/000")
        for accepted in ("gzip", "identity", "gzip;q=0")
    }
    assert len({answer.content for (path, _), answer in answers.items() if path == "entries/000"}) == 1
    packed = {asked for asked, answer in answers.items() if answer.headers.get("content-encoding") == "gzip"}
    assert packed == {("entries/000", "gzip")}
    assert {answer.headers["vary"] for (path, _), answer in answers.items() if path == "entries/000"} == {
        "accept-encoding"
    }
    sizes = [int(answers["entries/000", accepted].headers["content-length"]) for accepted in ("gzip", "identity")]
    assert sizes[0] < sizes[1]


def test_proofs_over_http_verify(filled: Filled) -> None:
    proof = filled.get("/v1/log/proof/inclusion", position=700)
    assert proof["tree_size"] == SIZE
    leaf, head = base64.b64decode(proof["leaf_hash"]), base64.b64decode(proof["root_hash"])
    verify_inclusion(leaf, 699, SIZE, decoded(proof["hashes"]), head)
    earlier = filled.get("/v1/log/proof/inclusion", position=700, tree_size=701)
    proof = filled.get("/v1/log/proof/consistency", old_size=701, new_size=SIZE)
    verify_consistency(701, SIZE, decoded(proof["hashes"]), base64.b64decode(earlier["root_hash"]), head)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("tile/0/1", 400),
        ("tile/0/000.p/256", 400),
        ("tile/64/000", 400),
        ("tile/x/000", 400),
        ("raw/1", 400),
        ("tile/0/005", 404),
        ("tile/0/999", 404),
        ("tile/0/005.p/221", 404),
        ("tile/entries/005", 404),
        ("raw/005", 404),
        ("proof/inclusion?position=0", 400),
        ("proof/inclusion?position=1501", 404),
        ("proof/inclusion?position=5&tree_size=4", 404),
        ("proof/inclusion?position=5&tree_size=1501", 404),
        ("proof/consistency?old_size=5&new_size=4", 404),
        ("proof/consistency?old_size=-1&new_size=4", 400),
        ("proof/consistency?old_size=1&new_size=99999999999999999999", 400),
        ("proof/consistency?old_size=1", 400),
    ],
)
def test_what_is_not_in_the_log_is_refused_in_words(filled: Filled, path: str, status: int) -> None:
    answer = filled.http.get(f"/v1/log/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_stranger_verifies_a_log_by_its_address_with_an_answer(filled: Filled, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    content = filled.get(
        "/v1/rates", as_of="2024-12-31", known_at="1200", min_position=SIZE, group_by=["category", "region:4"]
    )
    answer.write_text(json.dumps(content))
    arguments = ("verify", filled.url, "--log-key", str(key_of(filled)), "--answer", str(answer))
    good = shell(*arguments)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "1,500 events: raw bytes, recorded values and leaves agree" in good.stdout
    assert "folded anew from the events, the answer agrees in every figure" in good.stdout
    content["groups"][0]["counts"]["organization_covered"] += 1
    answer.write_text(json.dumps(content))
    bad = shell(*arguments)
    assert bad.returncode == 1
    assert "organization_covered is" in bad.stdout


def test_an_answer_names_its_filters(filled: Filled, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    content = filled.get("/v1/rates", as_of="2024-12-31", min_position=SIZE, region="9902", work_covered="true")
    assert content["filters"] == {"region": "9902", "work_covered": True}
    answer.write_text(json.dumps(content))
    arguments = ("verify", filled.url, "--answer", str(answer))
    good = shell(*arguments)
    assert good.returncode == 0, good.stdout + good.stderr
    contradicting = shell(*arguments, "--filter", "region=9903")
    assert contradicting.returncode == 3
    assert "names other filters" in contradicting.stderr
    answer.write_text(json.dumps({**content, "filters": {"region": "9902"}}))
    assert shell(*arguments).returncode == 1


def test_the_running_database_is_verified_against_its_own_log(filled: Filled) -> None:
    filled.http.get("/v1/log/checkpoint")
    good = shell("verify", **filled.operator)
    assert good.returncode == 0, good.stdout + good.stderr
    with psycopg.connect(filled.operator["database_url"], autocommit=True) as connection:
        connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
        connection.execute("UPDATE taizhang.log SET state = state || ' '::bytea WHERE notification_id = 1234")
        bad = shell("verify", **filled.operator)
        # As it was, for the other tests.
        connection.execute("UPDATE taizhang.log SET state = rtrim(state, ' '::bytea) WHERE notification_id = 1234")
        connection.execute("ALTER TABLE taizhang.log ENABLE ALWAYS TRIGGER append_only")
        connection.execute("ALTER TABLE taizhang.log ENABLE ALWAYS TRIGGER one_writer")
    assert bad.returncode == 1
    assert "first at position 1234" in bad.stdout


def test_a_copy_is_verified_without_the_service(filled: Filled, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    exported = shell("export-log", str(copy), **filled.operator)
    assert exported.returncode == 0, exported.stderr
    key = key_of(filled)
    good = shell("verify", str(copy), "--log-key", str(key))
    assert good.returncode == 0, good.stdout + good.stderr
    other = key.name + "+00000000+" + str(key).rsplit("+", 1)[1]
    assert shell("verify", str(copy), "--log-key", other).returncode == 2
    assert shell("verify", str(tmp_path / "nowhere")).returncode == 3


def test_a_bundle_is_verified_offline_and_a_spoilt_one_is_not(filled: Filled, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.zip"
    made = shell(
        "export-evidence", "group:g-10", "group:g-7", "--as-of", "2024-12-31", "-o", str(bundle),
        **filled.operator,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    key = str(key_of(filled))
    good = shell("verify", str(bundle), "--log-key", key)
    assert good.returncode == 4, good.stdout + good.stderr
    assert "Holds; that nothing was left out is not shown" in good.stdout
    assert "the rows of 2 organizations follow from the events" in good.stdout
    spoilt = tmp_path / "spoilt.zip"
    spoil(bundle, spoilt, "answer.json", b'"organization_covered": true', b'"organization_covered": false')
    bad = shell("verify", str(spoilt), "--log-key", key)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "does not follow" in bad.stdout
    for name, old, new, words in (
        ("events.jsonl", b"http", b"HTTP", "is not in the log"),
        ("checkpoint", b"\n1500\n", b"\n1499\n", "is not over this text"),
        ("manifest.json", b"group:g-7", b"group:g-8", "the question does not mean group:g-7"),
    ):
        spoil(bundle, spoilt, name, old, new)
        report = audit_bundle(spoilt, Asked(log_key=key_of(filled)))
        assert any(words in fault.english for fault in report.faults), (name, report.faults)
    assert shell("verify", str(tmp_path / "answer.json")).returncode == 3


def test_a_group_s_bundle_answers_as_the_service_does(filled: Filled, tmp_path: Path) -> None:
    bundle = tmp_path / "group.zip"
    clocks = ("--as-of", "2024-12-31", "--known-at", "600")
    made = shell("export-evidence", "-o", str(bundle), "--filter", "region=9902", *clocks, **filled.operator)
    assert made.returncode == 0, made.stderr
    answer = filled.get("/v1/rates", as_of="2024-12-31", known_at="600", region="9902", min_position=SIZE)
    with zipfile.ZipFile(bundle) as archive:
        bundled = json.loads(archive.read("answer.json"))
    assert {name: bundled[name] for name in ("counts", "rates")} == answer["total"]
    assert shell("verify", str(bundle), "--log-key", str(key_of(filled))).returncode == 4
    empty = shell("export-evidence", "-o", str(bundle), "--filter", "region=98", *clocks, **filled.operator)
    assert (empty.returncode, "means 0 organizations" in empty.stderr) == (1, True)
    unknown = shell("export-evidence", "-o", str(bundle), "--filter", "regoin=98", **filled.operator)
    assert unknown.returncode == 2


def test_a_witness_follows_a_ledger_and_catches_a_log_that_was_begun_anew(postgres: str, tmp_path: Path) -> None:
    arguments = ("witness", "--folder", str(tmp_path / "w"), "--name", "office.example/w1")
    with Service(tmp_path, "--dev", database_url=new_database(postgres)) as own:
        own.publish(list(islice(events(), 300)))
        key = key_of(own)
        first = shell(*arguments, "--trust", str(key), "--ledger", own.url, "--once")
        assert first.returncode == 0, first.stderr
        own.publish(list(islice(events(), 300, 400)))
        assert shell(*arguments, "--trust", str(key), "--ledger", own.url, "--once").returncode == 0
    # The same key signs a new log: the file beside the key, which would stop this, goes as well.
    (tmp_path / "data" / "keys" / "log.key.checkpoint").unlink()
    with Service(tmp_path, "--dev", database_url=new_database(postgres)) as forged:
        contents: list[Any] = list(islice(events(), 500))
        contents[3]["data"]["standing"] = "activist"
        forged.publish(contents)
        assert key_of(forged) == key
        refused = shell(*arguments, "--trust", str(key), "--ledger", forged.url, "--once")
        assert refused.returncode == 1
        assert "does not extend" in refused.stderr + refused.stdout


def test_verify_asks_a_witness_for_what_it_signed(filled: Filled, tmp_path: Path) -> None:
    key, port = key_of(filled), free_port()
    folder = tmp_path / "w"
    command = [
        sys.executable, "-m", "services.commands.cli", "witness", "--trust", str(key), "--folder", str(folder),
        "--name", "office.example/w1", "--port", str(port), "--ledger", filled.url,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as p:
        try:
            cosigned = wait_for_cosigned(port, key.name)
            witness_key = Note.parse(cosigned).signatures[1].name
            assert witness_key == "office.example/w1"
            assert Checkpoint.parse(Note.parse(cosigned).text).size == SIZE
            vkey = httpx.get(f"http://127.0.0.1:{port}/key", trust_env=False).text.strip()
            good = shell(
                "verify", filled.url, "--log-key", str(key), "--witness", f"http://127.0.0.1:{port}",
                "--witness-key", vkey,
            )  # fmt: skip
            assert good.returncode == 0, good.stdout + good.stderr
            assert "witness office.example/w1 has signed" in good.stdout
            alone = shell("verify", filled.url, "--log-key", str(key), "--witness-key", vkey)
            assert alone.returncode == 1
            assert "no checkpoint is signed by witness office.example/w1" in alone.stdout
        finally:
            p.terminate()
            p.communicate(timeout=30)


def wait_for_cosigned(port: int, origin: str) -> bytes:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/checkpoint", params={"origin": origin}, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.is_success:
            return answer.content
        time.sleep(0.1)
    pytest.fail("the witness signed nothing")


def spoil(bundle: Path, spoilt: Path, name: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(spoilt, "w") as target:
        for each in source.namelist():
            data = source.read(each)
            if each == name:
                assert old in data
                data = data.replace(old, new, 1)
            target.writestr(each, data)
