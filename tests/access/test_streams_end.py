"""A stream that is open ends with its caller's access, and tells nothing that was recorded after."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from services.access.api_keys import add_key, digest
from tests.fix_counties import HERE, THERE
from tests.fix_service import SINGLE, Service, new_database
from tests.sending import envelope

pytestmark = pytest.mark.long

# A second is promised, to a machine that has nothing else to do; here other tests run beside this one.
WITHIN_S = 5.0
STAYS_S = 2.0


class Office:
    """A service with a file of keys, and an administrator's and a publisher's among them."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service, self.file = service, file
        roles = frozenset({"administrator", "publisher", "steward"})
        self.key = {"authorization": f"Bearer {add_key(file, 'office', roles, None)}"}
        self._made = 0

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.service.http.post(path, json=body, headers=self.key)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def register(self, region: str) -> int:
        """One more organization in a region; its position."""
        self._made += 1
        data = {"effective_on": "2024-01-01", "org": f"group:s-{self._made}", "kind": "new_employment_group",
                "category": "courier", "name": "队", "region": region}  # fmt: skip
        (result,) = self.publish(f"s{self._made}", "organization.registered", data)
        assert result["disposition"] == "accepted", result
        return int(result["position"])

    def publish(self, id_: str, name: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        event = json.dumps(envelope(id_, name, data, "/registry/streams"))
        answer = self.service.http.post("/v1/events", content=event, headers=self.key | {"content-type": SINGLE})
        found: list[dict[str, Any]] = answer.json()["results"]
        return found


class Following:
    """A stream that is read in a thread: the positions that came, and when it ended."""

    def __init__(self, service: Service, key: str, after: str | None = None) -> None:
        self._began, self._ended, self.lines, self.marks = Event(), Event(), list[str](), list[str]()
        self._thread = Thread(target=self._follow, args=(service.url, key, after), daemon=True)
        self._thread.start()
        assert self._began.wait(30)

    def _follow(self, url: str, key: str, after: str | None) -> None:
        given = {} if after is None else {"after": after}
        headers = {"authorization": f"Bearer {key}"}
        with httpx.stream(
            "GET", f"{url}/v1/ledger/stream", params=given, headers=headers, timeout=60, trust_env=False
        ) as told:
            for line in told.iter_lines():
                self.lines.append(line)
                if line.startswith("id: "):
                    self.marks.append(line.removeprefix("id: "))
                    self._began.set()
        self._ended.set()

    def come_to(self, position: int) -> None:
        deadline = time.monotonic() + 60
        while not any(int(each.partition("@")[0]) >= position for each in self.marks):
            assert time.monotonic() < deadline, self.marks
            time.sleep(0.02)

    def is_over_within(self, seconds: float) -> bool:
        return self._ended.wait(seconds)


@pytest.fixture(scope="module")
def office(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("streams")
    with Service(folder, database_url=new_database(postgres)) as service:
        made = Office(service, folder / "data" / "api-keys.json")
        made.register(HERE)
        made.register(THERE)
        yield made


def test_a_revocation_ends_a_quiet_stream_within_a_second_and_a_busy_one_at_its_position(office: Office) -> None:
    for busy in (False, True):
        granted = office.post("/v1/access", {"holder": "reader", "roles": ["inspector"]})
        following = Following(office.service, granted["key"])
        following.come_to(office.register(HERE))
        office.post(f"/v1/access/{granted['access']}/revoke", {"reason": "left the office"})
        revoked, after = time.monotonic(), 0
        if busy:
            after = office.register(HERE)
        assert following.is_over_within(WITHIN_S - (time.monotonic() - revoked))
        assert not after or f"group:s-{office._made}" not in "".join(following.lines)


def _rewritten(office: Office, key: str, change: Callable[[dict[str, Any]], None]) -> None:
    keys = json.loads(office.file.read_text())
    change(next(each for each in keys if each["sha256"] == digest(key)))
    office.file.write_text(json.dumps(keys))


@pytest.mark.parametrize("change", [{"until": "2020-01-01"}, {"regions": [THERE]}, {"roles": ["operator"]}])
def test_a_last_day_other_regions_or_another_role_end_it_too(office: Office, change: dict[str, Any]) -> None:
    key = add_key(office.file, "limited", frozenset({"inspector"}), None, (HERE,))
    following = Following(office.service, key)
    _rewritten(office, key, lambda each: each.update(change))
    assert following.is_over_within(WITHIN_S)


@pytest.mark.parametrize(
    "anew", [{"bodies": ["body:b"]}, {"bodies": ["body:a"], "regions": [HERE]}, {"regions": [HERE]}, {}]
)
def test_a_grant_by_body_that_is_stated_anew_with_other_limits_ends_it_too(
    office: Office, anew: dict[str, Any]
) -> None:
    given = {"holder": "unit", "roles": ["inspector"]}
    granted = office.post("/v1/access", {**given, "bodies": ["body:a"]})
    following = Following(office.service, granted["key"])
    assert not following.is_over_within(STAYS_S)
    told = {"effective_on": "2024-01-01", "access": granted["access"], "key_sha256": digest(granted["key"])}
    (result,) = office.publish(f"again {granted['access']}", "access.granted", {**told, **given, **anew})
    assert result["disposition"] == "accepted", result
    assert following.is_over_within(WITHIN_S)


def test_a_grant_of_somebody_else_ends_no_stream(office: Office) -> None:
    key = add_key(office.file, "staying", frozenset({"inspector"}), None)
    following = Following(office.service, key)
    office.post("/v1/access", {"holder": "else", "roles": ["inspector"]})
    assert not following.is_over_within(STAYS_S)
    following.come_to(office.register(HERE))


def test_a_copy_made_of_other_regions_is_begun_anew(office: Office) -> None:
    """Taken up at its last mark it would lack what was there before, and keep what is out of sight now."""
    key = add_key(office.file, "moving", frozenset({"inspector"}), None, (HERE,))
    following = Following(office.service, key)
    mark = following.marks[-1]
    assert mark.count("@") == 3
    _rewritten(office, key, lambda each: each.update(regions=[THERE]))
    assert following.is_over_within(WITHIN_S)
    again = Following(office.service, key, after=mark)
    version = again.lines.index("event: version")
    assert json.loads(again.lines[version + 1].removeprefix("data: "))["whole"]
    assert f'"region":"{THERE}"' in "".join(again.lines)
    assert f'"region":"{HERE}"' not in "".join(again.lines)
