"""`taizhang reader-login`: what an administrator of a database server of one's own runs once."""

import psycopg

from services.commands.console import OUT
from services.postgres.database import connect
from services.postgres.faults import in_words
from services.postgres.reader import making
from services.system.errors import StoreUnavailableError
from services.system.settings import load


def reader_login() -> None:
    """读者登录 Print the SQL that makes the login by which callers limited to regions are answered.

    For a server of one's own, TAIZHANG_DATABASE_URL; the embedded one has it. Run it as an administrator of the server,
    again after the service's password has changed. What is printed holds no password, only what the server keeps of it.

    Example: taizhang reader-login | psql --host db --username postgres
    """
    conninfo = load().conninfo
    try:
        with connect(conninfo, "reader-login") as connection:
            for statement in making(connection, conninfo):
                OUT.print(f"{statement.as_string(connection)};", markup=False, highlight=False, soft_wrap=True)
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(in_words(error)) from error
