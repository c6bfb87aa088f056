"""What a registry is given for what it sent, and what it can conclude from it offline; every change is refused."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.evidence.copies.copies import CopyError
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.notes.tlog_proof import TlogProof
from services.evidence.receipts.receipts import Receipt, Sent, receipts
from services.evidence.verifier.receipt_check import verify_receipt
from services.evidence.verifier.report import Report
from services.intake.intake import Intake
from services.intake.quarantine import Quarantine
from services.log.arrivals import ARRIVALS
from services.log.tree import LOG
from services.system.errors import NotFoundError
from tests.fix_store import Rows
from tests.sending import CIVIL, MARKET, STEWARD_LI, as_bytes, envelope, http, kafka, limited, removed

STRANGER = limited("stranger", sources={CIVIL})
OTHER = SignerKey("log.example/r", SignatureType.ED25519, bytes(range(32)))


class Office:
    """The ledger's office where receipts are asked for."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], key_file: Path) -> None:
        self.connection = connection
        self.log, self.arrivals = (CheckpointSigner(key_file, "log.example/r", tree) for tree in (LOG, ARRIVALS))
        self.log.checkpoint(connection)
        self.keys = LogKeys.follow(self.log.verifier, None)

    def give(self, id_: str, by: str | None = "registry", source: str = MARKET) -> list[Receipt]:
        return receipts(self.connection, self.log, self.arrivals, Sent(source, id_, None, by))

    def give_set_aside(self, number: int, by: str | None = None) -> list[Receipt]:
        return receipts(self.connection, self.log, self.arrivals, Sent(None, None, number, by))

    def check(self, file: bytes, sent: bytes | None = None) -> Report:
        return verify_receipt(file, self.keys, sent).report


@pytest.fixture
def office(intake: Intake, store: str, tmp_path: Path) -> Iterator[Office]:
    intake.admit([http(removed("a")), http(removed("b"))])
    with psycopg.connect(store) as connection:
        yield Office(connection, tmp_path / "log.key")


def test_of_what_was_accepted_and_repeated_each_has_its_receipt(office: Office, intake: Intake) -> None:
    again = json.dumps(removed("a"), indent=1).encode()
    intake.admit([http(again)])
    found = office.give("a")
    assert [each.kind for each in found] == ["duplicate", "accepted"]
    for each, sent in zip(found, (again, as_bytes(removed("a"))), strict=True):
        report = office.check(each.file, sent)
        assert (report.faults, report.statement, report.unshown) == ([], "in the log", [])
        assert "it is of the very bytes that were sent" in [english for _, english in report.good]
        other = office.check(each.file, sent + b" ")
        assert other.first is not None
        assert "what was sent has" in other.first.english


def test_what_was_set_aside_is_proved_with_its_reasons_and_each_step_since(office: Office, intake: Intake) -> None:
    quarantine = Quarantine(intake.writer)
    intake.admit([http(removed("x"), STRANGER), kafka(b"no JSON", 7)])
    quarantine.redrive(1, STEWARD_LI)
    quarantine.discard(1, STEWARD_LI, "a test")
    found = office.give("x", "stranger")
    assert [each.kind for each in found] == ["quarantined", "step", "step"]
    told = "\n".join(english for each in found for _, english in office.check(each.file).good)
    assert "set aside: number 1 of the arrivals" in told
    assert "because of source_of_another_publisher" in told
    assert "action still_refused" in told
    assert "action discarded" in told
    assert office.check(found[0].file, as_bytes(removed("x"))).faults == []
    unreadable, *rest = office.give_set_aside(2, "registry")
    assert (rest, office.check(unreadable.file, b"no JSON").faults) == ([], [])


def test_a_receipt_outlives_the_bytes_that_are_taken_away(office: Office, intake: Intake) -> None:
    data = {"effective_on": "2024-01-05", "member": "member:m", "phone": "13800138000"}
    sent = as_bytes(envelope("p", "member.enrolled", data, MARKET))
    intake.admit([http(sent)])
    (before,) = office.give("p")
    Quarantine(intake.writer).discard(1, STEWARD_LI, "holds a number")
    after, _ = office.give("p")
    assert b"13800138000" not in before.file + after.file
    assert office.check(after.file, sent).faults == office.check(before.file, sent).faults == []


def test_nobody_is_given_what_somebody_else_sent(office: Office, intake: Intake) -> None:
    intake.admit([http(removed("x"), STRANGER), http(removed("a"))])
    for source, id_, number, by in (
        (MARKET, "a", None, "stranger"), (MARKET, "x", None, "registry"), (None, None, 1, "registry"),
        (MARKET, "nothing", None, None), (None, None, 9, None), (CIVIL, "a", None, None),
    ):  # fmt: skip
        with pytest.raises(NotFoundError, match="quarantine id"):
            receipts(office.connection, office.log, office.arrivals, Sent(source, id_, number, by))
    assert len(office.give("a", None)) == 2
    assert len(office.give_set_aside(1)) == 1


def test_every_change_of_a_receipt_is_refused(office: Office, intake: Intake) -> None:
    intake.admit([http(removed("a")), http(removed("x"), STRANGER)])
    rng = random.Random(19)
    files = [each.file for each in office.give("a") + office.give("x", "stranger")]
    for file in files:
        for _ in range(60):
            at = rng.randrange(len(file))
            changed = file[:at] + bytes([rng.choice([file[at] ^ 1, ord("A"), ord("0")])]) + file[at + 1 :]
            assert changed == file or is_refused(office, changed), changed
    for one, other in ((files[0], files[1]), (files[1], files[2])):
        a, b = TlogProof.parse(one), TlogProof.parse(other)
        for mixed in (
            TlogProof(a.index, a.hashes, b.note, a.extra), TlogProof(a.index, b.hashes, a.note, b.extra),
            TlogProof(b.index, a.hashes, a.note, a.extra), TlogProof(a.index, a.hashes[1:], a.note, a.extra),
            TlogProof(a.index, a.hashes, a.note),
        ):  # fmt: skip
            assert is_refused(office, mixed.to_bytes()) or mixed in (a, b)


def is_refused(office: Office, file: bytes) -> bool:
    try:
        return bool(office.check(file).faults)
    except CopyError:
        return True


def test_without_the_log_s_key_nothing_is_concluded(office: Office) -> None:
    (found,) = office.give("a")
    with pytest.raises(CopyError, match="--log-key"):
        verify_receipt(found.file, None)
    report = verify_receipt(found.file, LogKeys.follow(OTHER.verifier, None)).report
    assert report.first is not None
    assert report.first.english.startswith("checkpoint: ")


def test_a_turn_in_which_all_was_accepted_leaves_no_leaf_beside_the_log(
    office: Office, intake: Intake, rows: Rows
) -> None:
    intake.admit([http(removed(f"n{number}")) for number in range(300)])
    assert rows("SELECT count(*) FROM taizhang.arrival") == [(0,)]
    intake.admit([http(removed(f"n{number}")) for number in range(300)])
    assert rows("SELECT kind, count(*) FROM taizhang.arrival GROUP BY kind ORDER BY kind") == [
        ("duplicate", 300), ("tally", 1),
    ]  # fmt: skip
    assert rows("SELECT level, index FROM taizhang.arrival_tile_root") == [(1, 0)]
    found = office.give("n280")
    assert [office.check(each.file).faults for each in found] == [[], []]
    office.arrivals.checkpoint(office.connection)
