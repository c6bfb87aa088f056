"""Log lines carry position, source and request id, and never a person."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from services.system import logs

RESIDENT = "11010519491231002X"
MOBILE = "13800138000"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers, logging.root.level
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    yield stream
    logging.root.handlers, logging.root.level = handlers, level
    structlog.reset_defaults()


def line(stream: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return found


def test_a_line_carries_what_was_bound_around_it(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1", source="/registry/market"):
        logs.logger().info("accepted", position=7)
    shown = line(written)
    assert shown.items() >= {
        "event": "accepted", "level": "info", "position": 7, "request_id": "r-1", "source": "/registry/market",
    }.items()  # fmt: skip
    assert shown["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_pseudonym_or_a_number_of_a_person_is_struck_out(form: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    handlers, level = logging.root.handlers, logging.root.level
    try:
        logs.configure(form, "info", stream)
        logs.logger().info(
            f"moved member:abc-1 ({RESIDENT})",
            subject="member:abc-1",
            more={"who": ["person:xyz"], "person:key": {1: MOBILE}},
            raw=b"member:bytes",
        )
        logging.getLogger("library").warning("bad value %s for person:xyz", MOBILE)
        logging.getLogger("library").warning("more", extra={"detail": "member:extra"})
    finally:
        logging.root.handlers, logging.root.level = handlers, level
        structlog.reset_defaults()
    text = stream.getvalue()
    for secret in ("abc-1", "xyz", RESIDENT, MOBILE, "person:key", "member:bytes", "member:extra"):
        assert secret not in text
    assert "member:***" in text


def test_an_exception_tells_no_person_either(written: io.StringIO) -> None:
    try:
        raise ValueError("no standing for member:abc-1")  # noqa: TRY301 - the line under test
    except ValueError:
        logs.logger().exception("fold failed", position=3)
    shown = line(written)
    assert "abc-1" not in json.dumps(shown)
    assert "ValueError" in shown["exception"]


def test_what_is_no_person_stays(written: io.StringIO) -> None:
    logs.logger().info("row", org="uscc:9151010452601815XG", at="2024-12-31T09:00:00+08:00", duration_ms=1.5)
    shown = line(written)
    assert shown["org"] == "uscc:9151010452601815XG"
    assert shown["at"] == "2024-12-31T09:00:00+08:00"


def test_what_libraries_quote_of_a_body_is_struck_out(written: io.StringIO) -> None:
    """Pydantic repeats its input in a traceback, PostgreSQL the row that failed."""

    class Body(BaseModel):
        model_config = ConfigDict(extra="forbid")

        name: Literal["a"]

    name, place = "张三丰", "某路\n1号"
    try:
        Body.model_validate({"name": name, "住址": place})
    except ValidationError:
        logs.logger().exception("failed")
    text = 'failed\nDETAIL:  Failing row contains (张三丰).\nCONTEXT:  COPY person, line 1: "张三丰"'
    logs.logger().warning("database", error=text)
    assert "input_value=***" in written.getvalue()
    assert not [each for each in ("张三丰", "某路") if each in written.getvalue()]


def test_a_stream_that_takes_nothing_ends_nobodys_work(written: io.StringIO) -> None:
    written.close()
    logs.logger().info("accepted", position=7)


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    logs.logger().debug("ledger view", position=7)
    assert not written.getvalue()
