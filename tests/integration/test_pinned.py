"""Every question is answered from one version of the ledger, whenever another is put in use in its middle.

Two versions that differ in nearly every row are at hand. The one in use is exchanged after the first look that a
question takes at it, after the second, and so on: each time the answer must be that of one version from end to end.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.app import calls, create_app
from services.ledger import rebuild
from services.ledger.view import LedgerView, View
from services.postgres.database import connect
from services.system import settings as settings_module
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.offices import AS_OF, asked, facts
from tests.versions import wait_until

# Looks beyond these are the same code over and over.
LOOKS_MAX = 12

PATHS = {each.path for each in calls() if each.method == "GET"}
# Routes that give no answer of the ledger, or none that ends.
NO_QUESTIONS = {
    "/v1/ledger/stream": "has no end; see test_changes_of_version",
    "/daily/lists/{digest}": "of a list that was sent, kept for its sender",
    "/sign-in": "of no ledger", "/sign-in/callback": "of no ledger", "/static/{version}/{name}": "of no ledger",
    "/health/live": "of no ledger", "/health/ready": "tells the state of the parts", "/metrics": "as above",
    "/v1/persons": "of no ledger", "/v1/persons/{pseudonym}": "of no ledger", "/v1/access": "of the log alone",
    "/v1/access/keys": "of no ledger", "/v1/session": "of no ledger", "/v1/sessions": "of no ledger",
    "/me": "of no ledger", "/signed-out": "of no ledger", "/sign-in/link/{token}": "of no ledger",
    "/acts": "of the caller's rights", "/acts/{act}": "a form: of the caller's rights, and of the log alone",
    "/daily/visits": "the same for everybody, of no ledger", "/daily/visits/worker.js": "as above",
    "/daily/visits/manifest.webmanifest": "as above", "/v1/visits/sender": "of the caller's rights",
    "/v1/outlines": "of a file beside the log", "/v1/outlines/{date}": "of a file beside the log",
    **dict.fromkeys((path for path in PATHS if path.startswith(("/v1/log/", "/v1/contract/"))), "of the log alone"),
    **dict.fromkeys((path for path in PATHS if path.startswith(("/v1/readings", "/v1/quarantine"))), "as above"),
    "/v1/proof": "of roots that the log states", "/v1/province/report": "as above",
    "/v1/export": "the whole log", "/inspection/evidence": "of the log alone",
    "/v1/notices": "of what was told, beside the log",
    "/v1/sources": "the account of what arrived", "/v1/receipts": "of what arrived, and of the log alone",
    **dict.fromkeys((path for path in PATHS if path.startswith("/intake")), "the account of what arrived"),
}  # fmt: skip
# Parts of an answer that differ each time it is given.
TIMES = re.compile(
    r'"request_id":"[^"]*"|nonce[-=]["\w+/=-]+|name="token" value="[^"]*"|"at":"[^"]*"|[0-9.]+ ms'
    r'|\d{4}-\d\d-\d\dT[^"<&]*'
)


class Exchanged:
    """What is in use: one view for a number of looks, and another from then on."""

    def __init__(self, live: LedgerView, views: tuple[View, View]) -> None:
        self._live, self._views = live, views
        self.looks, self.after = 0, 0
        self.loaded = live.loaded
        self.fault = None

    def exchange(self, after: int) -> None:
        self.looks, self.after = 0, after

    @property
    def live(self) -> "Exchanged":
        return self

    @property
    def current(self) -> View:
        self.looks += 1
        return self._views[self.looks > self.after]

    @property
    def position(self) -> int:
        return self._views[0].snapshot.position

    def renew(self) -> None:
        """It goes on by itself."""


OTHER_ROWS = (
    "UPDATE taizhang.projection SET ruleset = 'before'",
    "UPDATE ledger_1.attributes SET name = name || '!', employees = coalesce(employees, 0) + 100",
    "UPDATE ledger_1.entry SET full_members = full_members + 5, instructors = 1 - least(instructors, 1)",
    "UPDATE ledger_1.anomaly SET detail = detail || '!'",
    "DELETE FROM ledger_1.mention WHERE identifier LIKE 'member:%' AND position % 2 = 0",
    "DELETE FROM ledger_1.presence WHERE entity LIKE 'member:%' AND org_no % 2 = 0",
)


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Asked"]:
    database, folder = new_database(postgres), tmp_path_factory.mktemp("pinned")
    deliveries = NUMBERED["12"]["deliveries"]
    branch = next(each["data"]["branch"] for each in deliveries if each["type"].endswith("branch.formed.v1"))
    with Service(folder, "--dev", database_url=database) as service:
        service.publish(deliveries)
        orgs = [each["org"] for each in service.get("/v1/organizations", as_of=AS_OF, min_position=1)["organizations"]]
        results = service.publish(facts(orgs[0], orgs[1], branch))
        assert [each for each in results if each["disposition"] != "accepted"] == []
        sealed = service.http.post("/v1/assessments", json={
            "assessment": "assessment:a", "title": "考核", "office": "office:city", "campaign": "campaign:c",
            "as_of": AS_OF, "group_by": ["kind"],
        })  # fmt: skip
        assert sealed.status_code == 201, sealed.text
        head = service.get("/v1/rates")["known_at"]["position"]
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in OTHER_ROWS:
            connection.execute(statement.encode())
    named = {
        "org": orgs[0], "branch": branch, "position": "1", "campaign": "campaign:c", "assessment": "assessment:a",
        "survey": "survey:s",
        "table": "enterprises",
    }  # fmt: skip
    settings = {"TAIZHANG_DATABASE_URL": database, "TAIZHANG_DATA": str(folder / "data"), "TAIZHANG_DEV": "true"}
    before = dict(os.environ)
    os.environ |= settings
    settings_module.current.cache_clear()
    app = create_app()
    try:
        with asyncio.Runner() as runner:
            living = app.router.lifespan_context(app)
            runner.run(living.__aenter__())
            try:
                yield Asked(app, runner, database, named, head)
            finally:
                runner.run(living.__aexit__(None, None, None))
    finally:
        os.environ.clear()
        os.environ |= before
        settings_module.current.cache_clear()


class Asked:
    """The application in this process, with two versions of its ledger at hand."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner, database: str, named: dict[str, str], head: int) -> None:
        self._app, self._runner, self._named, self._head = app, runner, named, head
        state = app.state
        live = state.parts.queries.view
        # What the service states by itself of a sealed report may come after.
        wait_until(lambda: live.position >= head, "the first version is not loaded")
        first = live.current
        with connect(database, "rebuild") as connection:
            rebuild.rebuild(connection, lambda _position, _head: None)
        wait_until(lambda: live.current.version.number > first.version.number, "the second version is not loaded")
        self.in_use = Exchanged(live, (first, live.current))
        state.parts = replace(state.parts, queries=state.parts.queries._like(self.in_use, None))

    def path(self, template: str) -> tuple[str, dict[str, str]]:
        given = asked(template, self._head)
        return template.format(**self._named), given | ({"org": self._named["org"]} if "evidence" in template else {})

    async def _get(self, path: str, given: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            return await client.get(path, params=given)

    def answer(self, template: str, after: int) -> tuple[int, str]:
        """Status and text of an answer during which the version in use is exchanged after so many looks at it."""
        path, given = self.path(template)
        self.in_use.exchange(after)
        found = self._runner.run(self._get(path, given))
        text = found.content.decode("utf-8", "replace")
        return found.status_code, TIMES.sub("", text)


QUESTIONS = sorted(path for path in PATHS if path not in NO_QUESTIONS)
NEVER = 1_000_000


@pytest.mark.parametrize("template", QUESTIONS)
def test_a_swap_in_the_middle_of_a_question_leaves_its_answer_whole(world: Asked, template: str) -> None:
    first, looks = world.answer(template, NEVER), world.in_use.looks
    second = world.answer(template, 0)
    assert first[0] == second[0] == 200, (first, second)
    for after in range(1, min(looks, LOOKS_MAX) + 1):
        assert world.answer(template, after) in {first, second}, f"exchanged after look {after} of {looks}"
