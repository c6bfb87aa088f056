"""Signatures by the vectors of Project Wycheproof: malleable, truncated, overlong and overflowing ones are refused."""

import base64
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.access.signing_keys import SigningKey
from services.access.callers import DEVELOPER
from services.evidence.notes.notes import NoteError, Signature, SignatureType, VerifierKey
from services.log.messages import Message
from services.log.signatures import fault

VECTORS = Path(__file__).parents[1] / "data" / "vectors"


def vectors(file: str) -> list[tuple[Any, ...]]:
    """Key and test, of every test in a file; its first line says where they come from."""
    groups = map(json.loads, (VECTORS / file).read_text("utf-8").splitlines()[1:])
    return [(group["key"], *test) for group in groups for test in group["tests"]]


def taken(key: VerifierKey, text: str, signature: bytes) -> bool:
    try:
        key.verify(text, Signature(key.name, key.key_id, signature))
    except NoteError:
        return False
    return True


def test_a_verifier_key_judges_ed25519_as_the_vectors_say() -> None:
    tried = {"valid": 0, "invalid": 0}
    for public, number, message, signature, result in vectors("ed25519.jsonl"):
        try:
            text = bytes.fromhex(message).decode()
        except UnicodeDecodeError:
            continue  # a note's text is UTF-8
        key = VerifierKey("example.org", SignatureType.ED25519, bytes.fromhex(public))
        assert taken(key, text, bytes.fromhex(signature)) == (result == "valid"), number
        tried[result] += 1
    assert tried["valid"] >= 20
    assert tried["invalid"] >= 50


@pytest.mark.parametrize(("key", "number", "compact", "result", "what"), vectors("jws_es256.jsonl"))
def test_an_event_s_signature_is_judged_as_the_vectors_say(
    key: dict[str, str], number: int, compact: str, result: str, what: str
) -> None:
    # The payload of an event's signature stands beside it; what has no three parts is no signature in any case.
    parts = compact.split(".")
    detached = f"{parts[0]}..{parts[2]}" if len(parts) == 3 else compact
    raw = base64.urlsafe_b64decode(parts[1] + "==") if len(parts) == 3 else b"foo"
    registered = [SigningKey("access:k", "/registry", key, date(2024, 1, 1), None, 1)]
    found = fault(registered, Message(raw, {}, DEVELOPER.publisher(), signature=detached), date(2024, 6, 1))
    assert (found is None) == (result == "valid"), (number, what, found)
