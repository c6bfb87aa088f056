"""Signatures by the vectors of the RFCs, and keys under which anything seems signed."""

import base64
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.access.signing_keys import SigningKey
from domain.values.ed25519 import SMALL_ORDER, P, is_weak
from services.access.callers import DEVELOPER
from services.evidence.notes.notes import NoteError, Signature, SignatureType, VerifierKey
from services.log.messages import Message
from services.log.signatures import check_key, fault

# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
)
# RFC 8037, appendix A.4, and RFC 7515, appendix A.3.
RFC_8037 = (
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    ),
)
RFC_7515 = (
    {
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
    (
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
)  # fmt: skip


def flipped(data: bytes) -> list[bytes]:
    return [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_a_verifier_key_takes_the_signatures_of_rfc_8032_and_no_neighbour(
    secret: str, public: str, message: str, signature: str
) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert signer.public_key().public_bytes_raw().hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    if not message.isascii() or bytes.fromhex(message) != bytes.fromhex(message).decode("latin-1").encode():
        return  # a note's text is UTF-8
    key = VerifierKey("example.org", SignatureType.ED25519, bytes.fromhex(public))
    text = bytes.fromhex(message).decode()
    key.verify(text, Signature("example.org", key.key_id, bytes.fromhex(signature)))
    for wrong in flipped(bytes.fromhex(signature)):
        with pytest.raises(NoteError):
            key.verify(text, Signature("example.org", key.key_id, wrong))


# RFC 9864 names the algorithm anew; what was signed under the old name stays signed.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("key", "compact"), [RFC_8037, RFC_7515])
def test_events_signatures_are_verified_by_the_examples_of_the_rfcs(key: dict[str, str], compact: str) -> None:
    check_key(key)
    head, payload, signature = compact.split(".")
    registered = [SigningKey("access:k", "/registry", key, date(2024, 1, 1), None, 1)]

    def found(raw: bytes, data: bytes) -> object:
        written = base64.urlsafe_b64encode(data).decode().rstrip("=")
        message = Message(raw, {}, DEVELOPER.publisher(), signature=f"{head}..{written}")
        return fault(registered, message, date(2024, 6, 1))

    raw, data = (base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (payload, signature))
    assert found(raw, data) is None
    assert all(found(raw, wrong) is not None for wrong in flipped(data))
    assert all(found(wrong, data) is not None for wrong in flipped(raw))


# The curve -x² + y² = 1 + d x² y² (RFC 8032, 5.1), to see for ourselves which points are of small order.
D = -121665 * pow(121666, P - 2, P) % P


def doubled(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    product = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + product, P - 2, P) % P,
        (y * y + x * x) * pow(1 - product, P - 2, P) % P,
    )


def with_y(y: int) -> tuple[int, int]:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return x, y


def test_the_weak_keys_are_those_whose_eighth_multiple_is_nothing() -> None:
    for y in SMALL_ORDER:
        assert doubled(doubled(doubled(with_y(y)))) == (0, 1)
    # Of the eight points two each share a y, but for the neutral one and that of order two.
    assert sum(1 if with_y(y)[0] == 0 else 2 for y in SMALL_ORDER) == 8


@pytest.mark.parametrize("y", sorted({*SMALL_ORDER, P, P + 1}))
@pytest.mark.parametrize("sign", [0, 1])
def test_a_weak_key_is_refused_wherever_keys_come_in(y: int, sign: int) -> None:
    public = (y | sign << 255).to_bytes(32, "little")
    assert is_weak(public)
    encoded = base64.urlsafe_b64encode(public).decode().rstrip("=")
    with pytest.raises(ValueError, match="no public key"):
        check_key({"kty": "OKP", "crv": "Ed25519", "x": encoded})
    with pytest.raises(NoteError, match="small order"):
        VerifierKey("example.org", SignatureType.ED25519, public)
