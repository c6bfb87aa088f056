"""An operator states where the database's clock was wrong, and whatever lies over those positions says so."""

import html
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any, Final
from zipfile import ZipFile

import psycopg
import pytest

from domain.events.facts import Fact
from domain.inspection.wrong_clock import WrongClock, wrong_clocks
from services.commands.console import known_moment
from tests.fix_service import Service, new_database
from tests.sending import envelope, removed

OFFICE: Final = "/office/operations"
RIGHT, WRONG, STUCK, STATED = range(1, 4), range(4, 7), 7, 8
TYPE: Final = "taizhang.clock.found_wrong.v1"


def statement(id_: str, first: int, last: int) -> dict[str, Any]:
    data = {"effective_on": "2024-05-01", "first": first, "last": last, "was": "ahead", "reason": "NTP 停了一天"}
    return envelope(id_, "clock.found_wrong", data, OFFICE)


def retraction(id_: str, target: str) -> dict[str, Any]:
    data = {"retracts": {"source": OFFICE, "id": target}, "reason": "positions mistaken"}
    return envelope(id_, "event.retracted", data, OFFICE)


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The clock was a year ahead while three events came, and a fourth came after it had been put back."""
    database = new_database(postgres)
    with Service(tmp_path_factory.mktemp("clock"), "--dev", database_url=database) as running:
        for number in (*RIGHT, *WRONG):
            running.publish(removed(f"e{number}"))
        with psycopg.connect(database) as connection:
            connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER append_only")
            connection.execute(
                "UPDATE taizhang.log SET recorded_at = recorded_at + interval '365 days' WHERE notification_id > 3"
            )
            connection.execute("ALTER TABLE taizhang.log ENABLE ALWAYS TRIGGER append_only")
        assert running.publish(removed("e7"))[0]["position"] == STUCK
        assert not running.get("/health/ready")["parts"]["clock"]["ready"]
        assert "clock_wrong" not in known(running, known_at="5")
        assert running.publish(statement("s1", WRONG[0], WRONG[-1]))[0]["position"] == STATED
        running.get("/v1/rates", min_position=STATED)
        yield running


SAID: Final = [{"first": WRONG[0], "last": WRONG[-1], "was": "ahead", "position": STATED}]


def known(service: Service, path: str = "/v1/rates", **parameters: str | int) -> dict[str, Any]:
    found: dict[str, Any] = service.get(path, **parameters)["known_at"]
    return found


@pytest.mark.parametrize("position", [*WRONG, STUCK, STATED])
def test_an_answer_as_known_at_such_a_position_says_so(told: Service, position: int) -> None:
    assert known(told, known_at=str(position))["clock_wrong"] == SAID
    assert told.get(f"/v1/events/{position}")["clock_wrong"] == SAID


@pytest.mark.parametrize("position", [0, *RIGHT])
def test_one_before_them_does_not(told: Service, position: int) -> None:
    assert "clock_wrong" not in known(told, known_at=str(position))
    assert position == 0 or told.get(f"/v1/events/{position}")["clock_wrong"] == []


def test_an_instant_that_leads_to_right_before_them_is_as_doubtful(told: Service) -> None:
    """What came while the clock was ahead is not there at the instant at which it came."""
    instants = [told.get(f"/v1/events/{position}")["recorded_at"] for position in RIGHT]
    found = [known(told, known_at=instant) for instant in instants]
    assert [each["position"] for each in found] == [*RIGHT]
    assert [each.get("clock_wrong") for each in found] == [None, None, SAID]


def test_an_answer_over_a_range_with_one_of_them_says_so(told: Service) -> None:
    for since, until, said in ((1, 3, None), (3, 4, SAID), (2, STATED, SAID), (5, 6, SAID), (3, 3, None)):
        found = known(told, "/v1/changes", since=str(since), known_at=str(until))
        assert found.get("clock_wrong") == said, (since, until)
    assert known(told, "/v1/audit", known_at="3").get("clock_wrong") is None
    assert known(told, "/v1/audit", position_from=2, known_at="4")["clock_wrong"] == SAID
    sides = told.get("/v1/rates/compare", known_at="2", other_known_at="5")
    assert "clock_wrong" not in sides["this"]["known_at"]
    assert sides["other"]["known_at"]["clock_wrong"] == SAID


def test_pages_documents_and_the_shell_say_so_in_words(told: Service) -> None:
    words = {
        "zh": "日志位置 4 至 6 入账期间，数据库时钟偏快",
        "en": "From position 4 to 6 the database's clock was ahead",
    }
    for lang, sentence in words.items():
        given = {"known_at": "5", "lang": lang}
        for path, more in (("/", {}), ("/inspection", {"since": "1"}), ("/inspection/events", {}), ("/events/5", {})):
            page = html.unescape(told.http.get(path, params=given | more, headers={"accept": "text/html"}).text)
            assert sentence in page, (path, lang, page)
            assert 'href="/events/8' in page, path
        assert sentence not in told.http.get("/", params=given | {"known_at": "3"}).text
        assert sentence in told.http.get("/v1/rates/export", params=given | {"format": "json"}).text
        with ZipFile(BytesIO(told.http.get("/v1/organizations", params=given | {"format": "xlsx"}).content)) as book:
            assert any(sentence in book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "the clock was ahead from 4 to 6, see 8" in known_moment(known(told, known_at="5"))


def test_readiness_is_blind_no_longer_and_a_statement_is_taken_back_like_any_fact(told: Service) -> None:
    clock = told.get("/health/ready")["parts"]["clock"]
    assert clock["ready"]
    assert "was ahead from position 4 on, as position 8 states" in clock["detail"]
    told.publish(statement("s2", 1, 2))
    position = told.publish(retraction("r2", "s2"))[0]["position"]
    assert "clock_wrong" not in known(told, known_at="2", min_position=position)
    assert known(told, known_at="5")["clock_wrong"] == SAID


def test_positions_out_of_order_are_set_aside_with_the_rule(told: Service) -> None:
    (found,) = told.publish(statement("s3", 5, 4))
    assert found["disposition"] == "quarantined"
    assert [each["rule"] for each in found["reasons"]] == ["positions_in_order"]


def test_a_statement_speaks_of_no_position_from_its_own_on() -> None:
    def fact(position: int, first: int, last: int) -> Fact:
        data = {"first": first, "last": last, "was": "behind"}
        return Fact(date(2024, 5, 1), 0, 1, OFFICE, f"s{position}", TYPE, data, position, (position,))

    told = [fact(9, 5, 100), fact(10, 10, 10), fact(11, 2, 3), fact(12, 5, 6)]
    assert wrong_clocks(told) == [
        WrongClock(2, 3, "behind", 11), WrongClock(5, 6, "behind", 12), WrongClock(5, 8, "behind", 9)
    ]  # fmt: skip
