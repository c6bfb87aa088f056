"""The commands' own client of the HTTP API."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from services.system.errors import TaizhangError
from services.system.settings import Settings, variable

TRIES_MAX: Final = 8
BACK_OFF_S_MIN: Final = 0.5
BACK_OFF_S_MAX: Final = 10.0
TIMEOUT_S: Final = 120.0
_TRY_AGAIN: Final = frozenset((429, 502, 503, 504))

Parameters = Mapping[str, str | int | bool | list[str] | None]


class ServiceError(TaizhangError):
    """The service refused a request, or could not be reached."""


class Client:
    """Calls a running service. What it is too busy for, or not yet up for, is tried again; no repeat does harm."""

    def __init__(self, settings: Settings, *, url: str | None = None, history: str | None = None) -> None:
        """`history` names the import that the events posted are of."""
        headers = {"accept": "application/json"}
        if settings.api_key is not None:
            headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        self._posting = {} if history is None else {"taizhang-import": quote(history)}
        self.url = url or settings.url
        # trust_env: a proxy of the machine's is not meant for the ledger.
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, parameters: Parameters | None = None) -> dict[str, Any]:
        """The JSON object at `path`; parameters that are None are left out.

        Raises:
            ServiceError: with what the problem details say.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        return self._checked(self._send("GET", path, params=given))

    def post(self, path: str, value: Any = None, parameters: Parameters | None = None) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """Post a JSON value and give the answer; parameters and errors as of `get`."""
        given = {name: each for name, each in (parameters or {}).items() if each is not None}
        return self._checked(self._send("POST", path, json=value, params=given))

    def post_bytes(self, path: str, body: bytes, parameters: Parameters) -> dict[str, Any]:
        """Post a body of JSON as it is; raises like `get`."""
        headers = {"content-type": "application/json"}
        return self._checked(self._send("POST", path, content=body, params=parameters, headers=headers))

    def stream(self, path: str, parameters: Parameters | None = None) -> Iterator[bytes]:
        """The bytes at `path` as they come in; raises like `get`. A stream that breaks off is not taken up again."""
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given) as response:
                if not response.is_success:
                    response.read()
                    self._checked(response)
                yield from response.iter_bytes(1 << 20)
        except httpx.TransportError as error:
            raise ServiceError(f"{self.url} broke off ({error}); run the command again") from error

    def post_events(self, body: bytes, content_type: str) -> tuple[int, dict[str, Any]]:
        """Post a body exactly as it is; give status and answer, where it is 200 or 400.

        Raises:
            ServiceError: any other answer.
        """
        response = self._send(
            "POST", "/v1/events", content=body, headers=self._posting | {"content-type": content_type}
        )
        if response.status_code == httpx.codes.BAD_REQUEST:
            problem: dict[str, Any] = response.json()
            return response.status_code, problem
        return response.status_code, self._checked(response)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        pause = BACK_OFF_S_MIN
        for attempt in range(1, TRIES_MAX + 1):
            try:
                response = self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                if attempt == TRIES_MAX or isinstance(error, httpx.UnsupportedProtocol):
                    raise ServiceError(
                        f"{self.url} does not answer ({error}): start it with `taizhang serve`, or name it in "
                        f"{variable('url')}"
                    ) from error
            else:
                if response.status_code not in _TRY_AGAIN or attempt == TRIES_MAX:
                    return response
            time.sleep(pause)
            pause = min(pause * 2, BACK_OFF_S_MAX)
        raise AssertionError("unreachable")

    def _checked(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_success:
            answer: dict[str, Any] = response.json()
            return answer
        raise ServiceError(_problem_text(response))


def _problem_text(response: httpx.Response) -> str:
    try:
        problem = response.json()
        lines = [f"{problem['status']} {problem['title']}: {problem.get('detail', '')}"]
        lines += [f"  {each['at']} {each['value']!r}: {each['message']}" for each in problem.get("errors", ())]
    except (ValueError, KeyError, TypeError):
        return f"{response.url} answered {response.status_code}; is this a Taizhang service?"
    return "\n".join(lines)
