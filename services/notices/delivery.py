"""One message on its way: a signed webhook, a group robot of 企业微信 or 钉钉, an e-mail; taken, or why not.

Formats: Standard Webhooks (standardwebhooks.com, `v1`), 企业微信 群机器人, 钉钉 自定义机器人 with 加签, RFC 5322.
"""

import base64
import contextlib
import hashlib
import hmac
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote_plus

import httpx
import orjson

from services.notices.channels import Channel, DingTalk, Mail, Webhook, WeCom
from services.notices.outbox import Fault, Notice
from services.notices.words import heading, payload, text

TIMEOUT_S: Final = 10.0
ANSWER_S_MAX: Final = 20.0
ANSWER_BYTES_MAX: Final = 65_536
# What is told of an answer that came to nothing ends there.
RETRY_AFTER_S_MAX: Final = 3_600.0
# Of answers that speak of the sender or the whole receiver, and not of one notice.
_OF_THE_WHOLE: Final = frozenset((401, 403, 404, 407, 408, 410, 425, 429, 500, 502, 503, 504))
# 企业微信 and 钉钉 refuse whoever sends too much, the one for a minute, the other for ten.
_TOO_MUCH: Final = {45009: 60.0, 130101: 600.0}
_TEXT_BYTES_MAX: Final = {"wecom": 2_048, "dingtalk": 18_000}


class Limits(NamedTuple):
    """What a channel takes: notices in one message, and messages within so many seconds (None: any number)."""

    at_once: int
    messages: int | None = None
    seconds: float = 0.0


# The robots' own limit is 20 in a minute; five seconds more are for messages that take unlike long on their way.
LIMITS: Final = {"webhook": Limits(1), "wecom": Limits(20, 20, 65), "dingtalk": Limits(50, 20, 65), "mail": Limits(50)}


class NotTakenError(Exception):
    """A message was not taken.

    Attributes:
        fault: why.
        detail: a status or an error's number.
        whole: whether it speaks of the channel, and not of this notice alone.
        arrived_perhaps: whether it was on its way and no answer came.
        retry_after_s: when the receiver wants to be asked again; None where it does not say.
    """

    def __init__(
        self, fault: Fault, detail: object = None, *, whole: bool = True, arrived_perhaps: bool = False,
        retry_after_s: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(fault)
        self.fault = fault
        self.detail = None if detail is None else str(detail)
        self.whole = whole
        self.arrived_perhaps = arrived_perhaps
        self.retry_after_s = retry_after_s


class Delivery:
    """A channel's way out, with its connection kept; `clock` dates what is signed and sent."""

    def __init__(self, channel: Channel, public_url: str | None, clock: Callable[[], datetime]) -> None:
        self._channel, self._public_url, self._clock = channel, public_url, clock
        # No proxy and no netrc of the environment, no redirect: what was named is where it goes.
        self._http = httpx.Client(
            verify=channel.trust(), trust_env=False, follow_redirects=False, timeout=TIMEOUT_S,
            headers={"user-agent": "taizhang", "accept": "application/json"},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def fitting(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """As many of the first as go into one message."""
        limit = _TEXT_BYTES_MAX.get(self._channel.kind)
        fit = notices[: LIMITS[self._channel.kind].at_once]
        while limit is not None and len(fit) > 1 and len(self._text(fit).encode()) > limit:
            fit = fit[:-1]
        return fit

    def send(self, notices: Sequence[Notice]) -> None:
        """Send one message.

        Raises:
            NotTakenError: it was not taken, or nobody can tell.
        """
        channel = self._channel
        match channel:
            case Webhook():
                self._webhook(channel, notices[0])
            case WeCom():
                self._robot(channel.url, notices)
            case DingTalk():
                stamp = str(round(self._clock().timestamp() * 1000))
                signed = hmac.digest(channel.secret.encode(), f"{stamp}\n{channel.secret}".encode(), hashlib.sha256)
                sign = quote_plus(base64.b64encode(signed))
                joint = "&" if "?" in channel.url else "?"
                self._robot(f"{channel.url}{joint}timestamp={stamp}&sign={sign}", notices)
            case Mail():
                self._mail(channel, notices)

    def _text(self, notices: Sequence[Notice]) -> str:
        return text(notices, self._channel.language, self._public_url)

    def _webhook(self, channel: Webhook, notice: Notice) -> None:
        body = payload(notice, self._public_url)
        stamp = str(int(self._clock().timestamp()))
        signed = hmac.digest(channel.secret, b".".join((notice.id.encode(), stamp.encode(), body)), hashlib.sha256)
        headers = {
            "content-type": "application/json", "webhook-id": notice.id, "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }  # fmt: skip
        self._post(channel.url, body, headers)

    def _robot(self, url: str, notices: Sequence[Notice]) -> None:
        body = orjson.dumps({"msgtype": "text", "text": {"content": self._text(notices)}})
        answer = self._post(url, body, {"content-type": "application/json"})
        try:
            code = orjson.loads(answer)["errcode"]
        except (ValueError, KeyError, TypeError):
            raise NotTakenError("robot", "no errcode", arrived_perhaps=True) from None
        if code != 0:
            raise NotTakenError("robot", code, retry_after_s=_TOO_MUCH.get(code))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        with _told_of_http():
            began = time.monotonic()
            with self._http.stream("POST", url, content=body, headers=headers) as answer:
                found = b""
                for piece in answer.iter_raw():
                    found += piece
                    if len(found) > ANSWER_BYTES_MAX or time.monotonic() - began > ANSWER_S_MAX:
                        break
        status = answer.status_code
        if not answer.is_success:
            wait = answer.headers.get("retry-after", "")
            after_s = min(float(wait), RETRY_AFTER_S_MAX) if wait.isascii() and wait.isdecimal() else None
            raise NotTakenError("status", status, whole=status in _OF_THE_WHOLE, retry_after_s=after_s)
        return found

    def _mail(self, channel: Mail, notices: Sequence[Notice]) -> None:
        message = EmailMessage()
        message["From"], message["To"] = channel.sender, ", ".join(channel.to)
        message["Subject"] = heading(notices, channel.language)
        message["Date"] = format_datetime(self._clock())
        # The same at every attempt: mailboxes that know it keep one.
        message["Message-ID"] = f"<{notices[0].id}@{channel.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._text(notices))
        with _told_of_mail() as way:
            if channel.security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    channel.host, channel.port, timeout=TIMEOUT_S, context=channel.trust()
                )
            else:
                server = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
            with contextlib.ExitStack() as leaving:
                leaving.callback(server.close)
                if channel.security == "starttls":
                    server.starttls(context=channel.trust())
                if channel.user is not None and (password := channel.password) is not None:
                    server.login(channel.user, password)
                way["sent"] = True
                refused = server.send_message(message)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()
        if refused:
            # Some mailboxes took it: to send it again would tell these twice.
            raise NotTakenError("mail", next(iter(refused.values()))[0], arrived_perhaps=True)


@contextlib.contextmanager
def _told_of_http() -> Iterator[None]:
    """What the client raises, as why a message was not taken; never with its address, which may hold a key."""
    try:
        yield
    except httpx.ConnectTimeout:
        raise NotTakenError("silent") from None
    except httpx.ConnectError as error:
        raise NotTakenError("tls" if _is_tls(error) else "refused") from None
    except httpx.HTTPError:
        raise NotTakenError("silent", arrived_perhaps=True) from None


def _is_tls(error: BaseException) -> bool:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return True
        found = found.__cause__ or found.__context__
    return False


@contextlib.contextmanager
def _told_of_mail() -> Iterator[dict[str, Any]]:
    """What the mail's library raises, as why a message was not taken; its own words may hold mailboxes."""
    way: dict[str, Any] = {"sent": False}
    try:
        yield way
    except smtplib.SMTPResponseException as error:
        raise NotTakenError("mail", error.smtp_code) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise NotTakenError("mail", next(iter(error.recipients.values()))[0]) from None
    except smtplib.SMTPServerDisconnected:
        raise NotTakenError("silent", arrived_perhaps=way["sent"]) from None
    except smtplib.SMTPException as error:
        raise NotTakenError("mail", type(error).__name__) from None
    except ssl.SSLError:
        raise NotTakenError("tls") from None
    except TimeoutError:
        raise NotTakenError("silent", arrived_perhaps=way["sent"]) from None
    except (OSError, socket.gaierror):
        raise NotTakenError("refused", arrived_perhaps=way["sent"]) from None
