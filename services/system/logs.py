"""Log lines: one structlog set-up for our own and for the libraries' lines, on the console or as JSON.

A line carries position, source and request id by bound context. It never carries a person: no request bodies are
logged, and pseudonyms, resident identity numbers and mobile numbers are struck out of every text that passes, also
out of the messages of exceptions.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import structlog

from domain.values.codes import holds_personal_identifier

_PSEUDONYM: Final = re.compile(r"\b(member|person):[A-Za-z0-9_-]+", re.ASCII)
# The least that the next one matches.
_NUMBER_LENGTH_MIN: Final = 11
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[0-9][0-9_-]{9,30}[0-9Xx]", re.ASCII)
# What libraries quote of what they were given: pydantic its input, PostgreSQL the row and the statement.
_QUOTED: Final = (
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), "input_value=***"),
    (re.compile(r"^(\s*(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+)):.*$", re.MULTILINE), r"\1: ***"),
)
_EXEMPT: Final = frozenset(("timestamp", "level", "request_id", "logger"))
_DEPTH_MAX: Final = 6


def strike_out(text: str) -> str:
    """`text` without pseudonyms of persons, without their numbers, and without what libraries quote of a body."""
    if len(text) < _NUMBER_LENGTH_MIN and ":" not in text and "=" not in text:
        return text  # most of what a line says: too short for a number, and none of the marks of the rest
    for quoted, said in _QUOTED:
        text = quoted.sub(said, text)
    text = _PSEUDONYM.sub(r"\1:***", text)
    return _NUMBER.sub(lambda number: "***" if holds_personal_identifier(number[0]) else number[0], text)


def _clean(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever was bound to a line
    if isinstance(value, str):
        return strike_out(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEPTH_MAX and isinstance(value, dict):
        return {strike_out(str(key)): _clean(item, depth + 1) for key, item in value.items()}
    if depth < _DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    return strike_out(str(value))


def _without_persons(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    line.pop("color_message", None)  # uvicorn's text once more, with terminal codes
    for key, value in line.items():
        # structlog's own record of the line is taken away by the formatter.
        if key not in _EXEMPT and not key.startswith("_"):
            line[key] = _clean(value)
    return line


class _Lines:
    """Our own lines on their way to the handler's stream; one is no record of the standard library's first."""

    def __init__(self, handler: logging.StreamHandler[TextIO]) -> None:
        self._handler = handler

    def write(self, line: str) -> None:
        """Write one line; a stream that takes none ends nobody's work."""
        with self._handler.lock or nullcontext():
            try:
                self._handler.stream.write(line + self._handler.terminator)
                self._handler.flush()
            except (OSError, ValueError):
                pass

    debug = info = warning = error = critical = write


#: What was bound to a line is plain by now (`_clean`).
_JSON: Final = json.JSONEncoder(ensure_ascii=False)


def _as_json(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - structlog's signature
    return _JSON.encode(line)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    """What ends a process or a thread is told like everything else, since its text may name a person too."""
    if error is not None and issubclass(kind, Exception):
        logger().critical("uncaught", exc_info=(kind, error, traceback))


def configure(form: Literal["console", "json"] = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Send every line of this process to `stream` (standard error), in one form."""
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        _as_json if form == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    lines = _Lines(handler)
    structlog.configure(
        processors=[*shared, _without_persons, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_persons, renderer],
        )
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda fault: _log_uncaught(fault.exc_type, fault.exc_value, fault.exc_traceback)
    logging.root.handlers = [handler]
    logging.root.setLevel(level.upper())
    # uvicorn brings handlers of its own, and an access log that would show query strings.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
    for chatty in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logger() -> structlog.stdlib.BoundLogger:
    """A logger that carries whatever `structlog.contextvars` holds when it writes."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger()
    return bound
