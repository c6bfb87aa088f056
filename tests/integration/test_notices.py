"""Notices on their way: order, pauses, limits, signatures and formats, against receivers that check them."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import Connection
from standardwebhooks import Webhook as Foreign

from services.notices import outbox
from services.notices.channels import Channel, ChannelsError, channels
from services.notices.delivery import Delivery
from services.notices.occasions import NAMES, Occasion
from services.notices.sender import Sender
from services.notices.words import line
from services.system.settings import Settings
from tests.fix_service import free_port
from tests.notifying import SECRET, channels_file, secret

START = datetime(2025, 1, 6, 1, tzinfo=UTC)
OFFICES = ("office:a", "office:b", "office:c")


def told(n: int, office: str | None = "office:a", name: str = "order.issued") -> Occasion:
    return Occasion(f"id-{n}", name, office, f"order:{n}", "990101", date(2025, 1, 6), date(2025, 1, 20))


class Office:
    """A receiver that answers as it is told, and keeps what it got; `answers` gives status and body by request."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.body: dict[str, Any] | None = None
        self.more: dict[str, str] = {}
        self.refuse_office: str | None = None
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["content-length"]))
                status = office.status
                if office.refuse_office is not None and office.refuse_office.encode() in sent:
                    status = 400
                office.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, sent))
                answer = b"" if office.body is None else json.dumps(office.body).encode()
                self.send_response(status)
                for name, value in {**office.more, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.close()


@pytest.fixture
def connection(store: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(store, autocommit=True) as opened:
        yield opened


class Way:
    """One channel with its outbox, begun on an empty ledger, and a clock that is set by hand."""

    def __init__(self, connection: Connection[Any], folder: Path, **channel: Any) -> None:  # noqa: ANN401 - its fields
        self.connection, self.now = connection, START
        (self.channel,) = read(folder, {"name": "way", **channel})
        self.begin_anew()
        self.find([])

    def begin_anew(self) -> None:
        """Another process takes the channel over."""
        delivery = Delivery(self.channel, "https://ledger.example", lambda: self.now)
        self.sender = Sender(self.channel, delivery, lambda: self.now, threading.Event())

    def find(self, found: list[Occasion]) -> tuple[int, bool]:
        return outbox.collect(self.connection, "way", found, 7, self.now)

    def turns(self, seconds: float, step_s: float = 1.0) -> int:
        """Its turns over so long a time by its clock; how many notices were taken."""
        taken, until = 0, self.now + timedelta(seconds=seconds)
        while self.now < until:
            taken += self.sender.turn(self.connection)
            self.now += timedelta(seconds=step_s)
        return taken

    def rows(self) -> list[outbox.Notice]:
        return outbox.page(self.connection, None, None, None, None, 10_000)[::-1]


def read(folder: Path, *given: dict[str, Any]) -> list[Channel]:
    return channels(Settings(notices_file=channels_file(folder, *given)))


def hook(folder: Path, url: str) -> dict[str, Any]:
    return {"kind": "webhook", "url": url, "secret_file": secret(folder, "hook", SECRET)}


def test_an_hour_away_costs_some_twenty_attempts(connection: Connection[Any], tmp_path: Path) -> None:
    way = Way(connection, tmp_path, **hook(tmp_path, f"http://127.0.0.1:{free_port()}/"))
    way.find([told(n) for n in range(3)])
    assert way.turns(3_600, step_s=5) == 0
    first, *rest = way.rows()
    assert (first.fault, first.begun_at) == ("refused", None)
    assert 10 <= first.tries <= 25
    assert [each.tries for each in rest] == [0, 0]
    (standing,) = outbox.standings(connection)
    assert (standing.waiting, standing.fault, standing.waiting_since) == (3, "refused", START)


def test_each_once_under_its_id_and_signed_as_a_foreign_checker_has_it(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **hook(tmp_path, office.url))
    way.now = datetime.now(UTC)
    way.find([told(n, OFFICES[n % 3]) for n in range(9)])
    way.find([told(n, OFFICES[n % 3]) for n in range(9)])
    assert way.turns(1) == 9
    assert way.turns(1) == 0
    bodies = [Foreign(SECRET).verify(body, headers) for _, headers, body in office.got]
    assert sorted(headers["webhook-id"] for _, headers, _ in office.got) == sorted(each.id for each in way.rows())
    for each in OFFICES:
        mine = [body["data"]["subject"] for body in bodies if body["data"]["office"] == each]
        assert mine == sorted(mine)
    assert bodies[0]["type"] == "taizhang.notice.order.issued"
    assert bodies[0]["data"]["link"] == "https://ledger.example/daily/orders?office=office%3Aa"


def test_an_office_whose_notice_is_refused_keeps_no_other_waiting(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **hook(tmp_path, office.url))
    office.refuse_office = "office:b"
    way.find([told(n, OFFICES[n % 3]) for n in range(9)])
    assert way.turns(30) == 6
    left = [each for each in way.rows() if each.state == "waiting"]
    assert {each.office for each in left} == {"office:b"}
    assert [(each.fault, each.fault_detail) for each in left] == [("status", "400"), (None, None), (None, None)]
    assert outbox.standings(connection)[0].fault == "status"
    assert outbox.drop(connection, "way", left[0].id) == 1
    office.refuse_office = None
    assert way.turns(60) == 2
    assert [each.state for each in way.rows() if each.office == "office:b"] == ["dropped", "sent", "sent"]


def test_a_redirect_is_not_followed_and_a_receiver_says_when_to_ask_again(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **hook(tmp_path, office.url))
    office.status, office.more = 307, {"location": f"{office.url}/elsewhere"}
    way.find([told(1)])
    assert way.turns(1) == 0
    assert [path for path, *_ in office.got] == ["/"]
    office.status, office.more = 429, {"retry-after": "120"}
    way.turns(60)
    tried = len(office.got)
    office.status = 204
    assert way.turns(60) == 0
    assert len(office.got) == tried, "asked before its time"
    assert way.turns(120) == 1


def robot(folder: Path, kind: str, url: str) -> dict[str, Any]:
    given = {"kind": kind, "url_file": secret(folder, "url", f"{url}/robot/send?access_token=abc")}
    return given | ({"secret_file": secret(folder, "sec", "SECabc")} if kind == "dingtalk" else {})


@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_a_robot_gets_no_more_than_twenty_in_a_minute_whoever_sends(
    connection: Connection[Any], tmp_path: Path, office: Office, kind: str
) -> None:
    way = Way(connection, tmp_path, **robot(tmp_path, kind, office.url))
    office.status, office.body = 200, {"errcode": 0, "errmsg": "ok"}
    many = [f"office:{n:03}" for n in range(50)]
    way.find([told(n, many[n % 50]) for n in range(150)])
    way.turns(10)
    assert len(office.got) == 20
    way.begin_anew()
    way.turns(49)
    assert len(office.got) == 20, "a new process forgot what was sent before it"
    way.turns(200)
    assert {each.state for each in way.rows()} == {"sent"}
    texts = [json.loads(body)["text"]["content"] for *_, body in office.got]
    assert len(texts) == 50, "an office's notices go in one message"
    assert "1. 督办单 order:0 已下达" in texts[0]
    for path, _, body in office.got:
        assert len(json.loads(body)["text"]["content"].encode()) <= 2_048
        if kind == "dingtalk":
            asked = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
            signed = hmac.new(b"SECabc", f"{asked['timestamp']}\nSECabc".encode(), hashlib.sha256).digest()
            assert asked["sign"] == base64.b64encode(signed).decode()
            assert asked["access_token"] == "abc"  # noqa: S105 - as in the robot's address


def test_a_robot_that_has_had_too_much_is_left_alone_for_ten_minutes(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **robot(tmp_path, "dingtalk", office.url))
    office.status, office.body = 200, {"errcode": 130101, "errmsg": "send too fast"}
    way.find([told(1)])
    way.turns(590)
    assert len(office.got) == 1
    assert (way.rows()[0].fault, way.rows()[0].fault_detail) == ("robot", "130101")
    office.body = {"errcode": 0}
    assert way.turns(30) == 1


def test_many_of_one_office_go_in_messages_that_a_robot_takes(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **robot(tmp_path, "wecom", office.url))
    office.status, office.body = 200, {"errcode": 0}
    way.find([told(n)._replace(subject=f"order:{'x' * 120}-{n}") for n in range(40)])
    assert way.turns(120) == 40
    texts = [json.loads(body)["text"]["content"] for *_, body in office.got]
    assert all(len(each.encode()) <= 2_048 for each in texts)
    assert sum(each.count("督办单") for each in texts) == 40


def test_what_had_no_answer_is_sent_again_and_says_that_it_may_be_the_second_time(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **robot(tmp_path, "wecom", office.url))
    office.status, office.body = 200, {"errcode": 0}
    way.find([told(1)])
    # As a process leaves it that was killed in mid-send.
    assert len(outbox.begin(connection, way.rows(), way.now)) == 1
    way.begin_anew()
    assert way.turns(5) == 1
    assert "可能是重发" in json.loads(office.got[0][2])["text"]["content"]


def test_what_was_there_before_a_channel_began_is_held_until_somebody_says(
    connection: Connection[Any], tmp_path: Path, office: Office
) -> None:
    way = Way(connection, tmp_path, **hook(tmp_path, office.url))
    connection.execute("UPDATE taizhang.notice_channel SET began_at = NULL")
    assert way.find([told(1), told(2)]) == (2, True)
    assert way.find([told(1), told(2), told(3)]) == (1, False)
    assert way.turns(5) == 1
    assert [each.state for each in way.rows()] == ["held", "held", "sent"]
    assert outbox.drop(connection, "way", way.rows()[0].id) == 1
    assert outbox.release(connection, "way") == 1
    assert way.turns(5) == 1
    assert [each.state for each in way.rows()] == ["dropped", "sent", "sent"]
    assert way.find([told(1), told(2), told(3)]) == (0, False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_occasion_has_its_sentence(connection: Connection[Any], tmp_path: Path, language: Any) -> None:  # noqa: ANN401 - two texts
    way = Way(connection, tmp_path, **hook(tmp_path, "http://127.0.0.1:9/"))
    way.find([told(n, name=name) for n, name in enumerate(NAMES)])
    lines = [line(each, language) for each in way.rows()]
    assert len(set(lines)) == len(NAMES)
    assert all("{" not in each and "None" not in each for each in lines)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"kind": "webhook", "url": "http://office.example/"}, "https"),
        ({"kind": "webhook", "url": "https://user:word@office.example/"}, "user"),
        ({"kind": "webhook", "url": "file:///etc/passwd"}, "https"),
        ({"kind": "webhook", "url": "https://office.example/", "secret": "x"}, "secret"),
        ({"kind": "telegram"}, "kind"),
        ({"kind": "mail", "host": "h", "port": 25, "sender": "a@b\nBcc: c@d", "to": ["a@b"]}, "sender"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_name(tmp_path: Path, given: dict[str, Any], names: str) -> None:
    more = {"secret_file": secret(tmp_path, "hook", SECRET)} if given["kind"] == "webhook" else {}
    with pytest.raises(ChannelsError, match=names) as caught:
        read(tmp_path, {"name": "way", **given, **more})
    assert SECRET not in str(caught.value)


def test_a_secret_that_others_can_write_or_that_is_none_is_refused(tmp_path: Path) -> None:
    given = {"name": "way", **hook(tmp_path, "https://office.example/")}
    Path(given["secret_file"]).chmod(0o622)
    with pytest.raises(ChannelsError, match="chmod 600"):
        read(tmp_path, given)
    secret(tmp_path, "hook", "whsec_short")
    with pytest.raises(ChannelsError, match="24 to 64 bytes") as caught:
        read(tmp_path, given)
    assert "whsec_short" not in str(caught.value)
