"""Sends a file of events to a running service, each event with its bytes as they stand in the file."""

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, BinaryIO, Final

import httpx
import orjson

from domain.values.strict_json import NotJsonError, is_json, split_array, split_values
from services.commands.client import Client

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
EVENTS_MAX: Final = 2_000
BYTES_MAX: Final = 4 << 20
REASONS_KEPT_MAX: Final = 1_000


@dataclass(slots=True)
class Outcome:
    """What became of the events: how many of each disposition, and the quarantined ones' numbers and reasons.

    `quarantined` holds (number of the event in the file from 1, quarantine id, reasons in words), the first thousand.
    `position` is the highest one named in an answer, 0 for none.
    """

    dispositions: Counter[str] = field(default_factory=Counter)
    quarantined: list[tuple[int, int | None, str]] = field(default_factory=list)
    position: int = 0

    @property
    def total(self) -> int:
        """All events that were answered."""
        return self.dispositions.total()


def read_events(file: BinaryIO) -> Iterator[bytes]:
    """The events of a file, one after the other.

    The elements of a JSON array; JSON objects over many lines each, where the first one is; or else the lines that are
    not blank. A byte order mark is no part of them.

    Raises:
        domain.values.strict_json.NotJsonError: the file begins as an array and isn't one.
    """
    first = next((line for line in chain([file.readline().removeprefix(codecs.BOM_UTF8)], file) if line.strip()), b"")
    if first.lstrip().startswith(b"["):
        yield from split_array(first + file.read())
        return
    if is_json(first):
        lines: Iterable[bytes] = chain([first], file)
    else:
        whole = first + file.read()
        try:
            yield from split_values(whole)
        except NotJsonError:
            lines = whole.split(b"\n")
        else:
            return
    for line in lines:
        if line.strip():
            yield line.strip(b" \t\r\n")


def publish(client: Client, events: Iterator[bytes], progress: Callable[[int, int], None]) -> Outcome:
    """Send the events in order, in batches; a piece that is no JSON goes alone, so that it is kept in quarantine.

    `progress` is called with the events and bytes sent since the last call.
    """
    outcome = Outcome()
    batch: list[bytes] = []
    size = 0
    for event in events:
        if not _is_json(event):
            _send_batch(client, batch, outcome, progress)
            batch, size = [], 0
            _send_alone(client, event, outcome, progress)
            continue
        if batch and (len(batch) == EVENTS_MAX or size + len(event) > BYTES_MAX):
            _send_batch(client, batch, outcome, progress)
            batch, size = [], 0
        batch.append(event)
        size += len(event) + 1
    _send_batch(client, batch, outcome, progress)
    return outcome


def _is_json(event: bytes) -> bool:
    try:
        orjson.loads(event)
    except orjson.JSONDecodeError:
        return False
    return True


def _send_batch(client: Client, batch: list[bytes], outcome: Outcome, progress: Callable[[int, int], None]) -> None:
    if not batch:
        return
    status, answer = client.post_events(b"[" + b",".join(batch) + b"]", BATCH)
    if status == httpx.codes.BAD_REQUEST:  # the service reads JSON more strictly than we do; it says which of them
        for event in batch:
            _send_alone(client, event, outcome, progress)
        return
    for result in answer["results"]:
        _note(outcome, result)
    progress(len(batch), sum(len(event) + 1 for event in batch))


def _send_alone(client: Client, event: bytes, outcome: Outcome, progress: Callable[[int, int], None]) -> None:
    status, answer = client.post_events(event, SINGLE)
    if status == httpx.codes.BAD_REQUEST:
        answer = {"disposition": "quarantined", "quarantine_id": answer.get("quarantine_id"),
                  "reasons": answer.get("errors", [])}  # fmt: skip
    else:
        answer = answer["results"][0]
    _note(outcome, answer)
    progress(1, len(event) + 1)


def _note(outcome: Outcome, result: dict[str, Any]) -> None:
    outcome.dispositions[result["disposition"]] += 1
    outcome.position = max(outcome.position, result.get("position") or 0)
    if result["disposition"] == "quarantined" and len(outcome.quarantined) < REASONS_KEPT_MAX:
        words = "; ".join(f"{reason['at']} {reason['message']}".strip() for reason in result.get("reasons", ()))
        outcome.quarantined.append((outcome.total, result.get("quarantine_id"), words))
