"""The history of a log's keys: what a verifier follows, how far each key signs; nothing in it can be changed."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.evidence import Because
from domain.events.types import EVENT_TYPES
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_history import Change, KeyHistory, LogKeys
from services.evidence.notes.notes import NoteError, SignatureType, SignerKey

ORIGIN = "log.example/keys"


def signer(number: int) -> SignerKey:
    return SignerKey(ORIGIN, SignatureType.ED25519, bytes([number]) * 32)


def changes(reasons: list[Because]) -> list[Change]:
    """Keys 1, 2, 3 … in turn, each change at ten events more."""
    made = []
    for number, because in enumerate(reasons, 1):
        old, new = signer(number), signer(number + 1)
        change = Change(number + 1, because, old.verifier, new.verifier, 10 * number, bytes(32))
        made.append(change.signed(*([old, new] if because == "rotated" else [new])))
    return made


def history(*reasons: Because) -> KeyHistory:
    return KeyHistory.of(signer(1).verifier, changes(list(reasons)))


def head(key: SignerKey, size: int) -> bytes:
    return Checkpoint(ORIGIN, size, bytes(32)).sign(key)


@given(st.lists(st.sampled_from(get_args(Because)), max_size=6), st.data())
def test_whoever_trusts_a_key_follows_rotations_from_it_and_nothing_else(
    reasons: list[Because], data: st.DataObject
) -> None:
    found = history(*reasons)
    assert KeyHistory.read(json.dumps(found.json()).encode()) == found
    trusted = data.draw(st.integers(1, len(reasons) + 1))
    keys = LogKeys.follow(signer(trusted).verifier, found)
    end = next((n for n in range(trusted, len(reasons) + 1) if reasons[n - 1] != "rotated"), len(reasons) + 1)
    assert keys.current == signer(end).verifier
    assert (keys.unfollowed is None) == (end == len(reasons) + 1)
    for number in range(1, len(reasons) + 2):
        # Each key signs up to its end, and one more never.
        size = 10 * number
        if number <= end:
            assert keys.of(head(signer(number), size)) == signer(number).verifier
        else:
            assert keys.of(head(signer(number), size)) == keys.current
        if number <= end and number <= len(reasons):
            with pytest.raises(NoteError, match=f"signs none of more than {size}"):
                keys.of(head(signer(number), size + 1))


def test_a_key_that_the_history_does_not_know_stands_alone() -> None:
    stranger = signer(99)
    keys = LogKeys.follow(stranger.verifier, history("rotated"))
    assert (keys.current, keys.unfollowed) == (stranger.verifier, None)


FORGED = {
    "epoch": 3, "because": "lost", "old_key": str(signer(7).verifier), "new_key": str(signer(7).verifier),
    "size": 11, "root_hash": "11" * 32, "signatures": [],
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_no_member_of_a_change_can_be_another(name: str) -> None:
    told = history("rotated").json()
    told["changes"][0][name] = FORGED[name]
    with pytest.raises(NoteError):
        KeyHistory.read(json.dumps(told).encode())


def test_a_rotation_takes_the_old_key_s_signature_and_the_new_one_s() -> None:
    for keys in ([signer(1)], [signer(2)], [signer(3), signer(2)]):
        change = Change(2, "rotated", signer(1).verifier, signer(2).verifier, 10, bytes(32)).signed(*keys)
        with pytest.raises(NoteError):
            change.check()


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"[]", b"{}", b"null", b'{"first": 1, "changes": []}', b'{"first": "x", "changes": [1]}', b"[" * 100_000],
)
def test_what_is_no_history_is_refused_in_words(spoilt: bytes) -> None:
    with pytest.raises(NoteError):
        KeyHistory.read(spoilt)


def test_changes_follow_one_another() -> None:
    first, second = changes(["rotated", "rotated"])
    for wrong in ([second], [first, first], [second, first], [first, second._replace(size=10)]):
        with pytest.raises(NoteError):
            KeyHistory.of(signer(1).verifier, wrong)
    with pytest.raises(NoteError):
        KeyHistory.of(replace(signer(1), name="another.example").verifier, [first])


def test_a_change_is_the_data_of_its_event() -> None:
    (change,) = changes(["rotated"])
    model = EVENT_TYPES["taizhang.evidence.key_changed.v1"]
    assert model.model_validate({"effective_on": "2024-03-01", **change.data()}).model_dump()["epoch"] == 2
