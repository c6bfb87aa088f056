"""Signed records: the signature travels in a header, and is checked before a record counts."""

from datetime import UTC, datetime

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from services.access.grants import key_registered
from services.intake.intake import Intake, Message
from tests.fix_kafka import STRUCTURED, Record, Stage
from tests.sending import ADMINISTRATOR, MARKET, as_bytes, removed

pytestmark = pytest.mark.kafka


def signed(payload: bytes, key: OKPKey) -> bytes:
    head, _, tail = jws.serialize_compact({"alg": "Ed25519"}, payload, key, ["Ed25519"]).split(".")
    return f"{head}..{tail}".encode()


def test_a_record_of_a_source_that_signs_counts_only_with_a_signature_that_holds(stage: Stage) -> None:
    key, other = (OKPKey.generate_key("Ed25519") for _ in range(2))
    public = {"kty": "OKP", "crv": "Ed25519", "x": key.as_dict(private=False)["x"]}
    today = datetime.now(UTC).date().isoformat()
    registration = key_registered({"effective_on": today, "access": "access:k", "source": MARKET, "key": public})
    intake = Intake.open(stage.conninfo, "test")
    receipt = intake.admit([Message(registration, {"channel": "http", "request": "r", "index": 0}, ADMINISTRATOR)])[0]
    intake.close()
    assert receipt.disposition == "accepted"
    good, bad, bare, binary = (as_bytes(removed(name)) for name in ("good", "bad", "bare", "binary"))
    data = orjson.dumps(orjson.loads(binary)["data"])
    attributes = [(f"ce_{name}", str(value).encode()) for name, value in orjson.loads(binary).items() if name != "data"]
    records = [
        Record(good, None, [*STRUCTURED, ("event-signature", signed(good, key))]),
        Record(bad, None, [*STRUCTURED, ("event-signature", signed(bad, other))]),
        Record(bare, None, STRUCTURED),
        Record(data, None, [*attributes, ("event-signature", signed(data, key))]),
        Record(bad, None, [*STRUCTURED, ("event-signature", b"\x00\xff")]),
    ]
    with stage.ingesting():
        stage.send([each._replace(partition=0) for each in records])
        stage.wait_caught_up()
    accepted = stage.query("SELECT id, intake ->> 'jws' FROM taizhang.log WHERE source = %s", MARKET)
    assert accepted == [("good", signed(good, key).decode())]
    aside = stage.query("SELECT rules FROM taizhang.quarantine ORDER BY id")
    assert aside == [
        (["signature_invalid"],), (["signature_missing"],), (["signature_binary_mode"],), (["signature_invalid"],),
    ]  # fmt: skip
