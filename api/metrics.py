"""What `/metrics` shows of HTTP, in Prometheus' terms."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client gives it no types

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
