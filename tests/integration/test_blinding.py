"""A log hides its leaves from its first event on, or from the event on that an operator has it state."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Cursor

from domain.events.evidence import BLINDED
from domain.tree.leaf import BLINDING_BYTES, is_blinded
from services.evidence.copies.copies import export_log
from services.evidence.notes.key_files import load_or_create_key
from services.evidence.notes.notes import SignatureType
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_copy
from services.evidence.verifier.report import Report
from services.evidence.verifier.verify import Source, verify_log
from services.intake.blinded import begin_blinding, erase_blinding
from services.intake.in_turn import ActRefusedError
from services.intake.intake import Intake
from services.log import recorder as recorders
from services.log.tiles import Tile, decode_bundle
from services.log.tree import LOG, tile_bytes
from services.log.turns import Turn, read_turn
from tests.fix_store import Rows
from tests.sending import STEWARD, http, removed


def leaves(store: str) -> list[bytes]:
    with psycopg.connect(store) as connection:
        width = LOG.size(connection)
        return decode_bundle(tile_bytes(connection, Tile(None, 0, width)), width)


def verified(store: str) -> Report:
    with psycopg.connect(store) as connection:
        size = LOG.size(connection)
    return verify_log(Source(size, conninfo=store), [])[0]


@pytest.fixture
def begun_without(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> Intake:
    """An intake on a log whose first events were taken in by a release that blinded nothing."""

    def as_it_was(cursor: Cursor[Any]) -> Turn:
        return read_turn(cursor)._replace(blinded=False)

    with monkeypatch.context() as patched:
        patched.setattr(recorders, "read_turn", as_it_was)
        intake.admit([http(removed("a")), http(removed("b"))])
    return intake


def test_a_new_log_is_blinded_from_its_first_event_on(intake: Intake, store: str, rows: Rows) -> None:
    intake.admit([http(removed("a")), http(b"{"), http(removed("b"))])
    intake.admit([http(removed("c")), http(removed("a"))])
    values = rows("SELECT position, value FROM taizhang.blinding ORDER BY position")
    assert [position for position, _ in values] == [1, 2, 3]
    assert {len(value) for _, value in values} == {BLINDING_BYTES}
    assert len({bytes(value) for _, value in values}) == 3
    assert all(map(is_blinded, leaves(store)))
    assert verified(store).faults == []


def test_a_log_begun_without_goes_on_so_until_it_is_told_and_then_for_ever(
    begun_without: Intake, store: str, rows: Rows
) -> None:
    intake = begun_without
    intake.admit([http(removed("c"))])
    assert [is_blinded(each) for each in leaves(store)] == [False] * 3
    assert verified(store).faults == []
    assert begin_blinding(intake) == 4
    with pytest.raises(ActRefusedError) as refused:
        begin_blinding(intake)
    assert [reason.rule for reason in refused.value.reasons] == ["already_blinded"]
    intake.admit([http(removed("d")), http(removed("e"))])
    assert [is_blinded(each) for each in leaves(store)] == [False] * 3 + [True] * 3
    assert rows("SELECT position FROM taizhang.blinding ORDER BY position") == [(4,), (5,), (6,)]
    assert verified(store).faults == []


def test_nobody_but_the_service_says_that_blinding_begins(begun_without: Intake, store: str) -> None:
    event = removed("x") | {"type": BLINDED, "source": "/taizhang/blinding", "data": {"effective_on": "2024-01-01"}}
    event.pop("subject", None)
    (receipt,) = begun_without.admit([http(event)])
    assert receipt.disposition == "quarantined"
    assert STEWARD.name not in str(leaves(store)[-1])


@pytest.mark.usefixtures("begun_without")
def test_a_leaf_of_the_other_form_is_named_with_its_position(begun_without: Intake, store: str, rows: Rows) -> None:
    """As whoever has the database may add one, with its hash and in the tree."""
    begin_blinding(begun_without)
    begun_without.admit([http(removed("c"))])
    rows("ALTER TABLE taizhang.blinding DISABLE TRIGGER USER")
    rows("DELETE FROM taizhang.blinding WHERE position = 4")
    first = verified(store).first
    assert first is not None
    assert first.position == 4


def test_what_names_a_person_loses_its_value_and_the_log_says_so(
    intake: Intake, store: str, rows: Rows, tmp_path: Path
) -> None:
    escaped = json.dumps(removed("c", member="member:two")).replace("member:two", "m\\u0065mber:two")
    intake.admit([
        http(removed("a", member="member:one")), http(removed("b", member="member:two")), http(escaped.encode()),
        http(removed("d", member="member:two2")),
    ])  # fmt: skip
    before = leaves(store)
    assert erase_blinding(intake, "member:two", STEWARD) == 2
    assert erase_blinding(intake, "member:two", STEWARD) == 0
    assert rows("SELECT position FROM taizhang.blinding WHERE value IS NULL ORDER BY position") == [(2,), (3,)]
    (said,) = rows("SELECT notification_id, state FROM taizhang.log WHERE topic = 'taizhang.evidence.erased.v1'")
    assert (said[0], json.loads(said[1])["data"]["positions"]) == (5, [2, 3])
    assert leaves(store)[:4] == before
    report = verified(store)
    assert report.faults == []
    assert any("the blinding values of 2 events were erased" in english for _, english in report.unshown)
    key = load_or_create_key(tmp_path / "log.key", SignatureType.ED25519, "log.example/b")
    with psycopg.connect(store, autocommit=True) as connection:
        assert export_log(connection, CheckpointSigner(tmp_path / "log.key"), tmp_path / "copy") == 5
    asked = Asked(log_key=key.verifier, workers=1)
    assert audit_copy(str(tmp_path / "copy"), None, asked, lambda _: None, lambda _: None).faults == []
