"""The witness by the letter of C2SP tlog-witness, over its own HTTP application, with a log that misbehaves."""

import base64
import threading
from pathlib import Path

import pytest

from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import consistency_proof
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note, SignatureType, SignerKey
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessRefusalError
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


def test_another_root_at_the_same_size_is_409_and_is_kept_as_proof(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 50))
    assert status(witness, request(50, 50, OTHER)) == 409
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
