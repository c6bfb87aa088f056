"""Errors as RFC 9457 problem details. Every error that leaves the service has this one form."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.values.reasons import Reason

MEDIA_TYPE: Final = "application/problem+json"

# Each kind of problem: its HTTP status and title. RFC 9457 section 3.1.1: `type` is a URI that names the kind.
KINDS: Final[dict[str, tuple[HTTPStatus, str]]] = {
    "invalid-request": (HTTPStatus.BAD_REQUEST, "请求有误 The request breaks a rule"),
    "not-json": (HTTPStatus.BAD_REQUEST, "不是 JSON The body is not JSON"),
    "invalid-cursor": (HTTPStatus.BAD_REQUEST, "游标有误 The cursor does not fit this question"),
    "sign-in-needed": (HTTPStatus.UNAUTHORIZED, "需要接口密钥 An API key is needed"),
    "not-allowed": (HTTPStatus.FORBIDDEN, "权限不足 Your role may not do this"),
    "from-another-site": (HTTPStatus.FORBIDDEN, "来自别的站点 Sent by another site's page"),
    "not-found": (HTTPStatus.NOT_FOUND, "没有 Not found"),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "方法不符 No such method here"),
    "body-too-slow": (HTTPStatus.REQUEST_TIMEOUT, "接收超时 The body took too long"),
    "already-ended": (HTTPStatus.CONFLICT, "已了结 Already ended"),
    "ledger-rebuilt": (HTTPStatus.GONE, "台账已按另一版规则重建 The ledger was rebuilt by other rules"),
    "came-since": (HTTPStatus.CONFLICT, "依据已变 What it was decided on has changed"),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "过大 Too large"),
    "unsupported-media-type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "媒体类型不符 Unsupported media type"),
    "address-too-long": (HTTPStatus.REQUEST_URI_TOO_LONG, "地址过长 The address is too long"),
    "too-many-requests": (HTTPStatus.TOO_MANY_REQUESTS, "请求过多 Too many requests"),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "内部错误 Internal error"),
    "not-ready": (HTTPStatus.SERVICE_UNAVAILABLE, "暂不可用 Not ready yet"),
}


class Fault(BaseModel):
    """One value that breaks a rule."""

    rule: str = Field(description="the rule's name, stable")
    at: str = Field(description="where: query.NAME, path.NAME, or a JSON pointer into the body")
    value: Any = Field(default=None, description="what stood there, at most 120 characters of it")
    message: str = Field(description="the rule and the remedy in words")


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="names the kind of problem", examples=["urn:taizhang:problem:invalid-request"])
    title: str
    status: int
    detail: str = Field(description="what is wrong here and what to do about it")
    instance: str = Field(description="the path that was called")
    request_id: str = Field(description="as in X-Request-Id; name it when you ask about this problem")
    errors: list[Fault] = Field(default=[], description="each value that breaks a rule")
    quarantine_id: int | None = Field(default=None, description="where a body that is not JSON is kept")


class Problem(HTTPException):
    """An error on its way to the client; `kind` is one of `KINDS`, `more` are further members.

    Of the framework's own kind, which is the only one that it lets through from where it reads a body.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - any JSON
    ) -> None:
        super().__init__(KINDS[kind][0].value, detail, dict(headers or {}))
        self.kind = kind
        self.headers: Mapping[str, str] = dict(headers or {})
        self.errors = list(errors)
        self.more = more

    def __str__(self) -> str:
        return self.detail

    def response(self, path: str, request_id: str) -> Response:
        """The answer, for a call of `path`."""
        status, title = KINDS[self.kind]
        body = {
            "type": f"urn:taizhang:problem:{self.kind}",
            "title": title,
            "status": status.value,
            "detail": self.detail,
            "instance": path,
            "request_id": request_id,
            "errors": self.errors,
            **self.more,
        }
        return Response(_as_json(body), status.value, headers=self.headers, media_type=MEDIA_TYPE)


def _as_json(body: dict[str, Any]) -> bytes:
    """JSON in UTF-8; what was sent and is no text (half of a surrogate pair) is shown as a question mark."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def invalid(name: str, value: object, rule: str, message: str) -> Problem:
    """The problem of one query or path parameter; `name` is as `query.as_of`."""
    fault = Reason(rule, name, value, message).as_json()
    return Problem("invalid-request", f"{name} {fault['value']!r}: {message}", errors=[fault])


def faults(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Reasons as members of `errors`."""
    return [reason.as_json() for reason in reasons]
