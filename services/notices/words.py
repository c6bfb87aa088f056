"""A notice in words, for people, and as data, for programs: identifiers and days, nothing that a person wrote."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from services.notices.channels import Language
from services.notices.outbox import Notice

TYPE_PREFIX: Final = "taizhang.notice."
_LANGUAGES: Final[tuple[Language, Language]] = ("zh", "en")
_LINES: Final[dict[str, tuple[str, str]]] = {
    "measure.due": ("{subject}：一项施策将于 {due_on} 到期", "{subject}: a measure is due on {due_on}"),
    "measure.overdue": ("{subject}：一项施策已逾期，应于 {due_on} 前完成", "{subject}: a measure was due on {due_on}"),
    "order.issued": (
        "督办单 {subject} 已下达，请于 {due_on} 前答复",
        "Order {subject}: issued, to be answered by {due_on}",
    ),
    "order.answered": ("督办单 {subject} 已答复，请办结或退回", "Order {subject}: answered; close it or send it back"),
    "order.sent_back": (
        "督办单 {subject} 被退回，{due_on} 前再答复",
        "Order {subject}: sent back, to be answered by {due_on}",
    ),
    "order.overdue": ("督办单 {subject} 逾期未答复，期限 {due_on}", "Order {subject}: not answered by {due_on}"),
    "order.risen": ("督办单 {subject} 逾期未答复，已转至本单位", "Order {subject}: not answered in time, now with you"),
    "quarantine.received": ("来源 {subject}：{on} 有待核数据", "Source {subject}: messages of {on} were set aside"),
}
_HEADINGS: Final = ("台账通知 {office} {count} 条", "Taizhang: {count} for {office}")
_NOBODY: Final = ("未定责任单位", "no office in particular")
# Robots and mailboxes know no ids: where an attempt had no answer, whoever reads is told that it may be the second.
_PERHAPS: Final = ("（可能是重发）", "(perhaps a second time)")
_PATHS: Final = {"measure": "/daily", "order": "/daily/orders", "quarantine": "/intake/quarantine"}


def heading(notices: Sequence[Notice], language: Language) -> str:
    """What a message of several notices to one office is headed by."""
    n = _LANGUAGES.index(language)
    told = _HEADINGS[n].format(office=notices[0].office or _NOBODY[n], count=len(notices))
    return f"{told} {_PERHAPS[n]}" if any(each.begun_at is not None for each in notices) else told


def line(notice: Notice, language: Language) -> str:
    """One notice as a sentence."""
    words = _LINES[notice.occasion][_LANGUAGES.index(language)]
    return words.format(subject=notice.subject, on=notice.on, due_on=notice.due_on)


def link(notice: Notice, public_url: str | None) -> str | None:
    """Where in the service it is looked at; None where its address is not known."""
    if public_url is None:
        return None
    family = notice.occasion.partition(".")[0]
    asked = {"source": notice.subject} if family == "quarantine" else {"office": notice.office}
    given = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"{public_url}{_PATHS[family]}{'?' if given else ''}{given}"


def payload(notice: Notice, public_url: str | None) -> bytes:
    """One notice as a webhook's body, the same at every attempt: `type`, `timestamp` and `data` (Standard Webhooks)."""
    data: dict[str, Any] = {
        "office": notice.office, "subject": notice.subject, "region": notice.region, "on": notice.on,
        "due_on": notice.due_on, "known_at": notice.known_at, "link": link(notice, public_url),
    }  # fmt: skip
    told = {"type": f"{TYPE_PREFIX}{notice.occasion}", "timestamp": notice.found_at, "data": data}
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)


def text(notices: Sequence[Notice], language: Language, public_url: str | None) -> str:
    """Several notices to one office as a message: a heading, a line of each, where to look."""
    links = {found: None for each in notices if (found := link(each, public_url)) is not None}
    lines = [heading(notices, language), *(f"{n}. {line(each, language)}" for n, each in enumerate(notices, 1))]
    return "\n".join([*lines, *links])
