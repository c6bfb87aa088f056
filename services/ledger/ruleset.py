"""The rule set: the hash of the code that decides every figure."""

import hashlib
from functools import lru_cache
from importlib import resources
from typing import Final

# The modules of domain/ that a ledger or a rate depends on; the others only serve evidence.
MODULES: Final = (
    "events/envelope", "events/facts", "events/types", "ledger/entities", "ledger/policy", "ledger/rates",
    "ledger/rows", "values/codes", "values/fields", "values/instants", "values/reasons", "values/strict_json",
    "values/terms",
)  # fmt: skip


@lru_cache(maxsize=1)
def ruleset() -> str:
    """SHA-256, in hex, over the names and texts of the deciding modules of `domain/`, in order."""
    digest = hashlib.sha256()
    for name in MODULES:
        text = (resources.files("domain") / f"{name}.py").read_bytes()
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()
