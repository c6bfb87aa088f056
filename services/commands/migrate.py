"""`taizhang migrate`: the schema brought to this release, by a job of its own."""

from services.commands.console import OUT, Data
from services.serving.serving import database
from services.system import logs
from services.system.settings import load


def migrate(data: Data = None) -> None:
    """迁移 Bring the database's schema to this release, and end.

    Every command that uses the database does so when it starts; as a job of its own it is seen to have been done, or
    to have failed, before anything is replaced. From the first migration that runs the release before cannot be
    started any more (deploy/upgrade.md).

    Example: TAIZHANG_DATABASE_URL=postgresql://… taizhang migrate
    """
    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    with database(settings):
        OUT.print("数据库已是本版本的结构 the schema is this release's")
