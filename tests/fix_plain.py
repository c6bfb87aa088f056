"""A plain Python: a virtual environment with this package and what it depends on, without a database or a network."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from tests.fix_service import ROOT

PACKAGES: Final = ("domain", "projections", "services", "api")
#: Python runs this first: whatever reaches for a network, or starts a program that could be a database, ends there.
CUT_OFF: Final = """
import sys
refused = {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.posix_spawn"}
def refuse(event, arguments):
    if event in refused:
        raise PermissionError(f"cut off: {event} {arguments}")
sys.addaudithook(refuse)
"""


class PlainPython:
    """The environment; `run` runs `taizhang` in it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = folder / "venv" / "bin" / "python"

    def install(self) -> None:
        """Build this package as a wheel and unpack it beside its dependencies."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self._folder / "venv")], check=True)
        (site,) = (self._folder / "venv" / "lib").glob("python*/site-packages")
        for file in _files("taizhang"):
            if not (site / file.name).exists():
                (site / file.name).symlink_to(file)
        with zipfile.ZipFile(self._wheel()) as wheel:
            wheel.extractall(site)
        (site / "sitecustomize.py").write_text(CUT_OFF)

    def _wheel(self) -> Path:
        source, wheels = self._folder / "source", self._folder / "wheels"
        for name in PACKAGES:
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source / name)
        build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels), str(source))
        subprocess.run([sys.executable, "-m", "pip", *build], check=True, stdin=subprocess.DEVNULL)
        (wheel,) = wheels.glob("taizhang-*.whl")
        return wheel

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `taizhang` with these arguments."""
        settings = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "PYTHONNOUSERSITE": "1"}
        command = [str(self._python), "-m", "services.commands.cli", *arguments]
        return subprocess.run(
            command, cwd=self._folder, env=settings, capture_output=True, text=True, check=False, timeout=120
        )


def _files(name: str) -> Iterator[Path]:
    """What stands in site-packages for all that a distribution depends on, and not for itself."""
    for each in _dependencies(distribution(name), set()):
        for top in {Path(file.parts[0]) for file in each.files or () if ".." not in file.parts}:
            found = Path(str(each.locate_file(top)))
            if top.name != "__pycache__":
                yield found


def _dependencies(found: Distribution, seen: set[str], extras: frozenset[str] = frozenset()) -> Iterator[Distribution]:
    for text in found.requires or ():
        requirement = Requirement(text)
        wanted = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if wanted and requirement.name not in seen:
            seen.add(requirement.name)
            each = distribution(requirement.name)
            yield each
            yield from _dependencies(each, seen, frozenset(requirement.extras))


@pytest.fixture(scope="session")
def plain_python(tmp_path_factory: pytest.TempPathFactory) -> PlainPython:
    """One for the whole run."""
    made = PlainPython(tmp_path_factory.mktemp("plain"))
    made.install()
    return made
