"""Signed events over HTTP: a source whose keys are registered is heard only by what they have signed."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from tests.fix_counties import Counties
from tests.fix_service import BATCH, ROOT, SINGLE, Service, environment
from tests.sending import envelope

HEADER = "event-signature"


def event(source: str, **changes: Any) -> bytes:  # noqa: ANN401 - any attribute
    data = {"effective_on": "2024-01-01", "branch": f"branch:{uuid4().hex}"}
    return json.dumps(envelope(uuid4().hex, "branch.dissolved", data, source) | changes, ensure_ascii=False).encode()


def detached(payload: bytes, key: OKPKey | ECKey, algorithm: str = "Ed25519", **header: Any) -> str:  # noqa: ANN401 - JWS headers
    """RFC 7515 appendix F: the compact form without its payload."""
    parts = jws.serialize_compact({"alg": algorithm, **header}, payload, key, [algorithm]).split(".")
    return f"{parts[0]}..{parts[2]}"


def unencoded(payload: bytes, key: OKPKey) -> str:
    """RFC 7797: the payload is signed as it is."""
    head = base64.urlsafe_b64encode(b'{"alg":"EdDSA","b64":false,"crit":["b64"]}').rstrip(b"=")
    signature = key.get_op_key("sign").sign(head + b"." + payload)  # type: ignore[union-attr]  # an Ed25519 key
    return f"{head.decode()}..{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def register(service: Service, source: str, key: OKPKey | ECKey) -> dict[str, Any]:
    public = {name: value for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")}
    answer = service.http.post("/v1/access/keys", json={"source": source, "key": public})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert made["kid"] == key.thumbprint()
    return made


def send(service: Service, raw: bytes, signature: str | None) -> tuple[str, str | None]:
    """What became of one event: its disposition, and the first rule against it."""
    headers = {"content-type": SINGLE} | ({} if signature is None else {HEADER: signature})
    answer = service.http.post("/v1/events", content=raw, headers=headers)
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return result["disposition"], result["reasons"][0]["rule"] if "reasons" in result else None


@pytest.fixture
def key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


# RFC 9864 names the curve; most libraries still say EdDSA.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_signature_that_holds_is_kept_with_the_event_and_in_its_leaf(
    service: Service, source: str, key: OKPKey
) -> None:
    kid = register(service, source, key)["kid"]
    elliptic = ECKey.generate_key("P-256")
    register(service, source, elliptic)
    signers: list[Callable[[bytes], str]] = [
        lambda raw: detached(raw, key),
        lambda raw: detached(raw, key, "EdDSA"),
        lambda raw: detached(raw, key, kid=kid),
        lambda raw: detached(raw, elliptic, "ES256", kid=elliptic.thumbprint(), typ="JOSE"),
        lambda raw: unencoded(raw, key),
    ]
    for sign in signers:
        raw = event(source) + b"\n"
        assert send(service, raw, sign(raw)) == ("accepted", None)
    signature = detached(raw, key)
    assert send(service, raw, signature) == ("duplicate", None)
    (last,) = service.publish([json.loads(raw)])
    trail = service.get("/v1/audit", source=source, limit=10, min_position=last["position"])
    kept = [each["intake"].get("jws", "") for each in trail["events"]]
    assert len(kept) == 5
    assert all(each.partition("..")[2] for each in kept)


def test_whoever_does_not_sign_as_registered_is_set_aside(service: Service, source: str, key: OKPKey) -> None:
    kid = register(service, source, key)["kid"]
    other, elliptic = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256")
    raw = event(source)
    good = detached(raw, key)
    head, _, tail = good.split(".")
    public = json.dumps(key.as_dict(private=False)).encode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for signature, rule in (
        (None, "signature_missing"),
        (detached(event(source), key), "signature_invalid"),  # of another event
        (detached(raw + b" ", key), "signature_invalid"),  # of other bytes
        (detached(raw, other), "signature_invalid"),
        (detached(raw, other, kid=kid), "signature_invalid"),
        (detached(raw, key, kid=other.thumbprint()), "signature_invalid"),
        (detached(raw, elliptic, "ES256", kid=kid), "signature_invalid"),
        (f"{none}..", "signature_invalid"),
        (f"{none}..{tail}", "signature_invalid"),
        (detached(raw, OctKey.import_key(public), "HS256", kid=kid), "signature_invalid"),  # type: ignore[arg-type]  # key confusion
        (detached(raw, other, jwk=other.as_dict(private=False)), "signature_invalid"),  # brings its own key
        (detached(raw, other, jku="https://evil.example/keys"), "signature_invalid"),
        (f"{head}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.{tail}", "signature_invalid"),  # not detached
        ("x", "signature_invalid"),
        ("..", "signature_invalid"),
        ("a.b", "signature_invalid"),
        ("A" * 3_000 + ".." + "B" * 3_000, "signature_invalid"),
    ):  # fmt: skip
        assert send(service, raw, signature and signature.encode().decode("latin-1")) == ("quarantined", rule), (
            signature
        )
    assert send(service, raw, good) == ("accepted", None)


def test_a_key_may_be_named_as_it_was_registered_and_by_no_other_name(
    service: Service, source: str, key: OKPKey
) -> None:
    public = {name: value for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x")}
    named = {"source": source, "key": {**public, "kid": "market-2026:a"}}
    assert service.http.post("/v1/access/keys", json=named).status_code == 201
    raw = event(source)
    assert send(service, raw, detached(raw, key, kid="market-2026:b")) == ("quarantined", "signature_invalid")
    assert send(service, raw, detached(raw, key, kid="market-2026:a")) == ("accepted", None)
    raw = event(source)
    assert send(service, raw, detached(raw, key, kid=key.thumbprint())) == ("accepted", None)


def test_a_signature_of_a_source_without_keys_says_nothing(service: Service, source: str, key: OKPKey) -> None:
    raw = event(source)
    assert send(service, raw, detached(raw, key)) == ("quarantined", "signature_key_unknown")
    assert send(service, raw, None) == ("accepted", None)


def test_a_key_is_changed_without_a_gap_and_the_last_one_revoked_closes_the_source(
    service: Service, source: str, key: OKPKey
) -> None:
    first = register(service, source, key)
    following = OKPKey.generate_key("Ed25519")

    def tried(of: OKPKey | None) -> tuple[str, str | None]:
        raw = event(source)
        return send(service, raw, None if of is None else detached(raw, of))

    assert tried(following) == ("quarantined", "signature_invalid")
    second = register(service, source, following)
    assert tried(key) == tried(following) == ("accepted", None)
    for registered in (first, second):
        path = f"/v1/access/{registered['access']}/revoke"
        assert service.http.post(path, json={"reason": "replaced"}).status_code == 200
        assert tried(key) == ("quarantined", "signature_invalid")
        expected = ("accepted", None) if registered is first else ("quarantined", "signature_invalid")
        assert tried(following) == expected
    assert tried(None) == ("quarantined", "signature_missing")
    listed = {each["access"]: each for each in service.get("/v1/access/keys")["keys"]}
    assert not listed[first["access"]]["in_force"]
    assert listed[second["access"]]["reason"] == "replaced"


def test_a_batch_has_a_signature_for_each_event_or_nothing_is_stored(
    service: Service, source: str, key: OKPKey
) -> None:
    register(service, source, key)
    events = [event(source) for _ in range(64)]
    signatures = [detached(each, key) for each in events]
    body, kind = b"[" + b",\n".join(events) + b"]", {"content-type": BATCH}

    def post(given: list[str]) -> Any:  # noqa: ANN401 - the answer's body
        return service.http.post("/v1/events", content=body, headers=kind | {HEADER: ", ".join(given)})

    for wrong in (signatures[:63], [*signatures, signatures[0]]):
        assert post(wrong).status_code == 400
    swapped = [signatures[1], signatures[0], *signatures[2:]]
    found = [each["disposition"] for each in post(swapped).json()["results"]]
    assert found == ["quarantined"] * 2 + ["accepted"] * 62


def test_what_was_set_aside_unsigned_is_not_let_in_by_a_redrive_but_what_was_signed_is(
    service: Service, source: str, key: OKPKey
) -> None:
    registered = register(service, source, key)
    unsigned, signed = event(source), event(source)
    send(service, unsigned, None)
    revoked = service.http.post(f"/v1/access/{registered['access']}/revoke", json={"reason": "by mistake"})
    assert revoked.status_code == 200
    assert send(service, signed, detached(signed, key)) == ("quarantined", "signature_invalid")
    register(service, source, key)
    messages = service.get("/v1/quarantine", source=source)["quarantined"]
    dispositions = {}
    for message in messages:
        answer = service.http.post(f"/v1/quarantine/{message['quarantine_id']}/redrive").json()
        dispositions[message["id"]] = answer["disposition"]
    assert dispositions == {json.loads(unsigned)["id"]: "quarantined", json.loads(signed)["id"]: "accepted"}


def test_keys_are_registered_by_administrators_alone_and_only_public_ones_that_are_keys(
    counties: Counties, key: OKPKey
) -> None:
    good = {"kty": "OKP", "crv": "Ed25519", "x": key.as_dict()["x"]}
    for caller in ("steward", "publisher", "auditor"):
        body = {"source": "/registry/x", "key": good}
        assert counties.ask(caller, "/v1/access/keys", method="POST", json=body).status_code == 403
    for wrong in (
        key.as_dict(private=True), {**good, "crv": "P-256"}, {**good, "x": "short"}, {**good, "kty": "oct"},
        {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "B" * 43}, {**good, "d": "A" * 43},
    ):  # fmt: skip
        body = {"source": "/registry/x", "key": wrong}
        answer = counties.ask("administrator", "/v1/access/keys", method="POST", json=body)
        assert answer.status_code == 400, (wrong, answer.text)


def test_a_log_with_signed_events_is_verified_as_ever(fresh_service: Service, database: str, key: OKPKey) -> None:
    register(fresh_service, "/registry/signed", key)
    raw = event("/registry/signed")
    assert send(fresh_service, raw, detached(raw, key)) == ("accepted", None)
    verified = subprocess.run(
        [sys.executable, "-m", "services.commands.cli", "verify"],
        cwd=ROOT, check=False, capture_output=True, text=True,
        env=environment(database_url=database, data=str(fresh_service.log.parent / "data")), timeout=120,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_bundle_brings_the_keys_with_which_its_events_are_verified_anew(
    service: Service, source: str, key: OKPKey, tmp_path: Path
) -> None:
    register(service, source, key)
    org = f"group:{uuid4().hex[:12]}"
    data = {
        "effective_on": "2024-01-01", "org": org, "kind": "new_employment_group", "category": "courier", "name": "站",
        "region": "9901",
    }  # fmt: skip
    raw = json.dumps(envelope(uuid4().hex, "organization.registered", data, source)).encode()
    assert send(service, raw, detached(raw, key)) == ("accepted", None)
    (head,) = service.publish([json.loads(event("/registry/other"))])
    answer = service.http.get(
        "/v1/evidence", params={"org": org, "as_of": "2024-12-31", "min_position": head["position"]}
    )
    file = tmp_path / "evidence.zip"
    file.write_bytes(answer.content)
    report = audit_bundle(file, Asked())
    assert (report.faults, report.statement, report.size) == ([], "follows", 2)
    assert any("1 signatures of sources verified anew" in english for _, english in report.good)
