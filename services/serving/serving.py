"""`taizhang serve`: its parts, started in order and stopped in the opposite order.

Settings, PostgreSQL (embedded unless an address is given), migrations, the projector as a supervised child process,
the notary, the rooter, the HTTP server or several. The server is named by an import string, since services never
import api.
"""

import contextlib
import gc
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from os import getpid
from types import FrameType
from typing import Final

import psycopg
import uvicorn
from pydantic import SecretStr

from services.evidence.roots.rooting import Rooter
from services.evidence.witness.notary import Notary
from services.ledger.takeover import Takeover
from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from services.postgres.faults import in_words
from services.postgres.postmaster import EmbeddedPostgresError
from services.postgres.reader import ensure_login
from services.serving import ending
from services.serving.connections import CONNECTIONS, Connection
from services.serving.workers import say_ready, workers
from services.system import settings as settings_module
from services.system.errors import StoreUnavailableError, TaizhangError
from services.system.logs import logger
from services.system.settings import Settings, variable
from services.system.supervision import Supervisor

APPLICATION: Final = "api.app:create_app"
BACKLOG: Final = 2048
# Requests that are under way when the service is told to stop get this long.
GRACE_S: Final = 10
# uvicorn's own pace.
TICKS_A_SECOND: Final = 10
# Files that the process needs beside its connections: of the database, of exports, of libraries.
FILES_BESIDE: Final = 256
# How often the embedded PostgreSQL is looked after, and how long after a start that failed.
LOOK_S: Final = 1.0
BACK_OFF_S: Final = 10.0


class Stopped(BaseException):
    """SIGTERM or SIGINT has been received."""


class AddressInUseError(TaizhangError):
    """The service cannot listen where it was told to."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    ending.begin()
    for number in (signal.SIGTERM, signal.SIGINT):  # a second one must not break into the stopping
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within: SIGTERM and SIGINT raise `Stopped`, so that everything under way is undone in order."""
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped:
        logger().info("stopped")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _kept_running(server: EmbeddedPostgres) -> Iterator[None]:
    """Within: an embedded PostgreSQL that dies is started again."""
    stopping = threading.Event()

    def keep() -> None:
        while not stopping.wait(LOOK_S):
            try:
                if server.revive():
                    logger().warning("embedded PostgreSQL had died and was started again")
            except EmbeddedPostgresError as error:
                logger().error("embedded PostgreSQL has died and does not start", error=str(error))
                stopping.wait(BACK_OFF_S)

    keeper = threading.Thread(target=keep, name="keep-postgres", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


@contextlib.contextmanager
def server(settings: Settings) -> Iterator[Settings]:
    """The settings with the address of a running database in them; the embedded one's if none was given."""
    with contextlib.ExitStack() as stack:
        if settings.database_url is None:
            embedded = EmbeddedPostgres()
            conninfo = embedded.start(settings.data)
            stack.callback(embedded.stop)
            stack.enter_context(_kept_running(embedded))
            settings = settings.model_copy(update={"database_url": SecretStr(conninfo)})
            logger().info("embedded PostgreSQL ready", data=str(settings.data))
        yield settings


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with the address of a running, migrated database in them; the embedded one if none was given."""
    with server(settings) as ready:
        try:
            ran = migrate(ready.conninfo)
        except psycopg.OperationalError as error:
            raise StoreUnavailableError(in_words(error)) from error
        logger().info("database ready", migrations_run=ran)
        yield ready


def _listen(settings: Settings) -> socket.socket:
    """The listening socket, so that a port in use is known before anything else starts."""
    try:
        return socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as error:
        raise AddressInUseError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): end the other program, or "
            f"choose another with --port or {variable('port')}"
        ) from error


# After so many seconds a thread that computes lets another one go on; Python's own are five times as many, which an
# answer of a few milliseconds waits for more than once while a load is taken in.
SWITCH_S: Final = 0.001


# Answers without end look at it, and end.
STOPPING: Final = threading.Event()


class _Server(uvicorn.Server):
    """uvicorn, calling `when_ready` once it answers."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        STOPPING.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        ending.begin()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            CONNECTIONS.look()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What stands now stays until the end: no later collection looks at it again.
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(SWITCH_S)
        if not self.should_exit:
            self._when_ready()


def serve(settings: Settings, when_ready: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code.

    Args:
        settings: checked ones.
        when_ready: called with the service's address, in a thread of its own, once it answers.

    Raises:
        TaizhangError, EmbeddedPostgresError: it cannot start; the message says why and what to do.
    """
    code = 0
    # While the application is put together nothing is thrown away, and looking for it takes a fifth of the time.
    gc.disable()
    with stopped_by_signals(), _listen(settings) as listener, database(settings) as ready:
        ensure_login(ready.conninfo)
        port = listener.getsockname()[1]
        host = f"[{ready.host}]" if ":" in ready.host else ready.host
        address = f"http://{host}:{port}"
        settings_module.export(ready.model_copy(update={"port": port}))
        projector = Supervisor(
            "projector", [sys.executable, "-m", "services.commands.cli", "projector", "--parent", str(getpid())]
        )
        projector.start()
        takeover = Takeover(ready.conninfo, projector)
        takeover.start()
        notary = Notary.of(ready)
        notary.start()
        rooter = Rooter(ready.conninfo, ready.roots_path)
        rooter.start()
        try:
            if ready.workers == 1:
                code = _run(ready, listener, lambda: _in_thread(when_ready, address))
            else:
                with workers(listener, ready.workers, lambda: when_ready(address)):
                    threading.Event().wait()
        finally:
            rooter.close()
            notary.close()
            takeover.stop()
            projector.stop()
            ending.over()
    return code


def answer_on(settings: Settings, listener: int, ready: int) -> int:
    """Answer on a socket that another process holds, beside others that do; return the exit code.

    Args:
        settings: of the process that looks after this one.
        listener: the socket, as an open file.
        ready: a pipe that is told once this process answers.
    """
    gc.disable()
    return _run(settings, socket.socket(fileno=listener), lambda: say_ready(ready))


def _in_thread(call: Callable[[str], None], address: str) -> None:
    threading.Thread(target=call, args=(address,), name="when-ready", daemon=True).start()


def _with_files(connections_max: int) -> int:
    """How many connections there may be: each takes an open file, of which this process may have so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + FILES_BESIDE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections_max
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger().warning("fewer connections than set: open files are limited", connections=allowed - FILES_BESIDE)
    return allowed - FILES_BESIDE


def _run(settings: Settings, listener: socket.socket, when_ready: Callable[[], None]) -> int:
    CONNECTIONS.limit(settings.model_copy(update={"connections_max": _with_files(settings.connections_max)}))
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=settings.idle_seconds_max,
        log_level=settings.log_level,
    )
    server = _Server(config, when_ready)
    server.run(sockets=[listener])
    # uvicorn raises the signal again that stopped it; to come here without one means that it could not start.
    return 0 if server.started else 3
