"""Signed notes, checkpoints and cosignatures: published examples and keys, and every mangling refused.

Examples: c2sp.org/signed-note, c2sp.org/tlog-cosignature; keys and notes of golang.org/x/mod/sumdb/note (note_test.go).
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.merkle import EMPTY_ROOT
from services.evidence.notes.checkpoint import Checkpoint, open_checkpoint
from services.evidence.notes.notes import (
    Note,
    NoteError,
    Signature,
    SignatureType,
    SignerKey,
    VerifierKey,
    parse_signature,
)

PETER_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SOFA = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_LINE = (
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
COSIGNATURE_LINE = (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
LOG_KEY = SignerKey("log.example/taizhang", SignatureType.ED25519, bytes(range(32)))
WITNESS_KEY = SignerKey("witness.example/w1", SignatureType.COSIGNATURE, bytes(range(1, 33)))


def note(tail: str, text: str = TEXT) -> Note:
    return Note.parse(f"{text}\n{tail}".encode())


def test_signing_gives_the_published_note_byte_for_byte() -> None:
    key = SignerKey.parse(PETER_SIGNER)
    assert str(key.verifier) == PETER
    assert key.secret_text() == PETER_SIGNER
    assert Note(TEXT, (key.sign(TEXT),)).to_bytes() == f"{TEXT}\n{PETER_LINE}".encode()


def test_the_specification_s_example_verifies_under_its_key() -> None:
    key = VerifierKey.parse(SPEC_KEY)
    assert [found for found, _ in Note.parse(SPEC_NOTE.encode()).verified_by([key])] == [key]
    with pytest.raises(NoteError, match="is not over this text"):
        Note.parse(SPEC_NOTE.replace("an example", "no example").encode()).verified_by([key])


def test_signatures_of_unknown_keys_are_left_aside() -> None:
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    both = note(PETER_LINE + ENOCH_LINE)
    assert [key for key, _ in both.verified_by([peter])] == [peter]
    assert [key for key, _ in both.verified_by([enoch, peter])] == [peter, enoch]
    with pytest.raises(NoteError, match="trusted: EnochRoot"):
        note(PETER_LINE).verified_by([enoch])
    with pytest.raises(NoteError, match="no key at all"):
        both.verified_by([])


def test_a_false_signature_of_a_trusted_key_spoils_the_note() -> None:
    line = PETER_LINE.replace("JkuBS9", "JkuBS8")
    with pytest.raises(NoteError, match="signature of PeterNeumann"):
        note(line + ENOCH_LINE).verified_by([VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)])


def test_a_key_that_shares_only_its_id_or_only_its_name_is_unknown() -> None:
    key = VerifierKey.parse(PETER)
    for line in (PETER_LINE.replace("PeterNeumann", "Other"), PETER_LINE.replace("x08go/", "x08gp/")):
        with pytest.raises(NoteError, match="no signature is of a trusted key"):
            note(line).verified_by([key])


def test_every_cut_of_a_key_is_refused() -> None:
    for at in range(len(PETER)):
        for mangled in (PETER[:at], PETER[at + 1 :], PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :]):
            with pytest.raises(NoteError):
                VerifierKey.parse(mangled)


def test_every_cut_of_a_signer_key_is_refused_without_showing_it() -> None:
    for at in range(len(PETER_SIGNER)):
        for mangled in (PETER_SIGNER[:at], PETER_SIGNER[:at] + chr(ord(PETER_SIGNER[at]) + 1) + PETER_SIGNER[at + 1 :]):
            with pytest.raises(NoteError) as refusal:
                SignerKey.parse(mangled)
            assert "AYEKFALVFGy" not in str(refusal.value)
    assert "seed" not in repr(LOG_KEY)


@pytest.mark.parametrize(
    "key",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # too long, with its own ID
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # an unknown type, with its own ID
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # the ID in capitals
        "PeterNeumann+c7 4f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+zzzzzzzz+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_mangled_key_is_refused(key: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(key)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        b"",
        f"{TEXT}\n{PETER_LINE}".encode()[:-1],  # no last newline
        f"{TEXT}{PETER_LINE}".encode(),  # no empty line
        f"\x01{TEXT}\n{PETER_LINE}".encode(),
        f"a\rb\n\n{PETER_LINE}".encode(),
        f"a\tb\n\n{PETER_LINE}".encode(),
        b"\xff" + f"{TEXT}\n{PETER_LINE}".encode(),
        f"{TEXT}\n— Bad Name x08go/ZJ\n".encode(),
        f"{TEXT}\n{PETER_LINE}Unexpected line.\n".encode(),
        f"{TEXT}\n{PETER_LINE}\n".encode(),
        f"{TEXT}\n{PETER_LINE * 65}".encode(),
        f"{TEXT}\n{PETER_LINE}".encode() + b" " * 600_000,
    ],
)
def test_a_mangled_note_is_refused(data: bytes) -> None:
    with pytest.raises(NoteError):
        Note.parse(data)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "—",
        "— PeterNeumann",
        "- PeterNeumann x08go/ZJkuBS9Q==",  # a hyphen
        "\u2013 PeterNeumann x08go/ZJkuBS9Q==",  # an en dash
        "—  PeterNeumann x08go/ZJkuBS9Q==",
        "— PeterNeumann  x08go/ZJkuBS9Q==",
        "— PeterNeumann x08go/ZJkuBS9Q== ",
        " — PeterNeumann x08go/ZJkuBS9Q==",
        "— Peter+Neumann x08go/ZJkuBS9Q==",
        "— Peter\u00a0Neumann x08go/ZJkuBS9Q==",
        "— Peter\aNeumann x08go/ZJkuBS9Q==",
        "— Peter\u3000Neumann x08go/ZJkuBS9Q==",
        "—  x08go/ZJkuBS9Q==",
        "— PeterNeumann x08go/ZJkuBS9Q",  # padding missing
        "— PeterNeumann x08go/ZJkuBS9Q=",
        "— PeterNeumann x08go/ZJkuBS9R==",  # bits set that belong to no byte
        "— PeterNeumann x08go_ZJkuBS9Q==",  # the alphabet of URLs
        "— PeterNeumann x08go/ZJ\u200bkuBS9Q==",
        "— PeterNeumann x08goA==",  # a key ID alone
    ],
)
def test_a_mangled_signature_line_is_refused(line: str) -> None:
    with pytest.raises(NoteError):
        parse_signature(line)


def test_a_note_may_hold_empty_lines_and_splits_at_the_last() -> None:
    text = "one\n\ntwo\n"
    key = SignerKey.parse(PETER_SIGNER)
    data = Note(text, (key.sign(text),)).to_bytes()
    assert Note.parse(data).text == text
    assert Note.parse(data).verified_by([key.verifier])


def test_text_that_no_note_can_hold_is_not_signed() -> None:
    for text in ("abc", "", "a\x00b\n"):
        with pytest.raises(NoteError):
            LOG_KEY.sign(text)


@given(st.binary(min_size=1, max_size=80), st.binary(min_size=4, max_size=4))
def test_a_signature_line_reads_back(data: bytes, key_id: bytes) -> None:
    made = Signature("log.example/a", key_id, data)
    assert parse_signature(made.line().removesuffix("\n")) == made


def test_the_specification_s_cosignature_is_framed_as_ours() -> None:
    read = note(SOFA_LINE + COSIGNATURE_LINE, SOFA).signatures[1]
    assert (read.name, read.key_id.hex(), read.timestamp) == ("witness.example.com/w1", "8d66cf3f", 1679315147)
    with pytest.raises(NoteError, match="a cosignature has 72"):
        _ = note(SOFA_LINE, SOFA).signatures[0].timestamp


def test_a_cosignature_states_its_time_and_verifies() -> None:
    made = WITNESS_KEY.sign(SOFA, 1_679_315_147)
    assert made.timestamp == 1_679_315_147
    assert Note(SOFA, (made,)).verified_by([WITNESS_KEY.verifier])
    later = Signature(made.name, made.key_id, (1_679_315_148).to_bytes(8, "big") + made.data[8:])
    with pytest.raises(NoteError, match="is not over this text"):
        Note(SOFA, (later,)).verified_by([WITNESS_KEY.verifier])


def test_a_log_s_signature_is_never_taken_for_a_cosignature() -> None:
    as_log = SignerKey(WITNESS_KEY.name, SignatureType.ED25519, WITNESS_KEY.seed)
    assert as_log.verifier.key_id != WITNESS_KEY.verifier.key_id
    with pytest.raises(NoteError, match="no signature is of a trusted key"):
        Note(SOFA, (as_log.sign(SOFA),)).verified_by([WITNESS_KEY.verifier])


@pytest.mark.parametrize("timestamp", [0, 2**63 - 1])
def test_a_cosignature_states_the_first_and_the_last_time_that_there_is(timestamp: int) -> None:
    assert WITNESS_KEY.sign(SOFA, timestamp).timestamp == timestamp


@pytest.mark.parametrize("timestamp", [None, -1, 2**63])
def test_a_cosignature_needs_a_time_in_range(timestamp: int | None) -> None:
    with pytest.raises(NoteError, match="out of range"):
        WITNESS_KEY.sign(SOFA, timestamp)


def test_the_specification_s_checkpoint_reads_and_writes_back() -> None:
    read = Checkpoint.parse(SOFA)
    assert (read.origin, read.size, read.root_hash[:2].hex()) == ("example.com/behind-the-sofa", 20852163, "0ac5")
    assert read.text() == SOFA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n+1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n1 \nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n١\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n9223372036854775808\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "o\n1\nAAAA\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\next\n",
    ],
)
def test_a_mangled_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_a_checkpoint_opens_under_the_log_s_key_alone() -> None:
    signed = Checkpoint(LOG_KEY.name, 0, EMPTY_ROOT).sign(LOG_KEY)
    assert open_checkpoint(signed, LOG_KEY.verifier)[0].size == 0
    other = SignerKey(LOG_KEY.name, SignatureType.ED25519, bytes(32))
    with pytest.raises(NoteError, match="no signature is of a trusted key"):
        open_checkpoint(signed, other.verifier)


def test_a_log_s_key_cannot_vouch_for_another_origin() -> None:
    signed = Checkpoint("other.example/log", 0, EMPTY_ROOT).sign(LOG_KEY)
    with pytest.raises(NoteError, match=r"is of 'other\.example/log', but the key is of"):
        open_checkpoint(signed, LOG_KEY.verifier)


def test_extension_lines_are_signed_and_kept() -> None:
    signed = Checkpoint(LOG_KEY.name, 3, bytes(32), ("first", "second")).sign(LOG_KEY)
    assert open_checkpoint(signed, LOG_KEY.verifier)[0].extensions == ("first", "second")
    with pytest.raises(NoteError):
        open_checkpoint(signed.replace(b"second", b"third"), LOG_KEY.verifier)


def test_base64_of_a_key_may_hold_plus_signs() -> None:
    for seed in range(256):
        key = SignerKey("plus.example", SignatureType.ED25519, bytes([seed]) * 32).verifier
        assert VerifierKey.parse(str(key)) == key
        if b"+" in base64.b64encode(b"\x01" + key.public):
            return
    pytest.fail("no key with a plus was found")
