"""`taizhang ingest`, `taizhang relay` and `taizhang reminders`."""

from typing import Annotated

import typer

from domain.values.instants import parse_date
from services.access.grants import today
from services.commands.console import OUT, Data
from services.commands.language import zh_en
from services.system import logs
from services.system.settings import load


def ingest(data: Data = None) -> None:
    """Take events in from Kafka, each exactly once, until stopped.

    Any number of these processes share the work, as one consumer group. TAIZHANG_KAFKA_BOOTSTRAP names the brokers,
    TAIZHANG_KAFKA_TOPICS the topics. Without TAIZHANG_DATABASE_URL it uses the embedded PostgreSQL in the data folder,
    together with a `taizhang serve` on the same folder.

    从 Kafka 接收事件，每个恰好一次，直到停止。

    可有任意多个这样的进程，同属一个消费组分担。TAIZHANG_KAFKA_BOOTSTRAP 指明代理，TAIZHANG_KAFKA_TOPICS 指明主题。
    未设 TAIZHANG_DATABASE_URL 时使用数据文件夹中内置的 PostgreSQL，与同一文件夹上的 taizhang serve 并用。

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang ingest
    """
    from services.kafka.process import run  # noqa: PLC0415 - other commands start without Kafka's client

    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    run(settings)


def relay(
    from_start: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--from-start",
            help=zh_en(
                "从头重发整个台账和每一封死信，再接着发",
                "send the whole ledger anew, and every dead letter, then go on",
            ),
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Publish the ledger's changes to Kafka, until stopped.

    TAIZHANG_KAFKA_LEDGER_TOPIC gets each organization's current row under its key, whenever it changes; it is made
    with compaction if it is missing. TAIZHANG_KAFKA_DEAD_LETTER_TOPIC, if set, gets what was quarantined. It needs a
    `taizhang serve` on the same database, whose projections it reads. Of several relays one sends; a stop in the midst
    of a large ledger goes on where it stood.

    把台账的变化发布到 Kafka，直到停止。

    TAIZHANG_KAFKA_LEDGER_TOPIC 收到各单位的现行行，以单位为键，每有变化即发；主题不存在时按压缩方式建立。设了
    TAIZHANG_KAFKA_DEAD_LETTER_TOPIC 时，它收到被隔离的消息。须有同一数据库上的 taizhang serve，读取的是它的投影。
    几个 relay 中只有一个在发；大台账发到一半停下，会从停下处接着发。

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang relay
    """
    from services.kafka import process  # noqa: PLC0415 - other commands start without Kafka's client

    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    process.relay(settings, from_start=from_start)


def reminders(
    as_of: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "日期：问的是这一天终了时，YYYY-MM-DD；不填为今天",
                "the date at whose end it is asked, YYYY-MM-DD; today",
            )
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Send what is due within 30 days or overdue to a topic of Kafka, each reminder once; for cron.

    TAIZHANG_KAFKA_REMINDER_TOPIC gets a CloudEvent for each measure when it becomes due and when it is overdue, keyed
    by its office. Run it as often as you like: what was sent is not sent again. It needs a `taizhang serve` on the same
    database, whose projections it reads.

    到期提醒：把 30 天内到期或已逾期的发到 Kafka 主题，每条提醒一次；供定时任务使用。

    TAIZHANG_KAFKA_REMINDER_TOPIC 在措施将到期和逾期时各收到一个 CloudEvent，以责任机关为键。可随时运行：
    发过的不再发。须有同一数据库上的 taizhang serve，读取的是它的投影。

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang reminders
    """
    from services.kafka.reminding import tell  # noqa: PLC0415 - other commands start without Kafka's client

    try:
        day = today() if as_of is None else parse_date(as_of)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {as_of!r}: {error}") from None
    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    found, sent = tell(settings, day)
    OUT.print(
        zh_en(
            f"{settings.kafka_reminder_topic}：已发 {sent:,} 条，此前已发 {found - sent:,} 条",
            f"{settings.kafka_reminder_topic}: {sent:,} sent, {found - sent:,} sent before",
        )
    )
