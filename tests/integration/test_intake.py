"""Intake: exactly one disposition for each message, and the counts that prove it."""

import json
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.intake import Intake, Message, Receipt
from tests.fix_store import Rows
from tests.sending import (
    CIVIL,
    MARKET,
    ORG,
    REGISTRY,
    STEWARD,
    as_bytes,
    corrected,
    envelope,
    http,
    kafka,
    limited,
    removed,
    retracted,
)

TALLY = "SELECT source, channel, topic, partition, received, accepted, duplicate, quarantined FROM taizhang.tally"


def rules(receipt: Receipt) -> list[str]:
    return [reason.rule for reason in receipt.reasons]


def short(receipts: list[Receipt]) -> list[tuple[str, int | None]]:
    return [(receipt.disposition, receipt.position or receipt.quarantine_id) for receipt in receipts]


def test_accepted_events_get_dense_positions_in_order(intake: Intake) -> None:
    assert short(intake.admit([http(removed("a")), http(removed("b"))])) == [("accepted", 1), ("accepted", 2)]
    assert short(intake.admit([http(b"{")])) == [("quarantined", 1)]
    assert short(intake.admit([http(removed("c"))])) == [("accepted", 3)]


def test_a_repeat_is_a_duplicate_of_the_first_whatever_its_key_order_and_white_space(
    intake: Intake, rows: Rows
) -> None:
    event = removed("a")
    spaced = json.dumps(dict(reversed(event.items())), indent=2).encode()
    assert short(intake.admit([http(event), http(spaced)])) == [("accepted", 1), ("duplicate", 1)]
    assert short(intake.admit([http(spaced, index=7)])) == [("duplicate", 1)]
    assert rows("SELECT position, publisher, intake FROM taizhang.duplicate") == [
        (1, "registry", {"channel": "http", "request": "r1", "index": 0}),
        (1, "registry", {"channel": "http", "request": "r1", "index": 7}),
    ]


def test_a_repeat_stays_a_duplicate_where_it_would_be_refused_today(intake: Intake) -> None:
    intake.admit([http(removed("a"))])
    stranger = limited("stranger", sources={CIVIL})
    assert short(intake.admit([http(removed("a"), stranger)])) == [("duplicate", 1)]


def test_another_content_under_a_known_name_is_a_conflict(intake: Intake) -> None:
    receipts = intake.admit([http(removed("a")), http(removed("a", member="member:m2"))])
    assert short(receipts) == [("accepted", 1), ("quarantined", 1)]
    assert rules(receipts[1]) == ["conflict"]
    assert "position 1" in receipts[1].reasons[0].message


def test_one_id_from_two_sources_names_two_events(intake: Intake) -> None:
    assert short(intake.admit([http(removed("a")), http(removed("a", CIVIL))])) == [("accepted", 1), ("accepted", 2)]


@pytest.mark.parametrize("word", [corrected("c", "a", removed("a")["data"], CIVIL), retracted("c", "a", CIVIL)])
def test_only_its_own_source_or_a_steward_corrects_an_event(intake: Intake, word: dict[str, Any]) -> None:
    intake.admit([http(removed("a"))])
    (refused,) = intake.admit([http(word)])
    assert rules(refused) == ["not_the_targets_source"]
    assert short(intake.admit([http(word, STEWARD)])) == [("accepted", 2)]
    own = {**word, "source": MARKET}
    assert short(intake.admit([http(own)])) == [("accepted", 3)]


def test_a_replacement_that_does_not_fit_its_known_target_is_quarantined(intake: Intake) -> None:
    unfit = corrected("c", "a", {"effective_on": "2024-05-01", "org": ORG})
    receipts = intake.admit([http(removed("a")), http(unfit)])
    assert receipts[1].disposition == "quarantined"
    assert {reason.at for reason in receipts[1].reasons} == {"/data/replacement/member", "/data/replacement/org"}
    assert intake.admit([http(unfit)])[0].disposition == "quarantined"


def test_a_correction_that_comes_before_its_target_is_held(intake: Intake) -> None:
    unfit = corrected("c", "a", {"effective_on": "2024-05-01", "org": ORG})
    assert short(intake.admit([http(unfit), http(removed("a"))])) == [("accepted", 1), ("accepted", 2)]


def test_a_correction_of_a_correction_is_kept(intake: Intake) -> None:
    events = [removed("a"), corrected("c", "a", removed("a")["data"]), corrected("d", "c", {"x": 1})]
    assert short(intake.admit(list(map(http, events)))) == [("accepted", 1), ("accepted", 2), ("accepted", 3)]


def test_a_publisher_speaks_only_for_its_sources(intake: Intake) -> None:
    publisher = limited("civil", sources={CIVIL})
    receipts = intake.admit([http(removed("a", CIVIL), publisher), http(removed("a"), publisher)])
    assert [rules(receipt) for receipt in receipts] == [[], ["source_of_another_publisher"]]


def test_binary_mode_keeps_its_attributes_with_the_event(intake: Intake) -> None:
    event = removed("a")
    data = event.pop("data")
    message = Message(as_bytes(data), {"channel": "kafka", "topic": "t"}, REGISTRY, event)
    assert short(intake.admit([message, http({**event, "data": data})])) == [("accepted", 1), ("duplicate", 1)]
    (recorded,) = intake.recorder.tail(0)
    assert (recorded.raw, recorded.intake) == (as_bytes(data), {"channel": "kafka", "topic": "t", "attributes": event})
    assert recorded.event().data == data


POISON: list[tuple[bytes, dict[str, str] | None]] = [
    (b"", None),
    (b"\xff\xfe", None),
    (b"null", None),
    (b"[]", None),
    (b'{"id": "\\u0000"}', None),
    (b'{"id": "\\ud800"}', None),
    (b"[" * 100_000, None),
    (b"1" * 10_000, None),
    (b'{"a": 1e999}', None),
    (b"x" * (2 << 20), None),
    (json.dumps({"id": "x" * 9_000, "source": "y" * 9_000}).encode(), None),
    (json.dumps({**removed("a"), "source": "not a URI"}).encode(), None),
    (json.dumps(removed("a", member=10**400)).encode(), None),  # type: ignore[arg-type]  # it is wrong on purpose
    (b"{}", {"id": "\x00", "source": "s"}),
    (b"{}", {"id": "\ud800", "source": "s"}),
    (json.dumps(removed("a")["data"]).encode(), {k: v for k, v in removed("a").items() if k != "data"} | {"x": "\x00"}),
    (json.dumps(removed("a")["data"]).encode(),
     {k: v for k, v in removed("a").items() if k != "data"} | {f"x{n}": "𠀀" * 1_000 for n in range(20)}),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "attributes"), POISON, ids=range(len(POISON)))
def test_poison_is_set_aside_whole_and_harms_no_neighbour(
    intake: Intake, rows: Rows, raw: bytes, attributes: dict[str, str] | None
) -> None:
    poison = Message(raw, {"channel": "http"}, REGISTRY, attributes)
    receipts = intake.admit([http(removed("before")), poison, http(removed("after"))])
    assert short(receipts) == [("accepted", 1), ("quarantined", 1), ("accepted", 2)]
    ((kept, sha256, kept_attributes, reasons),) = rows(
        "SELECT raw, sha256(raw) = raw_sha256, attributes::text, reasons::text FROM taizhang.quarantine"
    )
    assert (bytes(kept), sha256) == (raw, True)
    assert json.loads(kept_attributes or "null") == attributes
    assert [reason["rule"] for reason in json.loads(reasons)] == rules(receipts[1])


def test_what_the_channel_refuses_is_quarantined_unless_it_is_a_repeat(intake: Intake) -> None:
    wrong_key = Message(
        as_bytes(removed("a")), {"channel": "kafka"}, REGISTRY, None, intake.admit([http(b"{")])[0].reasons
    )
    assert short(intake.admit([wrong_key])) == [("quarantined", 2)]
    intake.admit([http(removed("a"))])
    assert short(intake.admit([wrong_key])) == [("duplicate", 1)]


def test_a_fault_stores_nothing_of_the_batch(intake: Intake, rows: Rows) -> None:
    def fail(cursor: psycopg.Cursor[Any]) -> None:
        cursor.execute("CREATE TABLE taizhang.trace ()")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        intake.admit([http(removed("a")), http(b"{")], within=fail)
    assert rows("SELECT (SELECT count(*) FROM taizhang.log), (SELECT count(*) FROM taizhang.tally)") == [(0, 0)]
    assert rows("SELECT to_regclass('taizhang.trace')") == [(None,)]
    assert short(intake.admit([http(removed("b"))])) == [("accepted", 1)]


def test_every_message_is_counted_once_by_source_and_place(intake: Intake, rows: Rows) -> None:
    intake.admit([http(removed("a")), http(removed("a")), http(removed("a", CIVIL)), http(b"{")])
    intake.admit([kafka(removed("a"), 0), kafka(removed("b"), 0, 1), kafka(b"{", 1)])
    assert sorted(rows(TALLY), key=str) == sorted(
        [
            (MARKET, "http", None, None, 2, 1, 1, 0),
            (CIVIL, "http", None, None, 1, 1, 0, 0),
            (None, "http", None, None, 1, 0, 0, 1),
            (MARKET, "kafka", "registry", 0, 1, 0, 1, 0),
            (MARKET, "kafka", "registry", 1, 1, 1, 0, 0),
            (None, "kafka", "registry", 0, 1, 0, 0, 1),
        ],
        key=str,
    )


ids = st.sampled_from("abc")
sources = st.sampled_from([MARKET, CIVIL])
TOTALS = (
    "SELECT coalesce(sum(accepted), 0), coalesce(sum(duplicate), 0), coalesce(sum(quarantined), 0) FROM taizhang.tally"
)
STORED = """
SELECT (SELECT count(*) FROM taizhang.log), (SELECT count(*) FROM taizhang.duplicate),
       (SELECT count(*) FROM taizhang.quarantine)
"""
ARRIVALS = st.lists(
    st.one_of(
        st.builds(removed, ids, sources, st.sampled_from(["member:1", "member:2"])),
        st.builds(corrected, ids, ids, st.sampled_from([removed("a")["data"], {}]), sources),
        st.just(b"{"),
        st.just(envelope("a", "unknown", {})),
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=ARRIVALS, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_batches_do_what_one_after_another_does(
    intake: Intake, rows: Rows, events: list[dict[str, Any] | bytes], cuts: list[int]
) -> None:
    """Each example speaks of its own sources, so that those before it have no part in it."""
    mark = rows("SELECT count(*) FROM taizhang.tally")[0][0]
    own = [rename(event, f"{mark}") for event in events]
    alone = [rename(event, f"{mark}-alone") for event in events]
    bounds = sorted({0, len(own), *(cut for cut in cuts if cut < len(own))})
    batched: list[Receipt] = []
    for start, end in pairwise(bounds):
        batched += intake.admit([http(event) for event in own[start:end]])
    single = [intake.admit([http(event)])[0] for event in alone]
    assert [(r.disposition, sorted(rules(r))) for r in batched] == [(r.disposition, sorted(rules(r))) for r in single]

    accepted = [r for r in batched if r.disposition == "accepted"]
    again = intake.admit([http(event) for event in own])
    assert not any(r.disposition == "accepted" for r in again)
    for before, after in zip(batched, again, strict=True):
        if before.disposition != "quarantined":
            assert (after.disposition, after.position) == ("duplicate", before.position)
    assert all(b.position - a.position == 1 for a, b in pairwise(accepted) if a.position and b.position)
    assert rows(TOTALS)[0] == rows(STORED)[0]


def rename(event: dict[str, Any] | bytes, mark: str) -> dict[str, Any] | bytes:
    """The same event, its sources and its target's given a mark."""
    if isinstance(event, bytes):
        return event
    renamed = {**event, "source": f"{event['source']}/{mark}"}
    if "corrects" in event["data"]:
        named = event["data"]["corrects"]
        renamed["data"] = {**event["data"], "corrects": {**named, "source": f"{named['source']}/{mark}"}}
    return renamed
