"""A network in front of the service: one address that stays, which can be cut, and a service that dies in mid-send."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final, Literal

# When the service is struck: once it has a batch of visits, or when it is about to tell what became of it.
Moment = Literal["request", "answer"]
SENDING: Final = b"POST /v1/visits?"


class Gateway:
    """Forwards connections to the service at `target`; while it is not `open` nothing comes through.

    `moments` are when the next batches of visits find their end, in order; `strike` is what happens then, and their
    connections are gone.
    """

    def __init__(self, target: int, strike: Callable[[], None]) -> None:
        self.target, self.open = target, True
        self.moments: list[Moment] = []
        self.struck = threading.Event()
        self._strike = strike
        self._living: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """No network from here on, also for what is under way."""
        self.open = False
        for each in list(self._living):
            _end(each)

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target)) if self.open else None
                except OSError:
                    server = None
                if server is None:
                    client.close()
                    continue
                self._living |= {client, server}
                doomed = threading.Event()
                for read, write, judge in ((client, server, self._requested), (server, client, self._answered)):
                    threading.Thread(target=self._forward, args=(read, write, judge, doomed), daemon=True).start()

    def _requested(self, data: bytes, doomed: threading.Event) -> bool:
        """Whether the service is struck with what the client sends."""
        if SENDING not in data or not self.moments:
            return False
        if self.moments.pop(0) == "request":
            return True
        doomed.set()
        return False

    def _answered(self, _: bytes, doomed: threading.Event) -> bool:
        """Whether the service is struck before what it answers gets through."""
        return doomed.is_set()

    def _forward(
        self,
        read: socket.socket,
        write: socket.socket,
        judge: Callable[[bytes, threading.Event], bool],
        doomed: threading.Event,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := read.recv(65_536):
                strikes = judge(data, doomed)
                if strikes and doomed.is_set():
                    self._struck(doomed)
                    break
                write.sendall(data)
                if strikes:
                    self._struck(doomed)
                    break
        if judge == self._answered and doomed.is_set():
            # The service was gone before it could answer: the next one that does is struck.
            self.moments.append("answer")
        for each in (read, write):
            _end(each)
            self._living.discard(each)
            each.close()

    def _struck(self, doomed: threading.Event) -> None:
        doomed.clear()
        self._strike()
        self.struck.set()


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
