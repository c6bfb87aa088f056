"""The canonical form of a leaf."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.leaf import INTEGER_MAX, LEAF_BYTES_MAX, LeafError, leaf

DIGEST = hashlib.sha256(b"raw").digest()
AT = datetime(2024, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
HTTP = {"channel": "http", "request": "r-1", "index": 0}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
key = st.text(st.characters(max_codepoint=127), max_size=8)
number = st.integers(-INTEGER_MAX, INTEGER_MAX)
coordinates = st.dictionaries(key, st.one_of(text, number, st.booleans(), st.none(), st.lists(text, max_size=2)))


def test_the_form_is_this_one() -> None:
    made = leaf(
        7, "urn:registry:market", "e-1", DIGEST, AT, "市监局", {"topic": "登记", "offset": 12, "channel": "kafka"}
    )
    assert made.decode() == (
        '{"id":"e-1","intake":{"channel":"kafka","offset":12,"topic":"登记"},"position":7,"publisher":"市监局",'
        f'"raw_sha256":"{DIGEST.hex()}","recorded_at":"2024-12-31T23:59:59.123456Z","source":"urn:registry:market"}}'
    )


def test_strings_are_escaped_as_rfc_8785_section_3_2_2_2_says() -> None:
    made = leaf(1, '\b\t\n\f\r"\\\x00\x1f\x7f/\u2028€𠮷', "", DIGEST, AT, "", {})
    assert made.endswith(b'"source":"\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u001f\x7f/' + "\u2028€𠮷".encode() + b'"}')


@given(st.integers(1, 10**9), text, text, text, coordinates)
def test_any_leaf_reads_back_as_json_and_is_in_order(
    position: int, source: str, name: str, publisher: str, intake: dict[str, Any]
) -> None:
    made = leaf(position, source, name, DIGEST, AT, publisher, intake)
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
    assert b'"recorded_at":"2025-01-01T00:00:00.000000Z"' in leaf(1, "s", "i", DIGEST, shanghai, "p", HTTP)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(LeafError, match="has no offset"):
        leaf(1, "s", "i", DIGEST, datetime(2025, 1, 1), "p", HTTP)  # noqa: DTZ001 -- the fault under test


@pytest.mark.parametrize("value", [1.5, 1.0, float("nan"), INTEGER_MAX + 1, -INTEGER_MAX - 1, b"x", {1, 2}])
def test_a_coordinate_that_json_cannot_hold_exactly_is_refused(value: object) -> None:
    with pytest.raises(LeafError, match="intake offset"):
        leaf(1, "s", "i", DIGEST, AT, "p", {"offset": value})


def test_a_key_outside_ascii_is_refused() -> None:
    with pytest.raises(LeafError, match="name coordinates in ASCII"):
        leaf(1, "s", "i", DIGEST, AT, "p", {"主题": "t"})


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(LeafError, match="surrogate pair"):
        leaf(1, "s", "\ud800", DIGEST, AT, "p", HTTP)


def test_a_leaf_too_long_for_an_entry_bundle_is_refused() -> None:
    with pytest.raises(LeafError, match="an entry holds 65535 at most"):
        leaf(1, "s", "i" * LEAF_BYTES_MAX, DIGEST, AT, "p", HTTP)


@given(coordinates)
def test_coordinates_as_text_from_orjson_give_the_same_leaf(intake: dict[str, Any]) -> None:
    text = orjson.dumps(intake, option=orjson.OPT_SORT_KEYS).decode()
    assert leaf(1, "s", "i", DIGEST, AT, "p", text) == leaf(1, "s", "i", DIGEST, AT, "p", intake)
