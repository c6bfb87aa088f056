"""One entry of the trail of reading, and its leaf in the trail's own Merkle tree: canonical JSON (RFC 8785)."""

import json
from datetime import UTC, datetime
from typing import NamedTuple


class Reading(NamedTuple):
    """Who looked at what, when.

    Attributes:
        number: dense from 1, in order of `at`.
        reader: the holder of the API key.
        action: what was looked at: dossier, history, event and so on.
        subject: the identifier that the question names; None where it names none.
        question: path and query as they were asked.
    """

    number: int
    at: datetime
    reader: str
    action: str
    subject: str | None
    question: str
    request_id: str


def reading_leaf(reading: Reading) -> bytes:
    """The bytes that the tree hashes: sorted keys, no white space, UTF-8; `at` in UTC to the microsecond."""
    at = reading.at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    content = {**reading._asdict(), "at": at}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
