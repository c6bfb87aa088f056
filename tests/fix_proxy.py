"""A TCP proxy in front of PostgreSQL that loses what a network can lose."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Fault = Literal["none", "before_commit", "after_commit"]
COMMIT = b"COMMIT\0"


class Proxy:
    """Forwards connections to a server.

    `fault` is what happens to the next COMMIT, once: the connection is cut before the server gets it, or after the
    server has answered it but before the client hears of that. `cuts` counts the cuts. While it is `silent`, nothing
    comes through in either direction, and nobody is told.
    """

    def __init__(self, conninfo: str) -> None:
        self.aim(conninfo)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=self._listener.getsockname()[1])
        self.fault: Fault = "none"
        self.cuts = 0
        self.silent = False
        threading.Thread(target=self._accept, daemon=True).start()

    def aim(self, conninfo: str) -> None:
        """Forward new connections to the server at another address, where it was started anew."""
        parts = conninfo_to_dict(conninfo)
        self._server = f"{parts['host']}/.s.PGSQL.{parts['port']}"
        assert Path(self._server).is_socket()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._server)
                except OSError:  # it is away for now
                    client.close()
                    server.close()
                    continue
                committing = threading.Event()
                for read, write, judge in (
                    (client, server, self._of_client(committing)),
                    (server, client, self._of_server(committing)),
                ):
                    threading.Thread(target=self._forward, args=(read, write, judge), daemon=True).start()

    def _of_client(self, committing: threading.Event) -> Callable[[bytes], bool]:
        """Whether what the client sends is lost."""

        def lost(data: bytes) -> bool:
            if COMMIT not in data or self.fault == "none":
                return False
            fault, self.fault = self.fault, "none"
            if fault == "after_commit":
                committing.set()
                return False
            return True

        return lost

    def _of_server(self, committing: threading.Event) -> Callable[[bytes], bool]:
        """Whether what the server answers is lost."""
        return lambda _: committing.is_set()

    def _forward(self, read: socket.socket, write: socket.socket, lost: Callable[[bytes], bool]) -> None:
        with contextlib.suppress(OSError):
            while data := read.recv(65_536):
                swallowed = self.silent
                while self.silent:
                    time.sleep(0.05)
                if swallowed:
                    break
                if lost(data):
                    self.cuts += 1
                    break
                write.sendall(data)
        for end in (read, write):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        read.close()


@pytest.fixture
def proxy(store: str) -> Iterator[Proxy]:
    opened = Proxy(store)
    yield opened
    opened.close()
