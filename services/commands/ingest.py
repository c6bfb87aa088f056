"""`taizhang ingest`."""

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
