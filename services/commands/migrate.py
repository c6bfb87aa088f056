"""`taizhang migrate`: the schema brought to this release, by a job of its own."""

from services.commands.console import OUT, Data
from services.commands.language import zh_en
from services.serving.serving import database
from services.system import logs
from services.system.settings import load


def migrate(data: Data = None) -> None:
    """Bring the database's schema to this release, and end.

    Every command that uses the database does so when it starts; as a job of its own it is seen to have been done, or
    to have failed, before anything is replaced. From the first migration that runs the release before cannot be
    started any more (deploy/upgrade.md).

    迁移：把数据库的结构变为本版本的，然后结束。

    凡用数据库的命令启动时都会这样做；单独执行，可在更换之前看到它成功还是失败。一旦执行，
    前一版本就不能再启动（deploy/upgrade.md）。

    Example: TAIZHANG_DATABASE_URL=postgresql://… taizhang migrate
    """
    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    with database(settings):
        OUT.print(zh_en("数据库已是本版本的结构", "the schema is this release's"))
