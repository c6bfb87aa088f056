"""The files of C2SP tlog-proof and tlog-policy, by the letter of their specifications."""

from dataclasses import replace

import pytest

from domain.tree.merkle import leaf_hash, root
from domain.tree.proofs import inclusion_proof
from services.evidence.notes.checkpoint import Checkpoint, encode_hash
from services.evidence.notes.notes import NoteError, SignatureType, SignerKey, VerifierKey
from services.evidence.notes.tlog_policy import Policy, policy_text
from services.evidence.notes.tlog_proof import TlogProof

LOG = SignerKey("example.com/fancylog", SignatureType.ED25519, bytes(range(32)))
LEAVES = [leaf_hash(b"%d" % number) for number in range(11)]
NOTE = Checkpoint(LOG.name, 11, root(LEAVES)).sign(LOG)
HASHES = tuple(inclusion_proof(LEAVES, 4))


def witness(number: int) -> VerifierKey:
    return SignerKey(f"w{number}.example", SignatureType.COSIGNATURE, bytes([number] * 32)).verifier


X1, X2, X3, Y1, Y2, Y3 = (witness(number) for number in range(1, 7))


@pytest.mark.parametrize("extra", [None, b"", b"entry \xff", bytes(range(256))])
def test_a_proof_is_written_as_the_specification_has_it(extra: bytes | None) -> None:
    proof = TlogProof(4, HASHES, NOTE, extra)
    first, *lines = proof.to_bytes().decode().split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    if extra is not None:
        assert lines.pop(0).startswith("extra ")
    assert lines[: len(HASHES) + 2] == ["index 4", *map(encode_hash, HASHES), ""]
    assert "\n".join(lines[len(HASHES) + 2 :]).encode() == NOTE
    assert TlogProof.parse(proof.to_bytes()) == proof


GOOD = TlogProof(4, HASHES, NOTE, b"entry").to_bytes()
MANGLED = {
    "another version": GOOD.replace(b"@v1", b"@v2", 1),
    "carriage returns": GOOD.replace(b"\n", b"\r\n"),
    "no index": GOOD.replace(b"index 4\n", b"", 1),
    "index before extra": GOOD.replace(b"extra ZW50cnk=\nindex 4\n", b"index 4\nextra ZW50cnk=\n", 1),
    "leading zero": GOOD.replace(b"index 4", b"index 04", 1),
    "negative": GOOD.replace(b"index 4", b"index -4", 1),
    "spaces": GOOD.replace(b"index 4", b"index  4", 1),
    "loose base64": GOOD.replace(b"ZW50cnk=", b"ZW50cnk", 1),
    "a short hash": GOOD.replace(encode_hash(HASHES[0]).encode(), b"AAAA", 1),
    "too many hashes": TlogProof(4, HASHES * 16, NOTE).to_bytes(),
    "no checkpoint": GOOD.partition(b"\n\n")[0] + b"\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", MANGLED)
def test_another_form_of_a_proof_is_refused_in_words(name: str) -> None:
    with pytest.raises(NoteError, match=r"tlog-proof|hash|tree size"):
        TlogProof.parse(MANGLED[name])


EXAMPLE = f"""
# two operators, as in the specification
log {LOG.verifier}

witness X1 {X1}
witness X2 {X2} https://x.example/w
  witness\tX3 {X3}
group X-witnesses 2 X1 X2 X3

witness Y1 {Y1}
witness Y2 {Y2}
witness Y3 {Y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


@pytest.mark.parametrize(
    ("signed", "enough"),
    [
        ((), False), ((X1, X2), False), ((X1, Y1), False), ((X1, X3, Y2), True), ((X1, X2, X3, Y1, Y2, Y3), True),
        ((Y1, Y2, Y3), False),
    ],
)  # fmt: skip
def test_the_specification_s_example_asks_for_two_and_one(signed: tuple[VerifierKey, ...], enough: bool) -> None:  # noqa: FBT001 - a case
    policy = Policy.parse(EXAMPLE.encode())
    assert policy.logs == [LOG.verifier]
    assert policy.is_met(signed) is enough
    assert policy.quorum_name == "X-and-Y"


BAD_POLICIES = {
    "no quorum": f"log {LOG.verifier}\n",
    "two quorums": "quorum none\nquorum none\n",
    "a quorum that is not there": "quorum W\n",
    "a quorum defined later": f"quorum W\nwitness W {X1}\n",
    "the name none": f"witness none {X1}\nquorum none\n",
    "none as a member": f"witness W {X1}\ngroup G any W none\nquorum G\n",
    "one name twice": f"witness W {X1}\nwitness W {X2}\nquorum W\n",
    "a group of a witness's name": f"witness W {X1}\ngroup W any W\nquorum W\n",
    "one key twice": f"witness V {X1}\nwitness W {replace(X1, name='other')}\nquorum V\n",
    "one log twice": f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n",
    "a member twice": f"witness W {X1}\ngroup G all W W\nquorum G\n",
    "a member of two groups": f"witness W {X1}\ngroup G all W\ngroup H all W\nquorum H\n",
    "more than there are": f"witness W {X1}\ngroup G 2 W\nquorum G\n",
    "none of them": f"witness W {X1}\ngroup G 0 W\nquorum G\n",
    "a number in another form": f"witness W {X1}\ngroup G 01 W\nquorum G\n",
    "no members": "group G all\nquorum none\n",
    "a log's key as a witness": f"witness W {LOG.verifier}\nquorum W\n",
    "a witness's key as a log": f"log {X1}\nquorum none\n",
    "an unknown word": "trust me\nquorum none\n",
    "a control character": "quorum none\r\n",
    "no last newline": "quorum none",
    "a mangled key": f"log {LOG.verifier}x\nquorum none\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_policy_that_breaks_a_rule_is_refused_in_words(name: str) -> None:
    with pytest.raises(NoteError):
        Policy.parse(BAD_POLICIES[name].encode())


def test_names_are_octets_and_nothing_is_required_beside_the_quorum() -> None:
    policy = Policy.parse(b"witness \xff\xfe " + str(X1).encode() + b"\nquorum \xff\xfe\n")
    assert policy.is_met([X1])
    assert not policy.is_met([])
    assert Policy.parse(b"quorum none\n").is_met([])
    assert not Policy.parse(b"\n # nothing\nquorum none\n").logs


def test_thirty_two_of_each_are_taken() -> None:
    lines = [f"log {SignerKey(f'l{n}', SignatureType.ED25519, bytes([n + 100] * 32)).verifier}" for n in range(32)]
    lines += [f"witness W{n} {witness(n)}" for n in range(32)]
    lines += [f"group G{n} any W{n}" for n in range(31)]
    lines += [f"group G all W31 {' '.join(f'G{n}' for n in range(31))}", "quorum G"]
    policy = Policy.parse("".join(f"{line}\n" for line in lines).encode())
    assert policy.is_met([witness(n) for n in range(32)])
    assert not policy.is_met([witness(n) for n in range(31)])


@pytest.mark.parametrize("keys", [(), (X1,), (X1, X2, X3)])
def test_the_log_s_own_policy_asks_for_all_of_its_witnesses(keys: tuple[VerifierKey, ...]) -> None:
    text = policy_text(LOG.verifier, "https://ledger.example", dict.fromkeys(keys, "https://w.example"))
    policy = Policy.parse(text.encode())
    assert (policy.logs, [*policy.witnesses.values()]) == ([LOG.verifier], [*keys])
    assert policy.is_met(keys)
    assert not keys or not policy.is_met(keys[1:])
