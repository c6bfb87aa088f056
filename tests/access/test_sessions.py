"""A session is the server's: idle, over, ended here or elsewhere, it opens nothing, whatever the browser kept."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from services.access.api_keys import add_key
from services.access.sessions import Sessions
from services.postgres.database import migrate, open_pool
from services.system.errors import NotFoundError
from tests.fix_service import Service, new_database, shell

pytestmark = pytest.mark.long

WHOLE = timedelta(hours=8)
IDLE = timedelta(minutes=30)
# A second is promised; other tests run beside this one.
ENDED_S_MAX = 60.0


@pytest.fixture
def sessions(database: str) -> Iterator[tuple[Sessions, psycopg.Connection]]:
    migrate(database)
    with open_pool(database, "sessions") as pool, psycopg.connect(database, autocommit=True) as connection:
        yield Sessions(pool, IDLE, WHOLE), connection


def test_a_session_ends_idle_or_after_its_hours_or_by_its_holder(sessions: tuple[Sessions, psycopg.Connection]) -> None:
    kept, connection = sessions
    tokens = [kept.begin("user:a", "provider") for _ in range(4)]
    idle, whole, ended, stays = (kept.open(each) for each in tokens)
    assert idle
    assert whole
    assert ended
    assert stays
    change = "UPDATE taizhang.session SET {} = {} - %s::interval WHERE session = %s"
    for column, by, session in (("seen_at", IDLE, idle), ("until", WHOLE, whole)):
        connection.execute(change.format(column, column).encode(), (by, session.session))
    kept.end("user:a", ended.session)
    assert [kept.open(each) is not None for each in tokens] == [False, False, False, True]
    assert kept.of_holder("user:a") == [stays]
    assert kept.end_all("user:a", but=stays.session) == 0
    assert kept.sign_out(tokens[3]) == "provider"
    assert kept.sign_out(tokens[3]) is None


def test_a_request_keeps_a_session_from_being_idle_and_an_open_stream_does_not(
    sessions: tuple[Sessions, psycopg.Connection],
) -> None:
    kept, connection = sessions
    token = kept.begin("user:a", "provider")
    connection.execute("UPDATE taizhang.session SET seen_at = seen_at - interval '5 minutes'")
    before = kept.open(token, is_request=False)
    assert kept.open(token, is_request=False) == before
    kept.open(token)
    after = kept.open(token)
    assert before
    assert after
    assert after.seen_at > before.seen_at


def test_the_table_opens_nothing_and_nobody_ends_another_s(sessions: tuple[Sessions, psycopg.Connection]) -> None:
    kept, connection = sessions
    token = kept.begin("user:a", "provider")
    rows = connection.execute("SELECT s::text FROM taizhang.session s").fetchall()
    assert token not in str(rows)
    (session,) = kept.of_holder("user:a")
    with pytest.raises(NotFoundError, match="no session"):
        kept.end("user:b", session.session)
    assert kept.open(token)
    assert kept.open(session.session) is None


@pytest.fixture(scope="module")
def alone(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    """A service without a provider, and what its administrator sends."""
    folder: Path = tmp_path_factory.mktemp("alone")
    with Service(folder, database_url=new_database(postgres), access_contact="信息科 8123") as service:
        key = add_key(folder / "data" / "api-keys.json", "admin", frozenset({"administrator"}), None)
        yield service, {"authorization": f"Bearer {key}"}


def _browser(service: Service) -> httpx.Client:
    return httpx.Client(base_url=service.url, trust_env=False, timeout=30, headers={"accept": "text/html"})


def test_a_link_signs_somebody_in_once(alone: tuple[Service, dict[str, str]]) -> None:
    service, admin = alone
    key = admin["authorization"].removeprefix("Bearer ")
    made = shell("sign-in-link", "--role", "inspector", "--region", "990101", url=service.url, api_key=key)
    assert made.returncode == 0, made.stderr
    path = made.stdout.strip().removeprefix(service.url)
    with closing(_browser(service)) as browser, closing(_browser(service)) as late:
        for _ in range(3):  # whatever looks at a link before its reader does uses nothing up
            assert browser.get(path).status_code == 200
        assert browser.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert browser.post(path).headers["location"] == "/"
        told = browser.get("/v1/session").json()
        assert told["roles"] == ["inspector"]
        assert told["regions"] == ["990101"]
        assert late.post(path).status_code == 401
        assert late.get("/v1/session", headers={"accept": "application/json"}).status_code == 401
        granted = service.http.get("/v1/access", headers=admin).json()["grants"]
        (grant,) = [each for each in granted if each["holder"] == told["holder"]]
        assert grant["until"] is not None
        revoked = service.http.post(f"/v1/access/{grant['access']}/revoke", json={"reason": "x"}, headers=admin)
        assert revoked.is_success
        page = browser.get("/me")
        assert page.status_code == 200
        assert "data-no-role" in page.text
        assert told["holder"] in page.text
        assert "信息科 8123" in page.text
        assert told["holder"] in browser.get("/v1/rates").json()["detail"]


def test_one_s_own_sessions_are_listed_and_ended_one_or_all(alone: tuple[Service, dict[str, str]]) -> None:
    service, admin = alone
    body = {"roles": ["inspector"]}
    path = service.http.post("/v1/access/links", json=body, headers=admin).json()["path"]
    with closing(_browser(service)) as here:
        here.post(path)
        cookie = here.cookies["taizhang"]
        (own,) = here.get("/v1/sessions").json()["sessions"]
        assert own["this"]
        assert own["way"] == "link"
        assert here.get("/v1/sessions?format=csv").is_success
        assert here.post("/v1/sessions/end").json() == {"ended": 0}
        assert here.post(f"/v1/sessions/{own['session']}end").status_code == 404
        page = here.get("/ledger")
        assert here.get("/me?lang=en").status_code == 200
        out = here.post("/sign-out")
        assert out.headers["location"] == "/signed-out"
        assert "cache" in out.headers["clear-site-data"]
        told = here.get("/signed-out?lang=zh")
        assert "您已退出" in told.text
        assert told.headers["cache-control"] == page.headers["cache-control"] == "no-store"
    kept = {"taizhang": cookie}  # whoever kept the cookie has nothing
    assert httpx.get(f"{service.url}/v1/session", cookies=kept, trust_env=False).status_code == 401


def test_an_open_stream_ends_with_its_session(alone: tuple[Service, dict[str, str]]) -> None:
    service, admin = alone
    path = service.http.post("/v1/access/links", json={"roles": ["inspector"]}, headers=admin).json()["path"]
    with closing(_browser(service)) as here:
        here.post(path)
        with here.stream("GET", "/v1/ledger/stream") as told:
            assert told.status_code == 200
            lines = told.iter_lines()
            next(lines)
            assert here.post("/sign-out").headers["location"] == "/signed-out"
            deadline = time.monotonic() + ENDED_S_MAX
            for _ in lines:  # what keeps it alive comes more often
                assert time.monotonic() < deadline


def test_who_holds_a_key_has_no_session(alone: tuple[Service, dict[str, str]]) -> None:
    service, admin = alone
    assert service.http.get("/v1/sessions", headers=admin).json() == {"sessions": []}
    assert service.http.get("/me", headers=admin | {"accept": "text/html"}).status_code == 200
