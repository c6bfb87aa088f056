"""Logs that their operator forged or forked, and who signed what: found by whoever holds a bundle of one."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.verifier.report import Report
from tests.forging import (
    AFTER,
    BEGINNING,
    MemoryLog,
    city,
    everything,
    log_of,
    said,
    verify,
)
from tests.small_city import event

WITNESSES = [SignerKey(f"office.example/w{n}", SignatureType.COSIGNATURE, bytes(range(n, n + 32))) for n in (1, 2)]
KEYS = [each.verifier for each in WITNESSES]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evidence.zip"


@pytest.fixture
def log() -> MemoryLog:
    return log_of(city())


class TestWitnesses:
    """A quorum is of those who signed this head, or one that is joined to it and holds what was asked for."""

    def asked(self, file: Path, tmp_path: Path, kept: bytes | None = None, **more: Any) -> Report:  # noqa: ANN401 - Asked
        checkpoint = tmp_path / "kept"
        if kept is not None:
            checkpoint.write_bytes(kept)
        found = verify(file, witness_keys=KEYS, checkpoints=[checkpoint] if kept is not None else [], **more)
        assert isinstance(found, Report)
        return found

    def test_a_head_that_both_have_signed_is_in_the_log(self, log: MemoryLog, file: Path, tmp_path: Path) -> None:
        log.bundle(file, everything(AFTER, 21), log.note(*WITNESSES))
        found = self.asked(file, tmp_path)
        assert found.faults == []
        assert any("2 of 2 witnesses have signed" in english for _, english in found.good)

    def test_a_forked_log_is_not_behind_the_witnesses_of_another(self, file: Path, tmp_path: Path) -> None:
        seen, forked = log_of(city()), log_of(city())
        seen.add(event("x", "organization.deregistered", org="group:g-0", reason="dissolved"))
        forked.add(event("y", "organization.deregistered", org="group:g-1", reason="dissolved"))
        forked.bundle(file, everything(AFTER, 22))
        same_size = self.asked(file, tmp_path, seen.note(*WITNESSES))
        assert "contradicts kept: another root at the same size 22" in said(same_size)
        assert "0 of 2 witnesses have signed" in said(same_size)
        before = self.asked(file, tmp_path, seen.note(*WITNESSES, size=21))
        assert "0 of 2 witnesses have signed" in said(before)
        # Even joined: they saw 21 events, and 22 are asked for.
        proof = self.proof(tmp_path, forked, 21, 22)
        joined = self.asked(file, tmp_path, seen.note(*WITNESSES, size=21), proofs=[proof])
        assert "it signed 21 events (kept), 22 are asked for" in said(joined)
        seen.add(event("z", "organization.deregistered", org="group:g-2", reason="dissolved"))
        later = seen.note(*WITNESSES)
        proof = self.proof(tmp_path, seen, 22, 23)
        assert "is not shown to extend" in said(self.asked(file, tmp_path, later, proofs=[proof]))

    def test_a_later_head_counts_where_a_proof_joins_it(self, log: MemoryLog, file: Path, tmp_path: Path) -> None:
        log.bundle(file, everything(AFTER, 21), log.note())
        log.add(event("x", "organization.deregistered", org="group:g-0", reason="dissolved"))
        later = log.note(*WITNESSES)
        assert "0 of 2 witnesses have signed" in said(self.asked(file, tmp_path, later))
        proof = self.proof(tmp_path, log, 21, 22)
        found = self.asked(file, tmp_path, later, proofs=[proof])
        assert found.faults == []
        assert any("2 of 2 witnesses have signed" in english for _, english in found.good)

    @pytest.mark.parametrize(
        ("at", "words"),
        [
            (BEGINNING - timedelta(days=1), "too old, or before what it is said to cover"),
            (datetime.now(UTC) + timedelta(days=1), "which is to come"),
            (datetime.now(UTC) - timedelta(hours=2), "too old"),
        ],
    )
    def test_the_age_of_a_cosignature_is_judged(
        self, log: MemoryLog, file: Path, tmp_path: Path, at: datetime, words: str
    ) -> None:
        log.bundle(file, everything(AFTER, 21), log.note(*WITNESSES, at=at))
        found = self.asked(file, tmp_path, within_s=3_600)
        assert "0 of 2 witnesses have signed" in said(found)
        assert words in said(found)

    @staticmethod
    def proof(folder: Path, log: MemoryLog, old: int, new: int) -> Path:
        file = folder / "proof.json"
        hashes = [base64.b64encode(each).decode() for each in log.consistency(old)]
        file.write_text(json.dumps({"old_size": old, "new_size": new, "hashes": hashes}))
        return file


REGISTRY = "/registry/groups"
CHANGED = {"org": "group:g-1", "employees": 7}


def signed(raw: bytes, key: OKPKey) -> str:
    head, _, tail = jws.serialize_compact({"alg": "Ed25519"}, raw, key, ["Ed25519"]).split(".")
    return f"{head}..{tail}"


def registered(key: OKPKey) -> dict[str, Any]:
    public = {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x"}}
    made = event("k", "access.key_registered", access="access:k", source=REGISTRY, key=public)
    return {**made, "source": "/taizhang/access"}


def granted(access: str, holder: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    made = event(access, "access.granted", access=f"access:{access}", holder=holder, **given)
    return {**made, "source": "/taizhang/access"}


def of_operator(add: Callable[[MemoryLog], None], file: Path) -> Report | str:
    """What is said of a bundle of a log whose operator put in what intake would have refused."""
    log = log_of(city(4))
    add(log)
    log.bundle(file, everything(AFTER, len(log.stored)), also=range(1, len(log.stored) + 1))
    return verify(file)


def test_signatures_of_sources_are_verified_anew(file: Path) -> None:
    key, other = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
    raw = json.dumps(event("c", "organization.changed", **CHANGED)).encode()

    def add(log: MemoryLog, signature: str | None, *, known: bool = True) -> None:
        if known:
            log.add(registered(key))
        log.add(raw, **({} if signature is None else {"jws": signature}))

    good = of_operator(lambda log: add(log, signed(raw, key)), file)
    assert isinstance(good, Report)
    assert good.faults == []
    assert any("1 signatures of sources verified anew" in english for _, english in good.good)
    for signature, known, words in (
        (None, True, "signature_missing"),
        (signed(raw, other), True, "signature_invalid"),
        (signed(raw + b" ", key), True, "signature_invalid"),
        (signed(raw, key), False, "signature_key_unknown"),
    ):
        assert words in said(of_operator(partial(add, signature=signature, known=known), file))


def test_a_second_event_of_one_name_and_what_intake_refuses_are_faults(file: Path) -> None:
    wrong = event("e", "organization.changed", org="group:g-1", employees=-1)
    twice = event("r1", "organization.changed", **CHANGED)
    target = {"source": REGISTRY, "id": "r1"}
    unfit = event("u", "event.corrected", corrects=target, replacement={"effective_on": "2024-03-01"}, reason="x")
    del unfit["data"]["effective_on"]
    for content, words in (
        (wrong, "intake would refuse the event"),
        (twice, "a second event of one name: position 2 has"),
        (unfit, "its replacement does not fit taizhang.organization.registered.v1"),
        ({**event("t", "organization.changed", **CHANGED), "specversion": "0.3"}, "would refuse the event: spec"),
        (json.dumps(event("d", "organization.changed", **CHANGED)).replace('"org":', '"org":"x","org":').encode(),
         "intake would refuse the event: json_not_kept"),
    ):  # fmt: skip
        found = of_operator(partial(MemoryLog.add, content=content), file)
        assert words in said(found)
        assert isinstance(found, Report)
        assert found.first is not None
        assert found.first.position == 6


def test_a_publisher_needs_a_grant_that_allows_what_it_says(file: Path) -> None:
    changed = event("c", "organization.changed", **CHANGED)
    given = {"roles": ["publisher"], "sources": [REGISTRY]}
    moved = event("m", "organization.changed", org="group:g-1", region="9902")
    retracted = event("w", "event.retracted", retracts={"source": REGISTRY, "id": "b"}, reason="x")
    del retracted["data"]["effective_on"]
    by_other = {**retracted, "source": "/registry/other"}
    revoked = event("v", "access.revoked", access="access:a", reason="x")
    for grant, content, more, words in (
        (granted("a", "p", **given), changed, [], ""),
        (granted("a", "other", **given), changed, [], ""),  # of p nothing is shown
        (granted("a", "p", roles=["publisher"], sources=["/x"]), changed, [], "publisher p had no right"),
        (granted("a", "p", **given, regions=["9901"]), moved, [], "publisher p had no right"),
        (granted("a", "p", **given, until="2024-03-01"), changed, [], "publisher p had no right"),
        (granted("a", "p", roles=["publisher"]), by_other, [], "publisher p had no right"),
        (granted("a", "p", roles=["publisher", "steward"]), by_other, [], ""),
        (granted("a", "p", **given), changed, [{**revoked, "source": "/taizhang/access"}], "publisher p had no right"),
    ):

        def add(log: MemoryLog, before: Any = (grant, *more), last: Any = content) -> None:  # noqa: ANN401 - events
            for each in before:
                log.add(each)
            log.add(last, "p")

        found = of_operator(add, file)
        assert words in said(found) if words else said(found) == "", (grant, content)
