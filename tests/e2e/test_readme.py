"""Every command that the READMEs show in a `sh` block works as written."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from services.commands.client import Client
from services.commands.demo import HISTORY
from services.commands.sending import publish
from services.demo_city import campaign
from services.demo_city.plan import SCALE_MIN
from services.demo_city.world import events
from services.system.settings import Settings
from tests.fix_service import ROOT, Service, environment, new_database

pytestmark = pytest.mark.long

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
READMES = ("README.md", "README.zh-CN.md")


def blocks(name: str) -> list[str]:
    found = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert len(found) >= 4, f"{name} shows its users too few commands"
    return found


@pytest.fixture(scope="module")
def running(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for the readers of both languages, with a small demo city, brought along as `make demo` does."""
    with Service(tmp_path_factory.mktemp("readme"), "--dev", database_url=new_database(postgres)) as service:
        with Client(Settings(url=service.url), history=HISTORY) as client:
            loaded = publish(client, (line.rstrip(b"\n") for line in events(SCALE_MIN, 1)), lambda *_: None)
        service.get("/v1/rates", min_position=loaded.position)
        yield service


@pytest.mark.parametrize("name", READMES)
def test_every_command_works_as_written(running: Service, tmp_path: Path, name: str) -> None:
    given = environment(url=running.url)
    given["PATH"] = f"{Path(sys.executable).parent}:{given['PATH']}"
    for block in blocks(name):
        # --fail-with-body: curl alone takes a problem for success.
        script = block.replace("http://127.0.0.1:8000", running.url).replace("curl -s", "curl --fail-with-body -s")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=given,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip()


@pytest.mark.parametrize("name", READMES)
def test_every_example_with_an_instant_shows_the_second_clock_at_work(running: Service, name: str) -> None:
    asked = re.findall(r"http://127\.0\.0\.1:8000(/v1/\S*(?:known_at|since)=\d{4}-\S*)'", "".join(blocks(name)))
    assert len(asked) >= 2
    for each in asked:
        answer = running.http.get(each).json()
        then = answer.get("since", answer["known_at"])
        assert then["basis"] == "said"
        assert then["learned_at"][:10] == "2024-12-31"
        total = answer["total"]
        counts = total["counts"] if "counts" in total else total["before"]["counts"]
        assert counts["organizations"] > 0
        if "organizations_moved" in answer:
            assert answer["organizations_moved"] > 0
            # All but the reader's own event, which was published as news.
            brought = [each for each in answer["sources"] if each["source"] != "/registry/example"]
            assert brought
            assert all(source["days_late"]["median"] < 366 for source in brought)


def test_the_demo_opens_on_a_date_that_tells_something(fresh_service: Service) -> None:
    """On the last date of the campaign, with how fresh the data are and a beginning for each user."""
    with Client(Settings(url=fresh_service.url), history=HISTORY) as client:
        lines = (line.rstrip(b"\n") for line in events(SCALE_MIN, 1))
        loaded = publish(client, islice(lines, 4_000), lambda *_: None)
        told = publish(client, (line for _, line in campaign.lines()), lambda *_: None)
    fresh_service.get("/v1/rates", min_position=max(loaded.position, told.position))
    first = fresh_service.http.get("/?lang=en")
    assert (first.status_code, first.headers["location"]) == (303, "/?lang=en&as_of=2025-06-30")
    page = fresh_service.http.get(first.headers["location"]).text
    assert "what their sources said" in page
    for path in ("/assessment", "/inspection", "/daily"):
        assert re.search(rf'href="{path}\?[^"]*as_of=2025-06-30', page)


def test_both_languages_show_the_same_commands() -> None:
    without_comments = [
        [re.sub(r"^#.*\n", "", block, flags=re.MULTILINE) for block in blocks(name)] for name in READMES
    ]
    assert without_comments[0] == without_comments[1]


@pytest.mark.parametrize("name", READMES)
def test_every_link_into_the_repository_leads_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target
