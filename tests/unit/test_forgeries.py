"""What is done to evidence on its way to a stranger: every forgery is refused offline, every honest bundle is not."""

import base64
import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from domain.ledger.rates import ANY, Counts, Filters, add, count_row
from domain.ledger.rows import ledger
from services.evidence.bundles.answers import Answer, AnswerError, figures
from services.evidence.bundles.bundle import Question
from services.evidence.copies.stored import event_of
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.verifier.report import Report
from services.ledger.ruleset import ruleset
from tests.forging import (
    BEGINNING,
    FORGERIES,
    THIEF,
    MemoryLog,
    Spoiled,
    everything,
    is_refused,
    log_of,
    read,
    verify,
    write,
)
from tests.histories import deliveries, fits
from tests.small_city import event

#: Of honest bundles; ten forgeries are made of each.
BUNDLES = int(os.environ.get("TAIZHANG_TEST_BUNDLES", "20"))
FORGED_EACH = 10
DAY = date(2024, 2, 29)
CITY = 20
WITNESSES = [SignerKey(f"office.example/w{n}", SignatureType.COSIGNATURE, bytes(range(n, n + 32))) for n in (1, 2)]
KEYS = [each.verifier for each in WITNESSES]


def city(count: int = CITY) -> list[dict[str, Any]]:
    """So many groups, the first half of which a branch covers."""
    said = [
        event(f"r{n}", "organization.registered", org=f"group:g-{n}", kind="new_employment_group", category="courier",
              name="站", region=f"99{n % 2 + 1:02d}", employees=n)
        for n in range(count)
    ]  # fmt: skip
    covers = [f"group:g-{n}" for n in range(count // 2)]
    said.append(
        event("b", "branch.formed", branch="branch:b", name="支部", tier="branch", formation="joint", region="9901",
              covers=covers)
    )  # fmt: skip
    return said


AFTER = date(2024, 3, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evidence.zip"


@pytest.fixture
def log() -> MemoryLog:
    return log_of(city())


@pytest.fixture
def honest(log: MemoryLog, file: Path) -> Path:
    log.bundle(file, everything(AFTER, len(log.stored)))
    return file


def spoiled(file: Path, change: Callable[[Spoiled], object]) -> Report | str:
    """What the verifier says of the bundle after a change."""
    parts = Spoiled(read(file))
    change(parts)
    write(file, parts.members())
    return verify(file)


def said(found: Report | str) -> str:
    assert isinstance(found, Report)
    return "\n".join(fault.english for fault in found.faults)


@settings(max_examples=BUNDLES, suppress_health_check=list(HealthCheck))
@given(deliveries(), st.integers(0, 2**32), st.integers(1, 29))
def test_every_random_forgery_is_refused_and_every_honest_bundle_is_not(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, Any]], seed: int, day: int
) -> None:
    log, rng = log_of(accepted(history)), random.Random(seed)
    known_at = rng.randint(max(1, len(log.stored) // 2), len(log.stored))
    file = tmp_path_factory.getbasetemp() / "forged.zip"
    as_of = date(2024, 2, day)
    rows = ledger(map(event_of, log.stored[:known_at]), as_of, fits).rows()
    assume(rows)
    questions = [everything(as_of, known_at), Question(as_of, known_at, [rows[0].org])]
    for question in questions[::-1]:
        log.bundle(file, question)
        found = verify(file)
        assert isinstance(found, Report)
        assert (found.faults, found.statement, found.partial) == ([], "follows", True)
    whole = read(file)
    for _ in range(FORGED_EACH):
        name = rng.choice(list(FORGERIES))
        parts = Spoiled(whole)
        try:
            FORGERIES[name](parts, rng)
        except IndexError:
            continue  # there is nothing in this bundle to do it to
        if "left_out" in name and says_the_same(parts, whole):
            continue  # what was left out had no part in the answer: what is left is true
        write(file, parts.members())
        assert is_refused(verify(file)), (name, parts.manifest, parts.answer)


def accepted(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The deliveries without the corrections that do not fit a target that is known: intake would refuse them."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for each in history:
        named = each["data"].get("corrects")
        target = known.get((named["source"], named["id"])) if named else None
        if target is None or "replacement" in target["data"] or "retracts" in target["data"] or (
            fits(target["type"], each["data"]["replacement"])
        ):  # fmt: skip
            known[each["source"], each["id"]] = each
    return list(known.values())


def says_the_same(parts: Spoiled, whole: dict[str, bytes]) -> bool:
    """Whether the events that are left give the same list and the same answer."""
    before = Spoiled(whole)
    if parts.manifest["organizations"] != before.manifest["organizations"] or parts.answer != before.answer:
        return False
    again = Spoiled(parts.members())
    again.answer_again()
    return bool(again.answer == before.answer)


def test_an_honest_bundle_says_what_it_is_and_that_completeness_is_not_shown(honest: Path) -> None:
    found = verify(honest)
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "follows", True)
    shown = "\n".join(english for _, english in found.good)
    assert (
        f"the rows of {CITY} organizations follow from the events: {CITY} organizations, {CITY // 2} covered" in shown
    )
    assert "the question: as_of=2024-03-01; known_at=21; the group of all organizations" in shown
    assert any("shows only in the whole log" in english for _, english in found.unshown)
    assert not any("whole log" in english for _, english in found.good)


def test_the_uncovered_organizations_cannot_be_left_out_of_the_list(honest: Path) -> None:
    def leave_out(parts: Spoiled) -> None:
        covered = {row["org"] for row in parts.answer["rows"] if row["organization_covered"]}
        parts.manifest["organizations"] = sorted(covered)
        parts.answer_again()

    assert f"the list leaves out {CITY // 2} that the question means" in said(spoiled(honest, leave_out))


def test_those_left_out_with_all_their_events_make_no_stronger_statement(honest: Path) -> None:
    def leave_out(parts: Spoiled) -> None:
        covered = {row["org"] for row in parts.answer["rows"] if row["organization_covered"]}
        parts.manifest["organizations"] = sorted(covered)
        about = [json.loads(base64.b64decode(line["raw"]))["data"].get("org", "") for line in parts.lines]
        parts.lines = [line for line, org in zip(parts.lines, about, strict=True) if org in {"", *covered}]
        parts.answer_again()

    found = spoiled(honest, leave_out)
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "follows", True)


def test_known_at_is_within_the_tree(honest: Path) -> None:
    found = spoiled(honest, lambda parts: parts.manifest.update(known_at=10_000))
    assert "known_at 10000 is not within the checkpoint's tree of 21 events" in said(found)


def test_the_first_wrong_position_is_the_first(honest: Path) -> None:
    def change(parts: Spoiled) -> None:
        for at in (17, 4, 9):
            parts.lines[at]["entry"] = parts.lines[at]["entry"].replace("office", "nobody")

    found = spoiled(honest, change)
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == 5


@pytest.mark.parametrize("member", ["manifest.json", "answer.json", "events.jsonl"])
@pytest.mark.parametrize(
    "written",
    [
        lambda data: data.replace(b"{", b'{"position":1,"position":2,', 1),
        lambda data: data.replace(b"{", b'{"format":"x",', 1),
        lambda _: b"[" * 100_000,
        lambda _: b'{"a":' * 100_000,
        lambda data: data + b"}",
        lambda data: data[: len(data) // 2],
        lambda _: b"\xff\xfe\x00binary",
        lambda _: b"9" * 100_000,
        lambda _: b"NaN",
        lambda _: b"",
        lambda _: b"null",
    ],
)
def test_json_that_readers_could_read_in_two_ways_or_not_at_all_is_refused(
    honest: Path, member: str, written: Callable[[bytes], bytes]
) -> None:
    members = read(honest)
    members[member] = written(members[member])
    write(honest, members)
    assert is_refused(verify(honest))


def appended(data: bytes) -> bytes:
    return data + b"more"


def prefixed(data: bytes) -> bytes:
    return b"more" + data


def commented(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 4) + b"more"


def renamed_inside(data: bytes) -> bytes:
    return data.replace(b"answer.json", b"Answer.json", 1)


@pytest.mark.parametrize("change", [appended, prefixed, commented, renamed_inside])
def test_nothing_stands_before_or_after_the_members(honest: Path, change: Callable[[bytes], bytes]) -> None:
    honest.write_bytes(change(honest.read_bytes()))
    assert verify(honest) == "refused"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["answer.json", "manifest.json", "events.jsonl", "notes.txt"])
def test_each_member_stands_once_in_the_file(honest: Path, name: str) -> None:
    with zipfile.ZipFile(honest, "a") as archive:
        archive.writestr(name, "{}")
    assert verify(honest) == "refused"


def test_a_file_that_was_cut_or_is_none_is_refused_in_words(honest: Path) -> None:
    whole = honest.read_bytes()
    for cut in (*range(0, len(whole), len(whole) // 40), len(whole) - 1):
        honest.write_bytes(whole[:cut])
        assert verify(honest) == "refused"
    honest.write_bytes(random.Random(1).randbytes(5_000))
    assert verify(honest) == "refused"


def test_a_bundle_signed_by_another_key_or_for_another_log_is_refused(log: MemoryLog, file: Path) -> None:
    log.key = THIEF
    log.bundle(file, everything(AFTER, 21))
    assert not is_refused(verify(file, None))  # by its own word
    assert "no signature is of a trusted key" in said(verify(file))


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
        assert words in said(of_operator(lambda log, s=signature, k=known: add(log, s, known=k), file))


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
        ({**event("t", "organization.changed", **CHANGED), "specversion": "0.3"}, "intake would refuse the event: spec"),
        (json.dumps(event("d", "organization.changed", **CHANGED)).replace('"org":', '"org":"x","org":').encode(),
         "intake would refuse the event: not_json"),
    ):  # fmt: skip
        found = of_operator(lambda log, c=content: log.add(c), file)
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


def answer(log: MemoryLog, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """What GET /v1/rates would have said."""
    state = ledger(map(event_of, log.stored), AFTER, fits)
    one, two = ([row for row in state.rows() if row.attributes.region == region] for region in ("9901", "9902"))

    def of(rows: list[Any]) -> dict[str, Any]:
        total = Counts()
        for row in rows:
            total = add(total, count_row(row))
        return figures(total)

    groups = [{"key": {"region:4": region}, **of(rows)} for region, rows in (("9901", one), ("9902", two))]
    made = {
        "as_of": AFTER.isoformat(), "known_at": {"position": 21, "recorded_at": None}, "filters": {},
        "evidence": {"tree_size": 21, "root_hash": log.head().root_hash.hex(), "ruleset": ruleset()},
        "group_by": ["region:4"], "groups": groups, "total": of([*one, *two]), "whole": None,
    }  # fmt: skip
    return json.loads(json.dumps({**made, **changes}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a["groups"].pop(),
        lambda a: a["groups"].append(a["groups"][0]),
        lambda a: a["groups"].append({**a["groups"][0], "key": {"region:4": "9903"}}),
        lambda a: a["groups"][0].update(covered=7),
        lambda a: a["groups"][0]["counts"].update(surplus=7),
        lambda a: a["groups"][0]["counts"].pop("employees"),
        lambda a: a["groups"][1]["counts"].update(organizations=10.0),
        lambda a: a["groups"][1]["rates"]["work_coverage"].update(value="0.9999"),
        lambda a: a["groups"][1]["rates"]["work_coverage"].update(more=1),
        lambda a: a["groups"][0].update(counts=[]),
        lambda a: a["total"]["rates"].update(other={"numerator": 1, "denominator": 1, "value": "1.0000"}),
        lambda a: a["total"]["counts"].update(standalone=True),
        lambda a: a.update(total=a["groups"][0]),
        lambda a: a.update(whole=a["groups"][0]),
        lambda a: a.update(published={"organization_coverage": "0.9900"}),
        lambda a: a.update(group_by=[]),
        lambda a: a.update(group_by=["region:4", "region:4"]),
        lambda a: a.update(as_of="2024-01-01"),
        lambda a: a.update(filters={"region": "9901"}),
        lambda a: a["known_at"].update(position=3),
        lambda a: a["known_at"].update(position=22),
        lambda a: a["known_at"].update(position=True),
    ],
)
def test_an_answer_with_surplus_repeated_or_foreign_figures_is_refused(
    log: MemoryLog, change: Callable[[dict[str, Any]], object]
) -> None:
    whole, forged = answer(log), answer(log)
    change(forged)
    assert differing(log, whole) == []
    assert differing(log, forged) != []


def differing(log: MemoryLog, given: dict[str, Any]) -> list[str]:
    try:
        read_answer = Answer(json.dumps(given).encode(), ANY)
    except AnswerError as fault:
        return [str(fault)]
    known = [event_of(each) for each in log.stored[: read_answer.position]]
    return read_answer.compare(ledger(known, read_answer.as_of, fits))


def test_an_answer_s_json_is_read_strictly(log: MemoryLog) -> None:
    text = json.dumps(answer(log))
    for written in (
        "[" * 100_000,
        text.replace("{", '{"as_of":"2024-03-01",', 1),
        text[:-1],
        "NaN",
        "7",
        "null",
        "\x00",
    ):
        with pytest.raises(AnswerError, match="no answer of GET /v1/rates"):
            Answer(written.encode(), Filters())
