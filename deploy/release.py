"""`make release`: everything that leaves the house, in dist/.

The wheel, SHA256SUMS of it and of the lock of what it needs to run, and what that is as CycloneDX JSON.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
LOCK = "requirements-run.lock"


def run(*command: str) -> None:
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)


def bill_of_materials(file: Path) -> None:
    """What the release is made of, as CycloneDX JSON: every pinned dependency with its hashes."""
    run("cyclonedx_py", "requirements", LOCK, "--pyproject", "pyproject.toml", "--output-file", str(file))


def sums_of(folder: Path) -> str:
    """A line for each file, as `sha256sum --check` reads it."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def main() -> int:
    """Refuses a version that the changelog does not date."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    heading = f"## [{version}] - "
    dated = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if heading in line]
    if not dated or dated[0].endswith("unreleased"):
        print(f"CHANGELOG.md has no date for {version}: write `{heading}YYYY-MM-DD` first", file=sys.stderr)
        return 1
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(DIST), ".")
    bill_of_materials(DIST / f"taizhang-{version}.cdx.json")
    shutil.copy(ROOT / LOCK, DIST)
    sums = sums_of(DIST)
    (DIST / "SHA256SUMS").write_text(sums, encoding="ascii")
    print(sums, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
