"""Ed25519 public keys that prove nothing (RFC 8032, section 5.1; RFC 7748, section 7 on points of small order)."""

from typing import Final

P: Final = 2**255 - 19
_BYTES: Final = 32
# The y of a point whose eighth multiple is the neutral element, one of the two that its negative mirrors.
_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
SMALL_ORDER: Final = frozenset((0, 1, P - 1, _ORDER_8, P - _ORDER_8))


def is_weak(public: bytes) -> bool:
    """Whether 32 bytes are a key that signs for anybody: a point of small order, or not in its one canonical form."""
    if len(public) != _BYTES:
        return True
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return y >= P or y in SMALL_ORDER
