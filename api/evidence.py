"""What an answer can be checked against: tree size, root hash and the hash of the rules."""

from functools import lru_cache
from typing import Any

from api.parts import Parts
from services.evidence.checkpoint import encode_hash
from services.evidence.log_tree import root_at
from services.ruleset import ruleset


@lru_cache(maxsize=4096)
def _root(parts: Parts, position: int) -> str:
    """The root never changes once the log has reached the position, so it may be kept for ever."""
    with parts.recorder.datastore.get_connection() as connection:
        return encode_hash(root_at(connection, position))


def evidence(parts: Parts, position: int) -> dict[str, Any]:
    """The evidence of an answer as known at a position."""
    return {"tree_size": position, "root_hash": _root(parts, position), "ruleset": ruleset()}
