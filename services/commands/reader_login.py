"""`taizhang reader-login`: what an administrator of a database server of one's own runs once."""

import psycopg

from services.commands.console import OUT
from services.postgres.database import connect
from services.postgres.faults import in_words
from services.postgres.reader import making
from services.system.errors import StoreUnavailableError
from services.system.settings import load


def reader_login() -> None:
    """Print the SQL that makes the login by which callers limited to regions are answered.

    For a server of one's own, TAIZHANG_DATABASE_URL; the embedded one has it. Run it as an administrator of the server,
    again after the service's password has changed. What is printed holds no password, only what the server keeps of it.

    打印 SQL，用来建立限于地区的调用者所用的数据库登录。

    用于自有的数据库服务器（TAIZHANG_DATABASE_URL）；内置的已有。以服务器管理员身份执行，
    服务的口令更改后再执行一次。打印的内容不含口令，只含服务器留存的校验值。

    Example: taizhang reader-login | psql --host db --username postgres
    """
    conninfo = load().conninfo
    try:
        with connect(conninfo, "reader-login") as connection:
            for statement in making(connection, conninfo):
                OUT.print(f"{statement.as_string(connection)};", markup=False, highlight=False, soft_wrap=True)
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(in_words(error)) from error
