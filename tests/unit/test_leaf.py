"""The canonical form of a leaf."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.leaf import (
    BLINDING_BYTES,
    INTEGER_MAX,
    LEAF_BYTES_MAX,
    Blinding,
    LeafError,
    commitment_of,
    entry_of,
    is_blinded,
    leaf_in,
    leaf_of,
    opened,
    record_of,
)

DIGEST = hashlib.sha256(b"raw").digest()
AT = datetime(2024, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
HTTP = {"channel": "http", "request": "r-1", "index": 0}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
key = st.text(st.characters(max_codepoint=127), max_size=8)
number = st.integers(-INTEGER_MAX, INTEGER_MAX)
coordinates = st.dictionaries(key, st.one_of(text, number, st.booleans(), st.none(), st.lists(text, max_size=2)))


def test_the_form_is_this_one() -> None:
    made = record_of(
        7, "urn:registry:market", "e-1", DIGEST, AT, "市监局", {"topic": "登记", "offset": 12, "channel": "kafka"}
    )
    assert made.decode() == (
        '{"id":"e-1","intake":{"channel":"kafka","offset":12,"topic":"登记"},"position":7,"publisher":"市监局",'
        f'"raw_sha256":"{DIGEST.hex()}","recorded_at":"2024-12-31T23:59:59.123456Z","source":"urn:registry:market"}}'
    )


def test_strings_are_escaped_as_rfc_8785_section_3_2_2_2_says() -> None:
    made = record_of(1, '\b\t\n\f\r"\\\x00\x1f\x7f/\u2028€𠮷', "", DIGEST, AT, "", {})
    assert made.endswith(b'"source":"\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u001f\x7f/' + "\u2028€𠮷".encode() + b'"}')


@given(st.integers(1, 10**9), text, text, text, coordinates)
def test_any_leaf_reads_back_as_json_and_is_in_order(
    position: int, source: str, name: str, publisher: str, intake: dict[str, Any]
) -> None:
    made = record_of(position, source, name, DIGEST, AT, publisher, intake)
    expected = {
        "id": name,
        "intake": intake,
        "position": position,
        "publisher": publisher,
        "raw_sha256": DIGEST.hex(),
        "recorded_at": "2024-12-31T23:59:59.123456Z",
        "source": source,
    }
    assert json.loads(made) == expected
    assert made.decode() == json.dumps(expected, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def test_an_instant_is_written_in_utc_with_six_places() -> None:
    shanghai = datetime(2025, 1, 1, 8, 0, 0, tzinfo=timezone(timedelta(hours=8)))
    assert b'"recorded_at":"2025-01-01T00:00:00.000000Z"' in record_of(1, "s", "i", DIGEST, shanghai, "p", HTTP)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(LeafError, match="has no offset"):
        record_of(1, "s", "i", DIGEST, datetime(2025, 1, 1), "p", HTTP)  # noqa: DTZ001 -- the fault under test


@pytest.mark.parametrize("value", [1.5, 1.0, float("nan"), INTEGER_MAX + 1, -INTEGER_MAX - 1, b"x", {1, 2}])
def test_a_coordinate_that_json_cannot_hold_exactly_is_refused(value: object) -> None:
    with pytest.raises(LeafError, match="intake offset"):
        record_of(1, "s", "i", DIGEST, AT, "p", {"offset": value})


def test_a_key_outside_ascii_is_refused() -> None:
    with pytest.raises(LeafError, match="name coordinates in ASCII"):
        record_of(1, "s", "i", DIGEST, AT, "p", {"主题": "t"})


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(LeafError, match="surrogate pair"):
        record_of(1, "s", "\ud800", DIGEST, AT, "p", HTTP)


def test_a_leaf_too_long_for_an_entry_bundle_is_refused() -> None:
    with pytest.raises(LeafError, match="an entry holds 65535 at most"):
        record_of(1, "s", "i" * LEAF_BYTES_MAX, DIGEST, AT, "p", HTTP)


@given(coordinates)
def test_coordinates_as_text_from_orjson_give_the_same_leaf(intake: dict[str, Any]) -> None:
    text = orjson.dumps(intake, option=orjson.OPT_SORT_KEYS).decode()
    assert record_of(1, "s", "i", DIGEST, AT, "p", text) == record_of(1, "s", "i", DIGEST, AT, "p", intake)


value = st.binary(min_size=BLINDING_BYTES, max_size=BLINDING_BYTES)
RECORD = record_of(7, "s", "i", DIGEST, AT, "p", HTTP)


def test_a_blinded_leaf_is_this_one() -> None:
    """The form of evidence-format.md, from SHA-256 alone."""
    shown = b'{"blinding":"' + b"ab" * 32 + b'","entry":' + RECORD + b"}"
    made = hashlib.sha256(b"taizhang/leaf/2\n" + shown).hexdigest()
    blinding = Blinding(b"\xab" * 32)
    assert entry_of(RECORD, blinding) == shown
    assert leaf_of(7, RECORD, blinding) == f'{{"commitment":"{made}","position":7}}'.encode()


@given(st.integers(1, 10**9), text, text, coordinates, st.none() | value)
def test_an_entry_opens_its_leaf_before_and_after_its_value_is_erased(
    position: int, name: str, publisher: str, intake: dict[str, Any], hidden: bytes | None
) -> None:
    record = record_of(position, "s", name, DIGEST, AT, publisher, intake)
    blinding = None if hidden is None else Blinding(hidden)
    made = leaf_of(position, record, blinding)
    assert opened(entry_of(record, blinding)) == (record, blinding)
    assert leaf_in(entry_of(record, blinding)) == made
    assert is_blinded(made) == (hidden is not None)
    if hidden is not None:
        erased = Blinding(None, commitment_of(record, hidden))
        assert opened(entry_of(record, erased)) == (record, erased)
        assert leaf_in(entry_of(record, erased)) == leaf_of(position, record, erased) == made


@given(value, value, text)
def test_another_value_or_another_record_opens_another_leaf(one: bytes, other: bytes, name: str) -> None:
    changed = record_of(7, "s", name, DIGEST, AT, "p", HTTP)
    made = {leaf_of(7, record, Blinding(each)) for record in (RECORD, changed) for each in (one, other)}
    assert len(made) == len({RECORD, changed}) * len({one, other})


@given(value, st.integers(1, 10**6))
def test_a_blinded_leaf_says_its_position_and_nothing_else(hidden: bytes, position: int) -> None:
    made = json.loads(leaf_of(position, record_of(position, "s", "i", DIGEST, AT, "p", HTTP), Blinding(hidden)))
    assert made.keys() == {"commitment", "position"}
    assert made["position"] == position
