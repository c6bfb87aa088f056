"""`taizhang ingest`, `taizhang relay` and `taizhang reminders`."""

from typing import Annotated

import typer

from domain.values.instants import parse_date
from services.access.grants import today
from services.commands.console import OUT, Data
from services.system import logs
from services.system.settings import load


def ingest(data: Data = None) -> None:
    """接收 Take events in from Kafka, each exactly once, until stopped.

    Any number of these processes share the work, as one consumer group. TAIZHANG_KAFKA_BOOTSTRAP names the brokers,
    TAIZHANG_KAFKA_TOPICS the topics. Without TAIZHANG_DATABASE_URL it uses the embedded PostgreSQL in the data folder,
    together with a `taizhang serve` on the same folder.

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang ingest
    """
    from services.kafka.process import run  # noqa: PLC0415 - other commands start without Kafka's client

    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    run(settings)


def relay(
    from_start: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--from-start", help="从头 send the whole ledger anew, and every dead letter, then go on")
    ] = False,
    data: Data = None,
) -> None:
    """发布台账 Publish the ledger's changes to Kafka, until stopped.

    TAIZHANG_KAFKA_LEDGER_TOPIC gets each organization's current row under its key, whenever it changes; it is made
    with compaction if it is missing. TAIZHANG_KAFKA_DEAD_LETTER_TOPIC, if set, gets what was quarantined. It needs a
    `taizhang serve` on the same database, whose projections it reads. Of several relays one sends; a stop in the midst
    of a large ledger goes on where it stood.

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang relay
    """
    from services.kafka import process  # noqa: PLC0415 - other commands start without Kafka's client

    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    process.relay(settings, from_start=from_start)


def reminders(
    as_of: Annotated[str | None, typer.Option(help="日期 the date at whose end it is asked, YYYY-MM-DD; today")] = None,
    data: Data = None,
) -> None:
    """到期提醒 Send what is due within 30 days or overdue to a topic of Kafka, each reminder once; for cron.

    TAIZHANG_KAFKA_REMINDER_TOPIC gets a CloudEvent for each measure when it becomes due and when it is overdue, keyed
    by its office. Run it as often as you like: what was sent is not sent again. It needs a `taizhang serve` on the same
    database, whose projections it reads.

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
    OUT.print(f"{settings.kafka_reminder_topic}: {sent:,} 条已发送 sent, {found - sent:,} 条此前已发 sent before")
