"""Lists sent to a running service."""

from typing import Any

from tests.fix_service import Service
from tests.full_lists import Stock, stock


def ask(service: Service, source: str, content: bytes, as_of: str, **parameters: Any) -> Any:  # noqa: ANN401 - httpx's answer
    given = {"source": source, "as_of": as_of, **parameters}
    return service.http.post("/v1/lists", params=given, content=content)


def post(service: Service, source: str, content: bytes, as_of: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
    answer = ask(service, source, content, as_of, **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def own_stock(count: int, source: str) -> Stock:
    """Groups of this test's own, since tests share the service."""
    mark = source[-12:]
    return [[f"group:{mark}-{n}", row[1], "快递员", *row[3:]] for n, row in enumerate(stock(count))]
