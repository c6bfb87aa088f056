"""The witness by the letter of C2SP tlog-witness, over its own HTTP application, with a log that misbehaves."""

import base64
import hashlib
import sqlite3
import threading
from pathlib import Path

import pytest

from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import consistency_proof
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_history import Change, KeyHistory
from services.evidence.notes.notes import Note, SignatureType, SignerKey
from services.evidence.witness.remembered import STATE_NAME, WitnessStartError, key_of
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessForgotError, WitnessRefusalError
from tests.witnessing import served

LOG = SignerKey("log.example/taizhang", SignatureType.ED25519, bytes(range(32)))
KEY = SignerKey("witness.example/w1", SignatureType.COSIGNATURE, bytes(range(1, 33)))
LEAVES = [leaf_hash(b"%d" % number) for number in range(300)]
OTHER = [*LEAVES[:40], leaf_hash(b"inserted"), *LEAVES[40:]]
NOW = 1_735_660_800


def make_witness(folder: Path) -> Witness:
    return Witness(KEY, [LOG.verifier], folder / "state" / "witness.sqlite3", clock=lambda: NOW + 0.9)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make_witness(tmp_path)


def request(old: int, new: int, leaves: list[bytes] = LEAVES, *, signer: SignerKey = LOG) -> bytes:
    checkpoint = Checkpoint(signer.name, new, root(leaves[:new])).sign(signer)
    proof = consistency_proof(leaves[:new], old) if old <= new else []
    return AddCheckpoint(old, tuple(proof), checkpoint).to_bytes()


def test_it_cosigns_what_extends_what_it_saw(witness: Witness) -> None:
    with served(witness) as client:
        for old, new in ((0, 0), (0, 7), (7, 8), (8, 8), (8, 255), (255, 300)):
            answer = client.post("/add-checkpoint", content=request(old, new))
            assert answer.status_code == 200
            text = Checkpoint(LOG.name, new, root(LEAVES[:new])).text()
            cosigned = Note.parse(f"{text}\n{answer.text}".encode())
            assert cosigned.verified_by([KEY.verifier])[0][1].timestamp == NOW
            kept = client.get("/checkpoint", params={"origin": LOG.name})
            keys = [key for key, _ in Note.parse(kept.content).verified_by([LOG.verifier, KEY.verifier])]
            assert keys == [LOG.verifier, KEY.verifier]
        assert client.get("/key").text == f"{KEY.verifier}\n"


def test_the_first_request_is_in_the_specification_s_form(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 6))
    proof = [base64.b64encode(value).decode() for value in consistency_proof(LEAVES[:8], 6)]
    note = Checkpoint(LOG.name, 8, root(LEAVES[:8])).sign(LOG)
    body = "".join(f"{line}\n" for line in ["old 6", *proof, ""]).encode() + note
    assert body == request(6, 8)
    assert witness.add_checkpoint(body).startswith("— witness.example/w1 ")


def test_an_unknown_log_is_404(witness: Witness) -> None:
    stranger = SignerKey("other.example/log", SignatureType.ED25519, bytes(32))
    assert status(witness, request(0, 3, signer=stranger)) == 404


def test_a_checkpoint_without_a_trusted_signature_is_403(witness: Witness) -> None:
    impostor = SignerKey(LOG.name, SignatureType.ED25519, bytes(32))
    assert status(witness, request(0, 3, signer=impostor)) == 403


def test_signatures_of_unknown_keys_are_ignored_and_not_kept(witness: Witness) -> None:
    checkpoint = Checkpoint(LOG.name, 3, root(LEAVES[:3]))
    other = SignerKey("other.example/w", SignatureType.COSIGNATURE, bytes(32)).sign(checkpoint.text(), 1)
    note = Note(checkpoint.text(), (other, LOG.sign(checkpoint.text()))).to_bytes()
    witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes())
    kept = witness.latest(LOG.name)
    assert kept is not None
    assert [signature.name for signature in Note.parse(kept).signatures] == [LOG.name, KEY.name]


def test_an_old_size_above_the_checkpoint_is_400(witness: Witness) -> None:
    assert status(witness, request(9, 8)) == 400


def test_an_old_size_that_is_not_the_last_one_is_409_with_that_size(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 7))
    with served(witness) as client:
        for old in (0, 6, 8):
            answer = client.post("/add-checkpoint", content=request(old, 9))
            assert (answer.status_code, answer.text) == (409, "7\n")
            assert answer.headers["content-type"] == "text/x.tlog.size"
    assert witness.refusals(LOG.name) == []


def test_another_root_at_the_same_size_is_422_and_is_kept_as_proof(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 50))
    assert status(witness, request(50, 50, OTHER)) == 422
    ((at, kept, reason),) = witness.refusals(LOG.name)
    assert (at, kept) == (NOW, request(50, 50, OTHER))
    assert "at or before position 50 was changed, removed or inserted" in reason
    with served(witness) as client:
        assert client.get("/refused", params={"origin": LOG.name}).json()[0]["reason"] == reason


def test_a_rewritten_log_is_422_and_never_cosigned(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 50))
    assert status(witness, request(50, 120, OTHER)) == 422
    assert witness.latest_size(LOG.name) == 50
    assert len(witness.refusals(LOG.name)) == 1
    witness.add_checkpoint(request(50, 120))


@pytest.mark.parametrize("extra", [0, 1])
def test_a_proof_too_short_or_too_long_is_422(witness: Witness, extra: int) -> None:
    witness.add_checkpoint(request(0, 50))
    good = AddCheckpoint.parse(request(50, 120))
    proof = (*good.proof, good.proof[0]) if extra else good.proof[:-1]
    assert status(witness, AddCheckpoint(50, proof, good.note).to_bytes()) == 422


def test_a_proof_from_size_0_must_be_empty(witness: Witness) -> None:
    good = AddCheckpoint.parse(request(0, 50))
    assert status(witness, AddCheckpoint(0, (LEAVES[0],), good.note).to_bytes()) == 422


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda body: body.replace(b"old 0", b"old 00"),
        lambda body: body.replace(b"old 0", b"old -1"),
        lambda body: body.replace(b"old 0", b"old"),
        lambda body: body.replace(b"old 0", b"Old 0"),
        lambda body: body.replace(b"old 0", b"old  0"),
        lambda body: body.replace(b"old 0\n", b"old 0\nAAAA\n"),
        lambda body: body.replace(b"old 0\n", "old 0\n哈希\n".encode()),
        lambda body: body.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" + (b"A" * 43 + b"=\n") * 63),
        lambda body: body.replace(b"old 0\n\n", b"old 0\n"),
        lambda body: body[:-1],
        lambda body: body + b"\n",
        lambda body: b"\xff" + body,
        lambda body: body.replace("—".encode(), b"-"),
        lambda body: body + b"x" * 600_000,
    ],
)
def test_a_mangled_request_is_400(witness: Witness, spoil: object) -> None:
    assert callable(spoil)
    assert status(witness, spoil(request(0, 7))) == 400


def test_a_request_that_is_too_large_is_413(witness: Witness) -> None:
    with served(witness) as client:
        assert client.post("/add-checkpoint", content=b"x" * 700_000).status_code == 413
        assert client.get("/add-checkpoint").status_code == 405
        assert client.get("/checkpoint", params={"origin": "nobody"}).status_code == 404


def test_what_it_saw_outlives_the_process(tmp_path: Path) -> None:
    make_witness(tmp_path).add_checkpoint(request(0, 50))
    again = make_witness(tmp_path)
    assert again.latest_size(LOG.name) == 50
    assert status(again, request(0, 50, OTHER)) == 409


def test_of_two_branches_sent_at_once_one_is_cosigned(tmp_path: Path) -> None:
    make_witness(tmp_path).add_checkpoint(request(0, 40))
    bodies = [request(40, 60), request(40, 61, OTHER)] * 4
    gate, statuses = threading.Barrier(len(bodies)), []

    def send(body: bytes) -> None:
        own = make_witness(tmp_path)
        gate.wait()
        statuses.append(status(own, body))

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7


def status(witness: Witness, body: bytes) -> int:
    try:
        witness.add_checkpoint(body)
    except WitnessRefusalError as refusal:
        return int(refusal.status)
    return 200


def test_it_does_not_sign_with_a_clock_that_went_back(tmp_path: Path) -> None:
    clock = [NOW]
    witness = Witness(KEY, [LOG.verifier], tmp_path / "witness.sqlite3", clock=lambda: clock[0])
    witness.add_checkpoint(request(0, 5))
    clock[0] = NOW - 90
    with pytest.raises(WitnessRefusalError, match="clock stands 90 s before"):
        witness.add_checkpoint(request(5, 6))
    assert witness.latest_size(LOG.name) == 5
    clock[0] = NOW
    witness.add_checkpoint(request(5, 6))


def test_an_older_copy_of_its_state_is_not_taken_for_its_memory(tmp_path: Path) -> None:
    witness = make_witness(tmp_path)
    state = tmp_path / "state" / "witness.sqlite3"
    witness.add_checkpoint(request(0, 5))
    older = state.read_bytes()
    witness.add_checkpoint(request(5, 9))
    later = state.read_bytes()
    state.write_bytes(older)
    with pytest.raises(WitnessForgotError, match=r"signed 9 events of log.example/taizhang.*ends at 5"):
        make_witness(tmp_path)
    state.unlink()
    with pytest.raises(WitnessForgotError, match="has none"):
        make_witness(tmp_path)
    state.write_bytes(later)
    assert make_witness(tmp_path).latest_size(LOG.name) == 9


def test_a_state_that_was_rewritten_is_not_its_own(tmp_path: Path) -> None:
    make_witness(tmp_path).add_checkpoint(request(0, 9))
    state = tmp_path / "state" / "witness.sqlite3"
    with sqlite3.connect(state) as connection:
        connection.execute("UPDATE cosigned SET size = 4")
    with pytest.raises(WitnessForgotError, match="says another head"):
        make_witness(tmp_path)
    forged = Checkpoint(LOG.name, 4, root(LEAVES[:4])).sign(LOG)
    with sqlite3.connect(state) as connection:
        connection.execute("UPDATE cosigned SET root_hash = ?, note = ?", (root(LEAVES[:4]), forged))
    with pytest.raises(WitnessForgotError, match="was not written by this witness"):
        make_witness(tmp_path)


def test_a_line_that_a_crash_cut_off_is_no_memory(tmp_path: Path) -> None:
    make_witness(tmp_path).add_checkpoint(request(0, 9))
    notes = tmp_path / "state" / "witness.sqlite3.notes"
    notes.write_bytes(notes.read_bytes() + b"300 cut")
    assert make_witness(tmp_path).latest_size(LOG.name) == 9


def test_its_own_signature_that_it_does_not_remember_stops_it(tmp_path: Path) -> None:
    witness = make_witness(tmp_path / "whole")
    for old, new in ((0, 5), (5, 9)):
        witness.add_checkpoint(request(old, new))
    kept = witness.latest(LOG.name) or b""
    older = make_witness(tmp_path / "older")
    older.add_checkpoint(request(0, 5))
    with pytest.raises(WitnessForgotError, match=r"signature of 9 events.*ends at 5"):
        older.require_remembered(kept)
    witness.require_remembered(kept)
    # What somebody else signed says nothing about its memory.
    older.require_remembered(Checkpoint(LOG.name, 9, root(LEAVES[:9])).sign(LOG))


def test_a_key_and_its_state_are_there_together_or_it_does_not_start(tmp_path: Path) -> None:
    key = key_of(tmp_path, "witness.example/new", is_new=False)
    assert key_of(tmp_path, None, is_new=True) == key
    with pytest.raises(WitnessStartError, match="is forgotten"):
        key_of(tmp_path, None, is_new=False)
    Witness(key, [LOG.verifier], tmp_path / STATE_NAME).add_checkpoint(request(0, 5))
    assert key_of(tmp_path, None, is_new=False) == key
    (tmp_path / STATE_NAME).unlink()
    with pytest.raises(WitnessStartError, match="this key is not new"):
        key_of(tmp_path, None, is_new=True)
    Witness(KEY, [LOG.verifier], tmp_path / "other" / STATE_NAME)
    with pytest.raises(WitnessStartError, match="put the key back"):
        key_of(tmp_path / "other", "witness.example/other", is_new=True)


def test_it_follows_a_rotation_and_no_other_change_of_the_log_s_key(witness: Witness) -> None:
    new = SignerKey(LOG.name, SignatureType.ED25519, bytes(range(3, 35)))
    last = SignerKey(LOG.name, SignatureType.ED25519, bytes(range(4, 36)))
    witness.add_checkpoint(request(0, 5))
    rotated = Change(2, "rotated", LOG.verifier, new.verifier, 5, root(LEAVES[:5])).signed(LOG, new)
    lost = Change(3, "lost", new.verifier, last.verifier, 9, root(LEAVES[:9])).signed(last)
    assert status(witness, request(5, 9, signer=new)) == 403
    witness.follow(KeyHistory.of(LOG.verifier, [rotated, lost]))
    witness.add_checkpoint(request(5, 9, signer=new))
    for key in (LOG, last):
        assert status(witness, request(9, 10, signer=key)) == 403


def test_monitors_find_each_log_s_last_head_by_the_hash_of_its_origin(witness: Witness) -> None:
    """C2SP tlog-witness, Monitor Retrieval Mechanism."""
    path = f"/{hashlib.sha256(LOG.name.encode()).hexdigest()}/checkpoint"
    with served(witness) as client:
        assert client.get(path).status_code == 404
        witness.add_checkpoint(request(0, 7))
        found = client.get(path)
        assert found.content == witness.latest(LOG.name)
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert client.get(path.upper()).status_code == 404
        assert client.get(f"/{'0' * 64}/checkpoint").status_code == 404


def test_a_tree_of_nothing_has_the_root_of_nothing(witness: Witness) -> None:
    note = Checkpoint(LOG.name, 0, LEAVES[0]).sign(LOG)
    assert status(witness, AddCheckpoint(0, (), note).to_bytes()) == 422
