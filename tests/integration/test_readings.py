"""The trail of reading: every look is in it before its answer is out, and nothing can be taken out again."""

import base64
import threading
from pathlib import Path

import psycopg
import pytest

from domain.tree.merkle import leaf_hash
from domain.tree.proofs import verify_inclusion
from services.access.api_keys import add_key
from services.access.reading_trail import Look, Readings, Search
from services.postgres.database import open_pool
from tests.fact_data import ECONOMIC
from tests.fix_service import Service, new_database
from tests.fix_store import Rows
from tests.sending import envelope, removed

pytestmark = pytest.mark.long

ORG = ECONOMIC[0]

LOOK = Look("inspector", "dossier", ORG, f"/v1/organizations/{ORG}", "r1")


@pytest.fixture
def registered(service: Service, source: str) -> str:
    """An organization of this test's own, so that nobody else has looked at it."""
    data = {
        "effective_on": "2024-01-05", "org": f"group:{source[-12:]}", "kind": "new_employment_group",
        "category": "courier", "name": "甲", "region": "330106",
    }  # fmt: skip
    position = service.publish(envelope("r", "organization.registered", data, source))[0]["position"]
    service.get("/v1/rates", min_position=position)
    return str(data["org"])


def test_a_look_at_a_dossier_is_in_the_trail_before_its_answer_is_out(service: Service, registered: str) -> None:
    answer = service.http.get(f"/v1/organizations/{registered}", params={"as_of": "2024-06-30"})
    (found,) = service.get("/v1/readings", subject=registered)["readings"]
    assert found["reader"] == "dev"
    assert found["action"] == "dossier"
    assert found["question"] == f"/v1/organizations/{registered}?as_of=2024-06-30"
    assert found["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/v1/organizations/{org}/history", "history"),
        ("/v1/organizations", "list"),
        ("/v1/events/1", "event"),
        ("/v1/audit?subject={org}", "audit"),
        ("/v1/log/raw/000.p/1", "raw_events"),
    ],
)
def test_every_way_to_single_facts_leaves_a_trail(service: Service, registered: str, path: str, action: str) -> None:
    path = path.format(org=registered)
    size = service.get("/v1/readings/tree")["tree_size"]
    service.get(path) if action != "raw_events" else service.http.get(path)
    found = service.last_reading(action)
    assert found["number"] == size + 1
    assert found["question"].startswith(path.partition("?")[0])


def test_figures_and_refused_calls_leave_none(service: Service, registered: str) -> None:
    another = {"effective_on": "2024-01-05", "org": f"{registered}-2", "kind": "new_employment_group",
               "category": "courier", "name": "乙", "region": "330106"}  # fmt: skip
    last = service.publish(envelope("r2", "organization.registered", another, f"/figures/{registered}"))[0]
    size = service.get("/v1/readings/tree")["tree_size"]
    service.get("/v1/rates", min_position=last["position"])
    assert service.http.get(f"/v1/organizations/{registered}", params={"as_of": "never"}).status_code == 400
    assert service.http.get("/v1/organizations/group:nobody").status_code == 404
    assert service.get("/v1/readings/tree")["tree_size"] == size


def test_a_range_of_instants_and_a_reader_narrow_the_trail(service: Service, registered: str) -> None:
    for _ in range(3):
        service.get(f"/v1/organizations/{registered}")
    mine = service.get("/v1/readings", subject=registered)["readings"]
    assert len(mine) == 3
    last = mine[-1]
    assert service.get("/v1/readings", **{"from": last["at"]})["readings"][0]["number"] == last["number"]
    assert service.get("/v1/readings", to=mine[0]["at"], subject=registered)["readings"] == mine[:1]
    assert service.get("/v1/readings", reader="nobody")["readings"] == []


def test_pages_give_each_reading_once_and_none_that_came_later(service: Service, registered: str) -> None:
    for _ in range(5):
        service.get(f"/v1/organizations/{registered}")
    expected = [each["number"] for each in service.get("/v1/readings", subject=registered)["readings"]]
    assert len(expected) == 5
    seen: list[int] = []
    cursor = None
    while True:
        page = service.get("/v1/readings", subject=registered, limit=2, cursor=cursor)
        seen += [each["number"] for each in page["readings"]]
        service.get(f"/v1/organizations/{registered}")
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == expected


def test_a_proof_holds_against_the_root(service: Service, registered: str) -> None:
    service.get(f"/v1/organizations/{registered}")
    root = service.get("/v1/readings/tree")
    proof = service.get(f"/v1/readings/{root['tree_size']}/proof", tree_size=root["tree_size"])
    leaf = leaf_hash(proof["leaf"].encode())
    assert base64.b64decode(proof["leaf_hash"]) == leaf
    hashes = [base64.b64decode(each) for each in proof["hashes"]]
    number = proof["reading"]["number"]
    verify_inclusion(leaf, number - 1, root["tree_size"], hashes, base64.b64decode(root["root_hash"]))
    assert service.http.get(f"/v1/readings/{root['tree_size'] + 1000}/proof").status_code == 404


def test_looks_that_come_at_once_are_all_recorded(store: str) -> None:
    with open_pool(store, "test") as pool:
        readings = Readings(pool)

        def look(name: str) -> None:
            for _ in range(40):
                readings.record(LOOK._replace(reader=name))

        threads = [threading.Thread(target=look, args=(f"reader-{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = readings.search(Search(), after=0, size=320, limit=1000)
        assert [each.number for each in found] == list(range(1, 321))
        assert {each.reader for each in found} == {f"reader-{n}" for n in range(8)}
        size, root = readings.root()
        for number in (1, 256, 257, 320):
            proof = readings.proof(number, size)
            verify_inclusion(proof.leaf_hash, number - 1, size, proof.hashes, root)


@pytest.mark.parametrize("statement", ["UPDATE {} SET reader = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_trail_refuses_every_change(store: str, rows: Rows, statement: str) -> None:
    with open_pool(store, "test") as pool:
        Readings(pool).record(LOOK)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(statement.format("taizhang.reading"))


def test_what_cannot_be_recorded_is_not_shown(database: str, tmp_path: Path) -> None:
    with Service(tmp_path, "--dev", database_url=database) as service:
        service.publish(removed("e1"))
        assert service.http.get("/v1/events/1").status_code == 200
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE taizhang.reading ADD CHECK (number < 0) NOT VALID")
        answer = service.http.get("/v1/events/1")
        assert answer.status_code == 500
        assert "trail of reading" in answer.json()["detail"]
        assert service.http.get("/v1/rates").status_code == 200


def test_only_the_auditor_reads_the_trail(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("auditor")
    with Service(folder, database_url=new_database(postgres)) as service:
        keys = folder / "data" / "api-keys.json"
        auditor = {"authorization": f"Bearer {add_key(keys, 'audit', frozenset({'auditor'}), None)}"}
        inspector = {"authorization": f"Bearer {add_key(keys, 'inspect', frozenset({'inspector'}), None)}"}
        assert service.http.get("/v1/readings", headers=inspector).status_code == 403
        assert service.http.get("/v1/organizations", headers=auditor).status_code == 403
        assert service.http.get("/v1/organizations", headers=inspector).status_code == 200
        (found,) = service.http.get("/v1/readings", headers=auditor).json()["readings"]
        assert (found["reader"], found["action"]) == ("inspect", "list")
