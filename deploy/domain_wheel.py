"""`make domain-wheel`: the domain as a wheel of its own, taizhang-domain, which needs pydantic and python-stdnum.

For whoever folds the ledger elsewhere: tasks of a cluster, a notebook, a second party that checks a figure.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("pydantic", "python-stdnum")


def described(project: dict[str, Any], build: dict[str, Any]) -> str:
    """The wheel's pyproject.toml, from the whole project's."""
    needed = [each for name in NEEDED for each in project["dependencies"] if each.startswith(f"{name}>")]
    lines = [
        "[build-system]", f"requires = {build['requires']!r}", f"build-backend = {build['build-backend']!r}",
        "[project]", "name = 'taizhang-domain'", f"version = {project['version']!r}",
        "description = 'The rules of the Taizhang ledger: events, folds, rows and rates, without I/O'",
        f"requires-python = {project['requires-python']!r}", f"license = {project['license']!r}",
        f"dependencies = {needed!r}",
        "[tool.setuptools.packages.find]", "include = ['domain*']",
        "[tool.setuptools.package-data]", "'*' = ['py.typed']",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main(target: Path) -> None:
    """Build it into a folder."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "domain", Path(folder) / "domain", ignore=shutil.ignore_patterns("__pycache__"))
        text = described(whole["project"], whole["build-system"])
        (Path(folder) / "pyproject.toml").write_text(text, encoding="utf-8")
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target.resolve())]
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, folder], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
