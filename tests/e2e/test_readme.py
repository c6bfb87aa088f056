"""Every command that the READMEs show in a `sh` block works as written."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_service import ROOT, Service, environment, new_database

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
READMES = ("README.md", "README.zh-CN.md")


def blocks(name: str) -> list[str]:
    found = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert len(found) >= 4, f"{name} shows its users too few commands"
    return found


@pytest.fixture(scope="module")
def running(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for the readers of both languages."""
    with Service(tmp_path_factory.mktemp("readme"), "--dev", database_url=new_database(postgres)) as service:
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
