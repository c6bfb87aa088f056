"""Notices from a ledger that is served: what is told to whom, what no notice holds, who sees the outbox; restore."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.access.api_keys import add_key
from services.backup.backup import backup
from services.ledger.queries import Queries
from services.notices import outbox
from services.notices.channels import channels
from services.notices.occasions import Occasion, occasions
from services.notices.worker import Worker, utc_now
from services.postgres.database import migrate, migrations
from services.system.settings import Settings
from tests.fix_service import Service, shell
from tests.fix_store import Databases
from tests.notifying import SECRET, Receiver, channels_file, secret, until
from tests.sending import envelope

pytestmark = pytest.mark.long
NOTICES_SINCE = 67
AS_OF = date(2024, 7, 1)
PASSPHRASE = "correct horse battery"  # noqa: S105 - of this test
COUNTY, CITY, NOBODY = "office:county", "office:city", None
#: What the events say and no notice may.
WORDS = ("站点", "尽快", "请重报", "member:", "张三")


def facts() -> list[dict[str, Any]]:
    """A measure overdue and one due, and four orders: issued, answered, sent back, risen."""
    told: list[tuple[str, dict[str, Any]]] = [
        ("measure.deadlines_adopted", {"effective_on": "2024-01-01", "establish_days": 90}),
        ("measure.assigned", {"effective_on": "2024-01-01", "office": COUNTY, "region": "9901"}),
    ]
    for number, day in enumerate(("2024-04-01", "2024-04-16")):
        group = f"group:n-{number}"
        told += [
            ("organization.registered",
             {"effective_on": day, "org": group, "kind": "new_employment_group", "category": "courier",
              "name": f"站点{number}", "region": "9901"}),
            *(("member.enrolled", {"effective_on": day, "member": f"member:n-{number}-{n}", "standing": "full",
                                   "org": group}) for n in range(3)),
        ]  # fmt: skip
    order = {
        "effective_on": "2024-06-01", "office": COUNTY, "region": "9901", "by": CITY, "by_region": None,
        "ground": "measures_overdue", "asks": "尽快建立党组织", "due_on": "2024-07-31",
    }  # fmt: skip
    told += [("order.issued", {**order, "order": f"order:{n}"}) for n in ("issued", "answered", "back")]
    told.append(
        ("order.issued", {**order, "order": "order:risen", "due_on": "2024-06-10", "rises_to": [CITY], "rise_days": 90})
    )
    for name in ("answered", "back"):
        about = {"order": f"order:{name}", "region": "9901"}
        told.append(("order.answered", {"effective_on": "2024-06-03", **about, "says": "done", "remark": "张三已办"}))
        if name == "back":
            more = {"lacks": "incomplete", "due_on": "2024-07-20", "remark": "请重报"}
            told.append(("order.sent_back", {"effective_on": "2024-06-05", **about, **more}))
    return [envelope(f"n-{n}", name, data, "/office/test") for n, (name, data) in enumerate(told)]


EXPECTED = {
    ("measure.overdue", COUNTY, "group:n-0"), ("measure.due", COUNTY, "group:n-1"),
    *(("order.issued", COUNTY, f"order:{name}") for name in ("issued", "answered", "back", "risen")),
    ("order.answered", CITY, "order:answered"), ("order.sent_back", COUNTY, "order:back"),
    ("order.overdue", COUNTY, "order:risen"), ("order.risen", CITY, "order:risen"),
}  # fmt: skip


@pytest.fixture
def told(database: str, tmp_path: Path) -> Iterator[tuple[Service, int]]:
    with Service(tmp_path, database_url=database) as service:
        for name, roles, places in (
            ("steward", {"steward", "publisher"}, None), ("operator", {"operator"}, None),
            ("county", {"steward"}, ("9901",)),
        ):  # fmt: skip
            key = add_key(tmp_path / "data" / "api-keys.json", name, frozenset(roles), None, places)
            (tmp_path / name).write_text(key)
        service.http.headers["authorization"] = f"Bearer {(tmp_path / 'steward').read_text()}"
        results = service.publish(facts())
        assert {each["disposition"] for each in results} == {"accepted"}, results
        service.get("/v1/rates", min_position=results[-1]["position"])
        yield service, results[-1]["position"]


def looked(database: str, as_of: date, position: int) -> list[Occasion]:
    with Queries.open(database, cubes=False) as queries:
        until(lambda: queries.view.loaded.is_set() and queries.position >= position, 60, "the ledger is read")
        return occasions(queries.pinned(), as_of, position)


def test_offices_are_told_what_concerns_them_and_no_name_or_text(
    told: tuple[Service, int], database: str, tmp_path: Path
) -> None:
    service, position = told
    found = looked(database, AS_OF, position)
    assert {(each.name, each.office, each.subject) for each in found} == EXPECTED
    assert [each.on for each in found] == sorted(each.on for each in found)

    receiver = Receiver()
    receiver.open()
    hook = {"kind": "webhook", "url": receiver.url, "secret_file": secret(tmp_path, "hook", SECRET)}
    file = channels_file(tmp_path, {"name": "all", **hook}, {"name": "city", "offices": [CITY], **hook})
    settings = Settings(database_url=database, notices_file=file)
    with Queries.open(database, cubes=False) as queries, psycopg.connect(database, autocommit=True) as connection:
        worker = Worker(settings, queries, channels(settings), AS_OF, utc_now)
        senders = [threading.Thread(target=worker._sending, args=(each,)) for each in worker._channels]
        until(lambda: queries.view.loaded.is_set() and queries.position >= position, 60, "the ledger is read")
        worker._collected(connection, ())
        held = service.get("/v1/notices", state="held")["notices"]
        assert len(held) == len(EXPECTED) + 2, "each channel has its own"
        assert shell("notices", "release", "all", database_url=database).stdout.startswith("all: 10 ")
        assert shell("notices", "drop", "city", database_url=database).stdout.startswith("city: 2 ")
        assert "there are: all, city" in shell("notices", "drop", "other", database_url=database).stderr
        for each in senders:
            each.start()
        until(lambda: len(receiver.times) == len(EXPECTED), 60, "all came")
        until(lambda: outbox.standings(connection)[0].waiting == 0, 60, "all are noted")
        worker._stopping.set()
        for each in senders:
            each.join()
    receiver.close()
    assert receiver.forged == 0
    came = {(b["type"].removeprefix("taizhang.notice."), b["data"]["office"], b["data"]["subject"])
            for b in receiver.bodies.values()}  # fmt: skip
    assert came == EXPECTED
    said = json.dumps(list(receiver.bodies.values()), ensure_ascii=False)
    assert [word for word in WORDS if word in said] == []

    shown = service.get("/v1/notices", channel="all", limit=4)
    assert [each["no"] for each in shown["notices"]] == sorted((e["no"] for e in shown["notices"]), reverse=True)
    rest = service.get("/v1/notices", channel="all", cursor=shown["next"])["notices"]
    assert len(shown["notices"]) + len(rest) == len(EXPECTED)
    assert [(each["name"], each["sent"], each["waiting"]) for each in shown["channels"]] == [
        ("all", 10, 0),
        ("city", 0, 0),
    ]
    for lang, word in (("zh", "督办单被退回"), ("en", "Order sent back")):
        page = service.http.get("/intake/notices", params={"lang": lang})
        assert page.status_code == 200
        assert word in page.text
    csv = service.http.get("/v1/notices", params={"format": "csv"})
    assert csv.status_code == 200
    assert csv.headers["content-type"].startswith("application/zip")
    assert 'taizhang_notices_sent_total{channel="all"} 10.0' in service.http.get("/metrics").text
    for who in ("operator", "county"):
        with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as other:
            answer = other.get("/v1/notices", headers={"authorization": f"Bearer {(tmp_path / who).read_text()}"})
        assert answer.status_code == 403, who
    _restored(database, service, tmp_path)


def _restored(database: str, service: Service, folder: Path) -> None:
    """What waited at a backup, and what came since, may have been sent: nobody is told anew by itself."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE taizhang.notice SET state = 'waiting', sent_at = NULL WHERE occasion LIKE 'measure%%'"
        )
    done = shell(
        "backup", str(folder / "backup"), database_url=database, data=str(folder / "data"),
        backup_passphrase=PASSPHRASE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert service.stop() == 0
    done = shell("restore", str(folder / "backup"), data=str(folder / "restored"), backup_passphrase=PASSPHRASE)
    assert done.returncode == 0, done.stderr + done.stdout
    with Service(folder, "--dev", data=str(folder / "restored")) as again:
        shown = again.get("/v1/notices")
        assert {each["began_at"] for each in shown["channels"]} == {None}
        held = sorted(each["occasion"] for each in shown["notices"] if each["state"] == "held")
        assert held == ["measure.due", "measure.overdue"]
        assert {each["state"] for each in shown["notices"]} == {"held", "sent", "dropped"}


def test_a_source_whose_messages_are_set_aside_is_told_of_once_a_day(told: tuple[Service, int], database: str) -> None:
    service, position = told
    (result,) = service.publish(
        [envelope("bad", "member.removed", {"effective_on": "2024-13-01"}, "/registry/member:zhang")]
    )
    assert result["disposition"] == "quarantined"
    today = utc_now().date()
    for as_of in (today, date.fromordinal(today.toordinal() + 1)):
        found = [each for each in looked(database, as_of, position) if each.name == "quarantine.received"]
        assert [(each.office, "zhang" in each.subject) for each in found] == [(NOBODY, False)]


def test_a_backup_from_before_there_were_notices_is_restored(databases: Databases, tmp_path: Path) -> None:
    with databases.empty() as old, databases.empty() as new:
        before = next(each.version for each in reversed(migrations()) if each.version < NOTICES_SINCE)
        migrate(old, to=before)
        settings = Settings(database_url=old, data=tmp_path / "old")
        backup(settings, tmp_path / "backup", None, lambda _: None, with_keys=False)
        done = shell(
            "restore", str(tmp_path / "backup"), "--without-keys", database_url=new, data=str(tmp_path / "new")
        )
        assert done.returncode == 0, done.stderr + done.stdout
        with psycopg.connect(new) as connection:
            assert outbox.standings(connection) == []
