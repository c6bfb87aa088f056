"""Lists on a real service: decided in the writer's turn, in any order, put right, and beside other registries."""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from services.intake.in_turn import CameSinceError
from services.intake.intake import Intake
from services.lists import turns
from services.log.messages import Message
from tests.fix_service import Service, shell
from tests.fix_turn import Delays, Trials
from tests.full_lists import CODES, REGISTERED, SOURCE, Stock, as_csv, own, planned
from tests.full_lists import content as listed_as
from tests.sending import envelope, http
from tests.served_lists import ask, own_stock, post

pytestmark = pytest.mark.long

BRANCH = {
    "effective_on": "2024-01-01", "branch": "branch:b1", "name": "支部", "tier": "branch", "formation": "joint",
    "region": "880107", "covers": [],
}  # fmt: skip
LISTS = Path(__file__).parents[1] / "data" / "lists"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_lists_out_of_order_give_the_ledger_of_the_set(service: Service, source: str, order: tuple[int, ...]) -> None:
    """Case 19, among groups of this source's own."""
    files = sorted((LISTS / "19-lists-out-of-order").iterdir())
    days = ["2023-12-31", "2024-02-29", "2024-01-31"]
    for n in order:
        answer = post(service, source, _of(files[n], source), days[n], publish=True)
        assert answer["hindrance"] is None
    names = [f"group:{source[-12:]}-{n}" for n in range(100)]
    service.get("/v1/rates", min_position=answer["position"])
    rows = [service.get(f"/v1/organizations/{org}", as_of="2024-02-29")["row"]["attributes"] for org in names]
    assert sum(row["employees"] for row in rows) == 8_000


def _of(file: Path, source: str) -> bytes:
    """A case's list as groups of a source's own, by the order of their codes in the case."""
    lines = file.read_text("utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    numbers = {code: n for n, code in enumerate(_codes(file.parent))}
    own = [[f"group:{source[-12:]}-{numbers[row[0]]}", row[1], "快递员", *row[3:]] for row in rows]
    return "\n".join([lines[0], *(",".join(row) for row in own)]).encode()


def _codes(folder: Path) -> list[str]:
    lists = [each.read_text("utf-8").splitlines()[1:] for each in folder.glob("*.csv")]
    return sorted({line.split(",")[0] for lines in lists for line in lines})


def test_a_wrong_list_put_right_leaves_the_row_as_it_was(service: Service, source: str) -> None:
    """Case 21."""
    folder = LISTS / "21-wrong-list-put-right"
    first, wrong, right = (_of(file, source) for file in sorted(folder.glob("*.csv")))
    org = f"group:{source[-12:]}-{_codes(folder).index('91880701MA001103XU')}"
    post(service, source, first, "2023-12-31", publish=True)
    between = json.loads((folder / "between-1-and-2.json").read_text("utf-8"))
    for event in between:
        event["data"]["org"] = org
        event["id"] += source
    receipts = service.publish(between)
    assert [each["disposition"] for each in receipts] == ["accepted"] * 2
    before = service.get(f"/v1/organizations/{org}", as_of="2024-02-01", min_position=receipts[1]["position"])["row"]
    taken = post(service, source, wrong, "2024-01-31", publish=True)
    assert taken["plan"]["publishes"]["deregistered"] == 1
    gone = service.http.get(
        f"/v1/organizations/{org}", params={"as_of": "2024-02-01", "min_position": taken["position"]}
    )
    assert gone.json()["row"] is None
    put_right = post(service, source, right, "2024-01-31", publish=True)
    assert put_right["plan"]["publishes"] == {
        "registered": 0, "changed": 0, "deregistered": 0, "retracted": 1, "brought_back": 0, "stated": 1,
    }  # fmt: skip
    after = service.get(f"/v1/organizations/{org}", as_of="2024-02-01", min_position=put_right["position"])["row"]
    assert after == before
    assert after["excluded"] == "not_operating"
    assert after["attributes"]["supervisor"] == "市工商联"


def test_the_same_list_sent_again_at_once_publishes_nothing(service: Service, source: str) -> None:
    content = as_csv(own_stock(60, source))
    answers = [post(service, source, content, "2024-01-31", publish=True) for _ in range(3)]
    assert [each["published"]["accepted"] for each in answers] == [60, 0, 0]
    assert [each["stated"] for each in answers] == [1, 0, 0]


def test_of_two_who_send_one_list_at_once_one_publishes(service: Service, source: str, trials: Trials) -> None:
    for trial in trials:
        own = f"{source}{trial:02}"
        content = as_csv(own_stock(20, own))
        start = threading.Barrier(3)

        def send(_: int, own: str = own, content: bytes = content, start: threading.Barrier = start) -> dict[str, Any]:
            start.wait()
            return post(service, own, content, "2024-01-31", publish=True)

        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(send, range(3)))
        assert sorted(each["published"]["accepted"] for each in answers) == [0, 0, 20]


def test_a_plan_is_published_as_it_was_confirmed_or_not_at_all(service: Service, source: str) -> None:
    rows = own_stock(20, source)
    post(service, source, as_csv(rows), "2024-01-31", publish=True)
    held = post(service, source, as_csv(rows[:15]), "2024-02-29", publish=True)
    assert (held["published"], held["needs_confirmation"]) == (None, 5)
    assert held["plan"]["name"] in held["hindrance"]
    # The number alone is the same, what it means is not.
    other = post(service, source, as_csv(rows[5:]), "2024-02-29", publish=True, confirm=held["plan"]["name"])
    assert other["published"] is None
    assert "another plan" in other["hindrance"]
    post(
        service,
        source,
        as_csv([*rows[:14], [*rows[14][:5], "77", rows[14][6]], *rows[15:]]),
        "2024-02-10",
        publish=True,
    )
    late = post(service, source, as_csv(rows[:15]), "2024-02-29", publish=True, confirm=held["plan"]["name"])
    assert late["published"] is None
    assert f"taizhang.organization.changed.v1 of {source}" in late["hindrance"]
    done = post(service, source, as_csv(rows[:15]), "2024-02-29", publish=True, confirm=late["plan"]["name"])
    assert done["published"]["accepted"] == 6


def test_a_list_decided_at_an_earlier_position_is_refused_once_something_came(service: Service, source: str) -> None:
    rows = own_stock(20, source)
    first = post(service, source, as_csv(rows), "2024-01-31", publish=True)
    before = first["plan"]["position"]
    for content in (as_csv(rows), as_csv(rows[:5])):
        answer = ask(service, source, content, "2024-02-29", publish=True, known_at=before)
        assert answer.status_code == 409
        assert f"of {source} came at position {before + 1}" in answer.json()["detail"]
    same = post(service, source, as_csv(rows), "2024-02-29", publish=True, known_at=first["position"])
    assert same["published"]["accepted"] == 0


def test_moved_between_two_registries_it_stays_and_the_remedy_mends_what_was_too_soon(
    service: Service, source: str
) -> None:
    rows = own_stock(40, source)
    other = f"{source}-other"
    post(service, source, as_csv(rows), "2024-01-31", publish=True)
    too_soon = post(service, source, as_csv(rows[1:]), "2024-02-29", publish=True)
    assert too_soon["published"]["accepted"] == 1
    lacks = post(service, other, as_csv(rows[:1]), "2024-02-29", publish=True)["ledger_lacks"]
    assert lacks["count"] == 1
    assert (lacks["samples"][0]["org"], lacks["samples"][0]["ended_by"]["source"]) == (rows[0][0], source)
    mended = post(service, source, as_csv(rows[1:]), "2024-02-29", publish=True)
    assert (mended["plan"]["publishes"]["retracted"], mended["elsewhere"]) == (1, 1)
    row = service.get(f"/v1/organizations/{rows[0][0]}", as_of="2024-03-31", min_position=mended["position"])["row"]
    assert row is not None
    assert post(service, other, as_csv(rows[:1]), "2024-02-29")["ledger_lacks"]["count"] == 0


def test_the_shell_says_the_same_of_parts_and_of_other_registries(
    service: Service, source: str, tmp_path: Path
) -> None:
    rows = own_stock(12, source)
    path = tmp_path / "list.csv"

    def sent(rows: Stock, *arguments: str) -> dict[str, Any]:
        path.write_bytes(as_csv(rows))
        done = shell(
            "reconcile", source, str(path), "--as-of", "2024-02-29", "--json", "--url", service.url, *arguments
        )
        assert done.returncode == 0, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    post(service, source, as_csv(rows), "2024-01-31", publish=True)
    post(service, f"{source}-other", as_csv(rows[:1]), "2024-01-31", publish=True)
    region = [row for row in rows[1:] if row[3] == "880107003"]
    plan = sent(region, "--region", "880107003")
    assert (plan["active"], plan["differences"]["unchanged"], plan["differences"]["deregistered"]) == (2, 2, 0)
    paged = [sent(rows[1:7], "--page", "1/2", "--publish"), sent(rows[7:], "--page", "2/2", "--publish")]
    assert [each["differences"]["deregistered"] for each in paged] == [0, 0]
    assert [each["elsewhere"] for each in paged] == [0, 1]


@pytest.fixture
def lagging(fresh_service: Service) -> Iterator[Service]:
    """A service of this test's own whose projector stands still."""
    (receipt,) = fresh_service.publish([envelope("b1", "branch.formed", BRANCH, "/registry/branches")])
    assert receipt["disposition"] == "accepted", receipt
    deadline = time.monotonic() + 60
    while fresh_service.http.get("/v1/rates", params={"min_position": 1}).status_code != 200:
        assert time.monotonic() < deadline
    (child,) = [c for c in psutil.Process(fresh_service.process.pid).children() if "projector" in c.cmdline()]
    child.suspend()
    yield fresh_service
    with suppress(psutil.NoSuchProcess):  # one that stands still for long is ended by the others
        child.resume()


def _at_once(service: Service, database: str, asked: list[tuple[str, bytes, str]]) -> list[Any]:
    """Lists published at once, each decided while the gate is held by somebody else.

    One process asks for the gate once at a time: the others have decided by then, or come to decide after it.
    """
    with ThreadPoolExecutor(len(asked)) as pool:
        with Delays(database).before_the_gate():
            sent = [pool.submit(ask, service, *each, publish=True) for each in asked]
            time.sleep(0.1)
        return [each.result() for each in sent]


def test_lists_are_decided_from_the_log_while_the_projector_stands_still(
    lagging: Service, database: str, source: str, trials: Trials
) -> None:
    position = 0
    for trial in trials:
        own = f"{source}{trial:02}"
        rows = own_stock(12, own)
        answers = _at_once(lagging, database, [(own, as_csv(rows), "2024-01-31")] * 2)
        assert [each.status_code for each in answers] == [200, 200]
        assert sorted(each.json()["published"]["accepted"] for each in answers) == [0, 12]
        # Two that contradict each other, of one date: one after the other, in either order.
        left = [
            as_csv([*rows[:11], [*rows[11][:5], "70", ""]]),
            as_csv([*rows[:11], [*rows[11][:5], "71", ""]]),
        ]
        answers = _at_once(lagging, database, [(own, each, "2024-01-31") for each in left])
        assert all(each.json()["hindrance"] is None for each in answers), [each.text for each in answers]
        last = max(answers, key=lambda each: each.json()["position"] or 0)
        again = [post(lagging, own, each, "2024-01-31")["plan"]["publishes"]["stated"] for each in left]
        assert again[answers.index(last)] == 0
        assert sorted(again) == [0, 1]
        position = max(position, last.json()["position"])
    for child in psutil.Process(lagging.process.pid).children():
        if "projector" in child.cmdline():
            child.resume()
    asked: dict[str, Any] = {"as_of": "2024-02-01", "min_position": position}
    deadline = time.monotonic() + 60
    while lagging.http.get("/v1/rates", params=asked).status_code == 503:
        assert time.monotonic() < deadline
    total = lagging.get("/v1/rates", **asked)["total"]
    assert total["counts"]["organizations"] == len(trials) * 12


def test_the_page_publishes_the_plan_that_was_looked_at_or_shows_what_came_since(service: Service, source: str) -> None:
    rows = own_stock(20, source)
    post(service, source, as_csv(rows), "2024-01-31", publish=True)
    with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as browser:
        token = re.findall('name="token" value="([^"]+)"', browser.get("/daily/lists").text)[0]
        fields = {"token": token, "source": source, "date": "2024-02-29", "region": "880107001，880107002"}
        listed = as_csv([row for row in rows if row[3] in ("880107001", "880107002")][1:])
        sent = browser.post("/daily/lists", data=fields, files={"file": ("list.csv", listed)})
        address = sent.headers["location"]

        def plan() -> dict[str, str]:
            return dict(re.findall('name="(plan|gone|token)" value="([^"]+)"', browser.get(address).text))

        looked_at = plan()
        assert looked_at["gone"] == "1"
        post(service, source, as_csv([*rows[:-1], [*rows[-1][:5], "88", ""]]), "2024-02-10", publish=True)
        unrelated = browser.post(address, data={**looked_at, "confirm": "1"}).text
        assert "data-outcome" in unrelated  # what came since changes nothing of this plan
        post(service, source, as_csv(rows), "2024-03-31", publish=True)
        second = browser.post(
            "/daily/lists", data={**fields, "date": "2024-04-30"}, files={"file": ("list.csv", listed)}
        )
        address = second.headers["location"]
        looked_at = plan()
        post(service, source, as_csv([[*row[:5], "5", ""] for row in rows]), "2024-04-20", publish=True)
        shown = browser.post(f"{address}&lang=en", data={**looked_at, "confirm": looked_at["gone"]}).text
        assert "data-outcome" not in shown
        assert "another plan than the one confirmed" in shown
        assert f"of {source} at position" in shown


def test_a_plan_of_several_turns_stops_where_something_comes_between_and_is_taken_up_again(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_EVENTS_MAX", 5)
    rows = dict.fromkeys(range(6), ("甲", "880107", "3"))
    last = max(rows, key=CODES.__getitem__)
    known: list[Any] = []

    def publish(between: list[dict[str, Any]]) -> turns.Published:
        report, published, _ = planned(tmp_path, listed_as(rows), "2024-01-31", known)
        assert report.plan is not None
        report.plan.position = intake.recorder.head()[0]

        def messages_of(events: Sequence[bytes], begin: int) -> list[Message]:
            if begin:
                intake.admit([http(each) for each in between])
            return [http(json.loads(event)) for event in events]

        raw = iter([json.dumps(event).encode() for event in published])
        try:
            return turns.publish_plan(intake, report.plan, SOURCE, raw, messages_of)
        finally:
            known[:] = [each.event() for each in intake.recorder.tail(0)]

    with pytest.raises(CameSinceError, match="5 of the plan's 7 events were published"):
        publish([own(last, "2024-01-15", "registered", **REGISTERED)])
    assert intake.recorder.head()[0] == 6
    done = publish([])
    assert (done.counts["accepted"], done.stated) == (1, 1)
    assert publish([]).position is None
