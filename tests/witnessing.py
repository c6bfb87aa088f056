"""A witness behind a real server, for tests that ask it or have the service ask it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.witness.witness import Witness
from services.evidence.witness.witness_http import create_app


@contextmanager
def served(witness: Witness) -> Iterator[httpx.Client]:
    """The witness behind a real server on a free port."""
    server = uvicorn.Server(uvicorn.Config(create_app(witness), log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


WITNESS = SignerKey.generate("office.example/w1", SignatureType.COSIGNATURE).verifier
