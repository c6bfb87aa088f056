"""What intake reads as JSON: every later reader reads the same, and it takes time in proportion to its bytes."""

import contextlib
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.envelope import read_event, significant
from domain.values import strict_json
from domain.values.attributes import is_plain, is_text, unfit_character
from domain.values.instants import parse_instant
from domain.values.strict_json import NotJsonError, is_json, read_json, split_array, split_values, strings
from services.log.content import UnreadableError, content_of, time_and_data
from tests.doubling import RATIO_MAX, growth
from tests.hostile import NUMBERS, as_bytes, mutated, sound_events

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def read_alike(raw: bytes) -> None:
    try:
        value = read_json(raw)
    except NotJsonError:
        return
    later = content_of(raw, None) if isinstance(value, dict) else content_of(raw, {})["data"]
    # Types count too: True is not 1, and 1.0 not 1.
    assert repr(later) == repr(value)


@given(JSON, st.booleans())
def test_what_intake_reads_the_projector_reads_alike(value: Any, ascii_: bool) -> None:  # noqa: ANN401, FBT001 - any JSON
    read_alike(json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8e+-.1 \n\x00\ufeff', max_size=40).map(str.encode))
def test_any_bytes_are_read_alike_or_refused(raw: bytes) -> None:
    read_alike(raw)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_read_alike_or_refused(number: str) -> None:
    for raw in (number, f"[{number}]", f'{{"a":{number}}}'):
        read_alike(raw.encode())


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    for text in ("100", "100.0", "1e2", "1E+2", "1000e-1", "100.000000000000000000000000000000"):
        assert repr(read_json(text.encode())) == "100"
    assert repr(read_json(b"[-0, -0.0, 0e5, 0.0]")) == "[0, 0, 0, 0]"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}', b"9007199254740992", b"1e16", b"1e400", b"99.99999999999999999999", b"1e-400",
        b'"\\ud800"', b'"\\u0000"', b"[" * 33 + b"]" * 33, b"[" * 5_000 + b"]" * 5_000, b"1" * 5_000,
    ],
)  # fmt: skip
def test_what_readers_take_differently_is_refused_though_it_is_json(raw: bytes) -> None:
    with pytest.raises(NotJsonError) as refused:
        read_json(raw)
    assert refused.value.rule == "json_not_kept"
    assert is_json(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"NaN", b"[1,]", b"01", b"1.", b"'a'", b"\xff", b"\xef\xbb\xbf1", b'"\t"', b"1 2"]
)
def test_what_is_no_json_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(NotJsonError) as refused:
        read_json(raw)
    assert refused.value.rule == "not_json"
    assert not is_json(raw)


@pytest.mark.parametrize("bad", [b"[" * 100_000 + b"]" * 100_000, b"9" * 10_000, b"1e999", b"NaN", b'{"a":1,"a":2}'])
def test_one_element_that_cannot_be_read_does_not_take_the_others_down(bad: bytes) -> None:
    assert split_array(b'[{"a":"]"}, ' + bad + b' ,{"b":2}]') == [b'{"a":"]"}', bad, b'{"b":2}']


@given(st.lists(JSON, max_size=8), st.sampled_from([None, 1]), st.integers(33, 80))
def test_however_little_is_looked_at_at_once_an_array_has_the_same_elements(
    values: list[Any], indent: int | None, window: int
) -> None:
    """What is shown to the scanner in one go holds up every other thread."""
    raw = json.dumps(values, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_WINDOW", window)
        split = split_array(raw)
    assert split == split_array(raw)
    assert repr([json.loads(each) for each in split]) == repr(values)


def test_an_element_longer_than_any_event_is_found_whatever_it_is() -> None:
    more = 3 << 20
    for element in (
        b"[" + b"1," * more + b"1]",
        b'"' + b"]," * more + b'"',
        b"1" * more,
        b'{"a":' + b"[" * more + b"]" * more + b"}",
    ):
        for before in (b"", b"1" + b" " * (1 << 20) + b","):
            split = split_array(b"[" + before + element + b" ,2]")
            assert split[-2:] == [element, b"2"]


def test_values_may_stand_one_after_the_other() -> None:
    assert split_values(b'{"a":\n1}\n{"b":2}[3] 4\n') == [b'{"a":\n1}', b'{"b":2}', b"[3]", b"4"]
    with pytest.raises(NotJsonError):
        split_values(b'{"a":1} nothing')


def test_whatever_intake_takes_every_later_reader_reads() -> None:
    rng = random.Random(14)
    sound, taken = sound_events(0), 0
    for _ in range(4_000):
        raw = as_bytes(mutated(rng, rng.choice(sound)))
        reading = read_event(raw)
        if reading.event is None:
            assert reading.reasons
            continue
        taken += 1
        content = content_of(raw, None)
        assert significant(content)["data"] == reading.event.data
        assert time_and_data(raw, None) == (reading.event.time_ns, reading.event.data)
        assert parse_instant(orjson.loads(raw)["time"]) == reading.event.time_ns
    assert taken > 500


def test_no_character_that_unicode_calls_printable_hides_or_turns() -> None:
    printable = [each for each in map(chr, range(sys.maxunicode + 1)) if each.isprintable()]
    assert len(printable) > 100_000
    assert [each for each in printable if unfit_character(each)] == []


def test_json_that_is_plain_at_a_glance_holds_nothing_that_hides() -> None:
    rng = random.Random(3)
    sound, plain = sound_events(0), 0
    for _ in range(4_000):
        raw = as_bytes(mutated(rng, rng.choice(sound)))
        with contextlib.suppress(NotJsonError):
            value = read_json(raw)
            if is_plain(raw.decode()):
                plain += 1
                assert all(map(is_text, strings(value)))
    assert plain > 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"no", b"[]", b"{}", b'{"time":"2024-01-01T00:00:00Z"}', b'{"time":"x","data":{"a":1}}',
        b'{"time":5,"data":{}}',
    ],
)  # fmt: skip
def test_bytes_that_are_no_event_are_said_to_be_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        time_and_data(raw, None)


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "names repeated": lambda n: b"{" + b",".join(b'"n%d":1' % (i // 2) for i in range(n // 8)) + b"}",
    "one name repeated": lambda n: b"{" + b",".join([b'"n":1'] * (n // 6)) + b"}",
    "depth": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "depth not closed": lambda n: b"[" * n,
    "strings not closed": lambda n: b"[" * 2_000 + b'"' + b'\\"' * (n // 2),
    "digits": lambda n: b"[" + b"1" * n + b"]",
    "decimals": lambda n: b"[0." + b"1" * n + b"]",
    "zeros": lambda n: b"[1." + b"0" * n + b"]",
    "exponents": lambda n: b"[1e" + b"9" * n + b"]",
    "blanks": lambda n: b"[" + b" " * n + b"1 2]",
    "escapes": lambda n: b'["' + b"\\u0041" * (n // 6) + b'\\ud800"]',
    "elements": lambda n: b"[" + b"[]," * (n // 3) + b"[]]",
    "lines": lambda n: b"[" + b"\n" * n + b"x]",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("read", [read_json, split_array], ids=["read", "split"])
def test_twice_the_bytes_take_no_more_than_about_twice_the_time(kind: str, read: Callable[[bytes], object]) -> None:
    assert growth(read, HOSTILE[kind], 100_000) < RATIO_MAX
