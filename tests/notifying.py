"""A receiver of notices as offices have it, and `taizhang notify` in a process that can be killed, by a quick clock."""

import base64
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from services.notices.worker import notify
from services.system import logs
from services.system.settings import load
from tests.fix_service import ROOT, environment, free_port

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def hastened(origin: float, speed: float) -> datetime:
    """What a clock tells that was right at an instant (Unix time) and has gone so many times too fast since."""
    return datetime.fromtimestamp(origin, UTC) + timedelta(seconds=(time.time() - origin) * speed)


def secret(folder: Path, name: str, text: str) -> str:
    """The path of a file that holds a secret."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def channels_file(folder: Path, *channels: dict[str, Any]) -> Path:
    """The file of these channels."""
    return Path(secret(folder, "notices.json", json.dumps({"channels": channels})))


class Receiver:
    """An office's program: takes webhooks, keeps what came first under each id; closed it refuses connections."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/notices"
        self.times: dict[str, int] = defaultdict(int)
        self.first: dict[str | None, list[str]] = defaultdict(list)
        self.bodies: dict[str, dict[str, Any]] = {}
        self.forged = 0
        self.requests = 0
        # Of so many requests one is taken and not answered, one is refused with 503; 0: none.
        self.silent_each = self.refused_each = 0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Take what comes from now on."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        """What is answered; 0 for nothing."""
        with self._lock:
            self.requests += 1
            if self.refused_each and self.requests % self.refused_each == 0:
                return 503
            id_, stamp = headers["webhook-id"], int(headers["webhook-timestamp"])
            signed = Webhook(SECRET).sign(id_, datetime.fromtimestamp(stamp, UTC), body.decode())
            if headers["webhook-signature"] != signed:
                self.forged += 1
                return 401
            told = json.loads(body)
            if not self.times[id_]:
                self.first[told["data"]["office"]].append(id_)
                self.bodies[id_] = told
            self.times[id_] += 1
            return 0 if self.silent_each and self.requests % self.silent_each == 0 else 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take({name.lower(): value for name, value in self.headers.items()}, body)
                if receiver._server is None or status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
                pass

        return Handler


class Notifier:
    """`taizhang notify` in processes of its own, one after the other, all by one quick clock."""

    def __init__(self, folder: Path, database_url: str, file: Path, speed: float) -> None:
        self.origin, self.speed = time.time(), speed
        self._folder = folder
        self._given = environment(
            database_url=database_url, data=str(folder / "notify"), notices_file=str(file), log_format="json"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def gone_s(self) -> float:
        """Seconds by its clock since it was made."""
        return (time.time() - self.origin) * self.speed

    def start(self) -> None:
        with (self._folder / "notify.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.notifying", str(self.origin), str(self.speed)],
                cwd=ROOT, env=self._given, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL, in the midst of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    @contextmanager
    def running(self) -> Iterator[None]:
        """One process meanwhile, ended in any case."""
        self.start()
        try:
            yield
        finally:
            self.kill()


def until(true: Any, within_s: float, what: str) -> None:  # noqa: ANN401 - a function without arguments
    """Wait for something to become true."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)


if __name__ == "__main__":
    began, times = float(sys.argv[1]), float(sys.argv[2])
    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    notify(settings, None, lambda: hastened(began, times))
