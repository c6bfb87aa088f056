"""The server process of an embedded PostgreSQL cluster: started, found again, waited for, stopped."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from services.system.errors import TaizhangError
from services.system.files import write_durably

PORT = 5432  # only names the socket's file: the server listens on no network address
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
ORPHAN_SECONDS_MAX = 15.0
POLL_SECONDS = 0.02
SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7), less its closing zero byte
SOCKET_FOLDER_PREFIX = "taizhang-"
LOG_BYTES_MAX = 16 * 1024 * 1024

# Lines of postmaster.pid, counted from 0 (PostgreSQL's src/include/utils/pidfile.h).
PID_LINE = 0
SOCKET_FOLDER_LINE = 4
STATE_LINE = 7

# Pages that PostgreSQL keeps for itself: an eighth of the memory that we may use within these bounds, and no more than
# a quarter of it; touched as used. What is not in them is read from disk wherever the system has given up its own copy.
SHARED_BUFFERS_MIB_MIN = 128
SHARED_BUFFERS_MIB_MAX = 4096


def memory_bytes(groups: Path = Path("/sys/fs/cgroup"), ours: Path = Path("/proc/self/cgroup")) -> int:
    """The memory that we may use: the machine's, or less where a control group of ours or one above it says so."""
    limits = [psutil.virtual_memory().total]
    with contextlib.suppress(OSError):
        for line in ours.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            # Version 2 has one tree without a name; in version 1 each controller has its own.
            if controllers and "memory" not in controllers.split(","):
                continue
            root, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
            group = root / path.lstrip("/")
            # Seen from a container, the group's own path may not be there; its limit then stands at the root.
            for folder in (group, *group.parents):
                if not folder.is_relative_to(root):
                    break
                with contextlib.suppress(OSError, ValueError):
                    limits.append(int((folder / name).read_text(encoding="ascii")))
    return min(limits)


def shared_buffers(memory: int) -> str:
    """The setting of that name for so many bytes of memory."""
    share = min(max(memory // 8 >> 20, SHARED_BUFFERS_MIB_MIN), SHARED_BUFFERS_MIB_MAX)
    return f"{max(1, min(share, memory // 4 >> 20))}MB"


SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": shared_buffers(memory_bytes()),
    "max_wal_size": "2GB",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A guess at 256 random bits gains nothing from a fast hash, and every connection would pay for a slow one.
    "scram_iterations": "1",
}


class EmbeddedPostgresError(TaizhangError):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


def enterable(folder: Path) -> bool:
    """Whether every user may enter `folder`. An access list may allow more: the answer errs on the safe side."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for subprocess: another user (None: our own), and an environment in which nothing steers the server."""
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    common: dict[str, Any] = {"cwd": "/", "env": environment, "stdin": subprocess.DEVNULL}
    return common if user is None else common | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def runs(cluster: Path) -> bool:
    """Whether the server of `cluster` runs."""
    return _postmaster(cluster) is not None


def ensure_running(cluster: Path, programs: Path, log: Path, user: pwd.struct_passwd | None, address: Path) -> Path:
    """Adopt the server of `cluster` or start it, wait until it takes connections, and return its socket's folder.

    The file `address` keeps that folder: whoever starts the server anew does it where all the others look for it. One
    that is just ending is waited for. The caller holds the cluster's gate.
    Raises EmbeddedPostgresError with the end of the server's log.
    """
    if _postmaster(cluster) is not None and (adopted := _await_ready(cluster, log, dying=True)) is not None:
        _keep(address, adopted)
        return adopted
    _clear_remains(cluster)
    socket_folder = _address(address, user)
    try:
        _launch(cluster, programs, log, user, socket_folder)
        started = _await_ready(cluster, log)
        assert started is not None  # noqa: S101  # it raises where the server has ended
    except BaseException:
        shutil.rmtree(socket_folder, ignore_errors=True)
        raise
    return started


def turn_over(log: Path) -> None:
    """Begin a long log anew, with the one before beside it; the server writes on, always at the end."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_suffix(".log.old"))
            os.truncate(log, 0)


def shut_down(cluster: Path) -> None:
    """Fast shutdown: clients are cut off, all that is committed is on disk. After a minute, without the checkpoint."""
    lines = _pid_file(cluster)
    for order in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(psutil.NoSuchProcess):
            if (postmaster := _postmaster(cluster)) is not None:
                postmaster.send_signal(order)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while _postmaster(cluster) is not None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    _remove_socket_folder(lines)


def _pid_file(cluster: Path) -> list[str]:
    """The lines of postmaster.pid; none without a server, few while it starts."""
    try:
        return (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _serves(process: psutil.Process, cluster: Path) -> bool:
    """Whether `process` belongs to the server of `cluster`. A number alone may be another's by now."""
    try:
        return (
            process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(cluster)
        )
    except psutil.Error:
        return False


def _postmaster(cluster: Path) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess, ValueError, IndexError):
        process = psutil.Process(int(_pid_file(cluster)[PID_LINE]))
        return process if _serves(process, cluster) else None
    return None


def _clear_remains(cluster: Path) -> None:
    """Remove what a server left that did not end in order, once none of its processes runs any more."""
    lines = _pid_file(cluster)
    if not lines:
        return
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while orphans := [process.pid for process in psutil.process_iter() if _serves(process, cluster)]:
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"The server of {cluster} is gone, but processes of it still run: {orphans}. End them and start again."
            )
        time.sleep(POLL_SECONDS)
    _remove_socket_folder(lines)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _launch(cluster: Path, programs: Path, log: Path, user: pwd.struct_passwd | None, socket_folder: Path) -> None:
    turn_over(log)
    settings = SETTINGS | {"unix_socket_directories": str(socket_folder)}
    command = [
        str(programs / "postgres"),
        "-D",
        str(cluster),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_SECONDS_MAX
    try:
        with log.open("ab") as output, _interrupted_afterwards():
            # In a session of its own: a Ctrl-C in the terminal reaches us alone, and we stop the server in order.
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **as_user(user)
            )
        # Should the server die before us, somebody must take its exit status, or it stays as a zombie.
        threading.Thread(target=process.wait, name="embedded-postgres", daemon=True).start()
        while _postmaster(cluster) is None and process.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    except BaseException:
        # An interrupt before the server has written its file: whoever undoes the start would not find it.
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS_MAX)
        raise


@contextlib.contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Within: SIGINT and SIGTERM wait, lest a process be made whose number is lost. Only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _await_ready(cluster: Path, log: Path, *, dying: bool = False) -> Path | None:
    """Its socket's folder; None where a server that may be `dying` has ended."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while _postmaster(cluster) is not None and time.monotonic() < deadline:
        lines = _pid_file(cluster)
        if len(lines) > STATE_LINE and lines[STATE_LINE].strip() == "ready":
            return Path(lines[SOCKET_FOLDER_LINE])
        time.sleep(POLL_SECONDS)
    if dying:
        if _postmaster(cluster) is None:
            return None
        raise EmbeddedPostgresError(
            f"The PostgreSQL server of {cluster} takes no connections and has not ended within "
            f"{START_SECONDS_MAX:.0f} s. It may wait for a session to end; end process "
            f"{_pid_file(cluster)[PID_LINE]} by SIGINT and start again."
        )
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:] if log.exists() else []
    raise EmbeddedPostgresError(
        f"The PostgreSQL server of {cluster} did not start within {START_SECONDS_MAX:.0f} s. "
        f"The end of its log {log}:\n" + "\n".join(tail)
    )


def _address(kept: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder that the server of a data folder listens in: the one it had before, unless that cannot be made."""
    with contextlib.suppress(OSError, ValueError):
        of, folder = kept.read_text(encoding="utf-8").splitlines()
        before = Path(folder)
        # A copy of a data folder is another one, and its server runs beside the first.
        is_of_here = of == str(kept.parent) and before.name.startswith(SOCKET_FOLDER_PREFIX)
        if is_of_here and _is_ours(_private(before, user), user):
            return before
    chosen = _socket_folder(user)
    _keep(kept, chosen)
    return chosen


def _keep(kept: Path, folder: Path) -> None:
    text = f"{kept.parent}\n{folder}\n"
    if not kept.exists() or kept.read_text(encoding="utf-8") != text:
        write_durably(kept, text.encode())


def _is_ours(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Whether nobody else can put a socket of his own there: the name is known to whoever has seen it once."""
    found = folder.lstat()
    owner = os.geteuid() if user is None else user.pw_uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700


def _socket_folder(user: pwd.struct_passwd | None) -> Path:
    """A new folder that only the server's user may enter, with a path that leaves room for the socket's name."""
    room = SOCKET_PATH_BYTES_MAX - len(f"/{SOCKET_FOLDER_PREFIX}12345678/.s.PGSQL.{PORT}")
    for base in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - mkdtemp makes it private
        usable = base.is_dir() and os.access(base, os.W_OK) and (user is None or enterable(base))
        if usable and len(os.fsencode(base)) <= room:
            folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=base))
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)
            return folder
    raise EmbeddedPostgresError(
        f"No folder for the server's socket: {tempfile.gettempdir()}, /tmp and /var/tmp are not writable or longer "
        f"than {room} bytes. Set TMPDIR to a short, writable path."
    )


def _private(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder, made for the server's user where it is missing."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _remove_socket_folder(pid_file: list[str]) -> None:
    if len(pid_file) > SOCKET_FOLDER_LINE:
        folder = Path(pid_file[SOCKET_FOLDER_LINE])
        if folder.name.startswith(SOCKET_FOLDER_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)
