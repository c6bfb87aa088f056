"""`taizhang ingest` and `taizhang relay`."""

from pathlib import Path
from typing import Annotated

import typer

from services import logs
from services.settings import load


def ingest(
    data: Annotated[Path | None, typer.Option(help="数据目录 the folder of the embedded PostgreSQL")] = None,
) -> None:
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
    data: Annotated[Path | None, typer.Option(help="数据目录 the folder of the embedded PostgreSQL")] = None,
) -> None:
    """发布台账 Publish the ledger's changes to Kafka, until stopped.

    TAIZHANG_KAFKA_LEDGER_TOPIC gets each organization's current row under its key, whenever it changes; it is made
    with compaction if it is missing. TAIZHANG_KAFKA_DEAD_LETTER_TOPIC, if set, gets what was quarantined. It needs a
    `taizhang serve` on the same database, whose projections it reads.

    Example: TAIZHANG_KAFKA_BOOTSTRAP=127.0.0.1:19092 taizhang relay
    """
    from services.kafka import process  # noqa: PLC0415 - other commands start without Kafka's client

    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    process.relay(settings)
