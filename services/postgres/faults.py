"""What the database refuses or leaves unanswered, as a sentence with the remedy, for whoever runs a command."""

from typing import Final, NamedTuple

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from services.system.settings import variable

# The first that fits counts: psycopg's errors of the server are one tree.
_SAID: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (
        errors.DiskFull,
        "数据库磁盘已满, 请腾出空间后重试",
        "its disk is full: make room and call again; what was durable is, and a rebuild goes on where it was",
    ),
    (
        errors.TooManyConnections,
        "数据库连接已用尽",
        "its connections are taken: end some, or raise max_connections or the limit of the role or database",
    ),
    (
        errors.ReadOnlySqlTransaction,
        "数据库只读",
        "it is read-only: name the primary, or end its read-only mode",
    ),
    (errors.OutOfMemory, "数据库内存不足", "it has no memory left: give it more, or end what else runs there"),
    (errors.QueryCanceled, "数据库超时", "it broke a statement off: see its log for who did, and call again"),
    (errors.LockNotAvailable, "数据库被占用", "others held its tables too long: see pg_stat_activity, and call again"),
    (PoolTimeout, "数据库无应答", f"it did not answer in time: see its log, or correct {variable('database_url')}"),
    (
        psycopg.OperationalError,
        "数据库不可用",
        f"it ended or cannot be reached: start it, or correct {variable('database_url')}; what was durable is",
    ),
)


# The least that libpq waits for one.
CONNECT_S_MAX: Final = 2
# Of a connection that is refused the client knows the server's text alone.
_TAKEN: Final = ("too many connections", "too many clients", "remaining connection slots")


class Fault(NamedTuple):
    """What an error of the database means: in Chinese, the remedy, and what the server itself said."""

    chinese: str
    remedy: str
    told: str


def fault_of(error: BaseException) -> Fault | None:
    """What an error of the database means, or one that came of such; None for every other."""
    found: BaseException | None = error
    while found is not None:
        told = str(found).strip()
        taken = isinstance(found, psycopg.OperationalError) and any(each in told for each in _TAKEN)
        for kind, chinese, remedy in _SAID:
            if isinstance(found, kind) or (taken and kind is errors.TooManyConnections):
                return Fault(chinese, remedy, told)
        found = found.__cause__ or found.__context__
    return None


def in_words(error: BaseException) -> str | None:
    """The sentence for an error of the database, or one that came of such; None for every other."""
    fault = fault_of(error)
    return None if fault is None else f"{fault.chinese} the database cannot be used ({fault.told}): {fault.remedy}"


def refusal(conninfo: str) -> psycopg.Error | None:
    """What a connection of one's own is refused with, since a pool keeps that to itself; None: it is had."""
    try:
        psycopg.connect(conninfo, connect_timeout=CONNECT_S_MAX).close()
    except psycopg.Error as error:
        return error
    return None
