"""What `/metrics` shows, in Prometheus' terms."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from api.web.places import AllPlaces
from services.intake.sources import Partition, Source
from services.log.messages import Disposition
from services.notices.outbox import Standing
from services.postgres.chores import Chore
from services.serving.connections import CONNECTIONS
from services.serving.workers import COUNTS_FOLDER
from services.system.logs import strike_out

disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client gives it no types

DISPOSITION_NAMES: Final[tuple[Disposition, ...]] = get_args(Disposition)
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS: Final = Counter(
    "taizhang_http_requests", "Requests by method, route and status", ("method", "route", "status"), registry=REGISTRY
)
REQUEST_SECONDS: Final = Histogram(
    "taizhang_http_request_seconds", "Seconds until the answer was sent, by route", ("route",), registry=REGISTRY
)
DISPOSITIONS: Final = Counter(
    "taizhang_http_events", "Events received over HTTP, by disposition", ("disposition",), registry=REGISTRY
)

# Whoever may publish may name sources; the busiest are shown, so that nobody can flood the measures.
SOURCES_MAX: Final = 500


class Account:
    """The account of every message as a collector: the counts of `/v1/sources`, and the positions."""

    def __init__(  # noqa: PLR0917 - one measure each
        self,
        found: Sequence[Source],
        partitions: Sequence[Partition],
        head: int,
        reached: int,
        held: int,
        ready: Mapping[str, bool],
        chores: Sequence[Chore],
        notices: Sequence[Standing],
    ) -> None:
        self._held = held
        self._ready = ready
        self._chores = chores
        self._notices = notices
        self._sources = sorted(found, key=lambda each: -each.tally.received)[:SOURCES_MAX]
        self._partitions = partitions
        self._positions = {"log": head, "projections": reached}

    def collect(self) -> Iterator[Metric]:
        """The families, as prometheus_client wants them."""
        position = GaugeMetricFamily("taizhang_position", "Last position of the log, and as reached", labels=["part"])
        for part, value in self._positions.items():
            position.add_metric([part], value)
        messages = CounterMetricFamily(
            "taizhang_messages", "Messages by source and disposition", labels=["source", "disposition"]
        )
        for source in self._sources:
            for name in DISPOSITION_NAMES:
                messages.add_metric([strike_out(source.source or ""), name], getattr(source.tally, name))
        held = GaugeMetricFamily(
            "taizhang_held_events", "Events without a part in the ledger: not to be applied, and those behind them"
        )
        held.add_metric([], self._held)
        ended = GaugeMetricFamily(
            "taizhang_chore_ended_timestamp_seconds",
            "When backup, reminders and verify last ended well, Unix time",
            labels=["chore"],
        )
        done = CounterMetricFamily(
            "taizhang_chore_done", "Reminders sent, events backed up, by chore, in all", labels=["chore"]
        )
        for chore in self._chores:
            done.add_metric([chore.name], chore.done)
            if chore.ended_at is not None:
                ended.add_metric([chore.name], chore.ended_at.timestamp())
        yield from (position, held, messages, ended, done, part_ready(self._ready))
        yield from self._kafka()
        yield from self._outbox()

    def _kafka(self) -> Iterator[Metric]:
        labels = ["topic", "partition"]
        lag = GaugeMetricFamily("taizhang_kafka_lag", "Messages that wait, unread", labels=labels)
        read = CounterMetricFamily(
            "taizhang_kafka_messages", "Messages by partition and disposition", labels=[*labels, "disposition"]
        )
        gone = CounterMetricFamily(
            "taizhang_kafka_missing_offsets",
            "Offsets that never came, by why: expired or compacted",
            labels=[*labels, "why"],
        )
        logs = GaugeMetricFamily(
            "taizhang_kafka_generation",
            "Logs that this partition has been; more than one: made anew or cut",
            labels=labels,
        )
        seen = GaugeMetricFamily(
            "taizhang_kafka_seen_timestamp_seconds", "When its end was last looked at, Unix time", labels=labels
        )
        for each in self._partitions:
            where = [each.topic, str(each.partition)]
            lag.add_metric(where, each.lag)
            logs.add_metric(where, each.generation)
            seen.add_metric(where, each.seen_at.timestamp())
            for why in ("expired", "compacted"):
                gone.add_metric([*where, why], getattr(each, why))
            for name in DISPOSITION_NAMES:
                read.add_metric([*where, name], getattr(each, name))
        yield from (lag, read, gone, logs, seen)

    def _outbox(self) -> Iterator[Metric]:
        open_ = GaugeMetricFamily("taizhang_notices_open", "Notices that wait or are held", labels=["channel", "state"])
        sent = CounterMetricFamily("taizhang_notices_sent", "Notices that were taken", labels=["channel"])
        since = GaugeMetricFamily(
            "taizhang_notices_waiting_since_timestamp_seconds", "Since when the first has waited, Unix time",
            labels=["channel"],
        )  # fmt: skip
        for each in self._notices:
            open_.add_metric([each.name, "waiting"], each.waiting)
            open_.add_metric([each.name, "held"], each.held)
            sent.add_metric([each.name], each.sent)
            if each.waiting_since is not None:
                since.add_metric([each.name], each.waiting_since.timestamp())
        yield from (open_, sent, since)


def part_ready(ready: Mapping[str, bool]) -> Metric:
    """Each part of readiness as a measure: 1 where it is as it should be, 0 where `/health/ready` says why not."""
    found = GaugeMetricFamily("taizhang_part_ready", "Parts of /health/ready: 1 ready, 0 not", labels=["part"])
    for part, is_ready in ready.items():
        found.add_metric([part], is_ready)
    return found


class _Away:
    """In the account's place while the database does not answer."""

    def collect(self) -> Iterator[Metric]:
        """The one measure that is left."""
        yield part_ready({"database": False})


class Edge:
    """Connections and places of the process that is asked, as a collector: how many, who was refused or ended."""

    def __init__(self, places: AllPlaces) -> None:
        self._places = places

    def collect(self) -> Iterator[Metric]:
        """The families, as prometheus_client wants them."""
        taken = GaugeMetricFamily("taizhang_places", "Places taken, by kind", labels=["kind"])
        limit = GaugeMetricFamily("taizhang_places_max", "Places there are, by kind", labels=["kind"])
        refused = CounterMetricFamily("taizhang_places_refused", "Callers refused a place, by kind", labels=["kind"])
        for each in self._places:
            taken.add_metric([each.what], each.taken)
            limit.add_metric([each.what], each.at_once)
            refused.add_metric([each.what], each.refused)
        ended = CounterMetricFamily(
            "taizhang_connections_ended",
            "Connections that the service ended: late, crowded, large, malformed, cut off",
            labels=["why"],
        )
        for why, number in CONNECTIONS.ended.items():
            ended.add_metric([why], number)
        connections = GaugeMetricFamily("taizhang_connections", "Connections that are open")
        connections.add_metric([], len(CONNECTIONS.open))
        yield from (taken, limit, refused, connections, ended)


def text(places: AllPlaces, account: Account | None) -> bytes:
    """All measures in Prometheus' text format; without an account where the database does not answer."""
    counted = generate_latest(_of_all_workers() if COUNTS_FOLDER in os.environ else REGISTRY)
    beside = CollectorRegistry()
    beside.register(Edge(places))
    beside.register(account or _Away())
    return counted + generate_latest(beside)


def _of_all_workers() -> CollectorRegistry:
    """What this process and its like have counted, those that have ended too."""
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # prometheus_client gives it no types
    return together
