"""HTTP clients that cost little beside the service that they measure."""

import asyncio
import http.client
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import uvloop

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
READ_BYTES_MAX = 64 << 20

Parameters = Sequence[tuple[str, str]]


class Posted(NamedTuple):
    """What became of a load of requests: seconds in all, seconds of each, events by disposition."""

    seconds: float
    latencies: list[float]
    accepted: int
    others: int


def post(port: int, bodies: Iterable[bytes], content_type: str, clients: int) -> Posted:
    """Post the bodies to /v1/events, each client the next one as soon as it has its answer."""
    return uvloop.run(_post(port, iter(bodies), content_type, clients))


async def _post(port: int, bodies: Iterator[bytes], content_type: str, clients: int) -> Posted:
    latencies: list[float] = []
    accepted = others = 0

    async def client() -> None:
        nonlocal accepted, others
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=READ_BYTES_MAX)
        for body in bodies:
            began = time.perf_counter()
            head = (
                f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await _answer(reader)
            latencies.append(time.perf_counter() - began)
            dispositions = answer.count(b'"disposition":')
            of_these = answer.count(b'"disposition":"accepted"')
            accepted += of_these
            others += dispositions - of_these
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return Posted(time.perf_counter() - began, latencies, accepted, others)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"the service answered {head.splitlines()[0]!r}")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


class Getter:
    """One client on one kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def get(self, path: str, parameters: Parameters = ()) -> tuple[float, dict[str, Any]]:
        """The answer, and the seconds from the request to its last byte."""
        target = f"{path}?{urlencode(parameters)}" if parameters else path
        began = time.perf_counter()
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{target} answered {answer.status}: {body[:500]!r}")
        found: dict[str, Any] = json.loads(body)
        return seconds, found

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
