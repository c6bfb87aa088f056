"""Makes .venv from requirements.lock, or returns at once when it already matches.

The stamp holds what the environment was made of: the lock, the project's own metadata and the folder's path, since a
virtual environment does not survive a move.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(".venv")
STAMP = VENV / "stamp"
PYTHON = VENV / "bin" / "python"


def fingerprint() -> str:
    digest = hashlib.sha256(os.fsencode(ROOT))
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update(Path(name).read_bytes())
    return digest.hexdigest()


def stamp() -> str:
    return STAMP.read_text(encoding="ascii") if STAMP.exists() else ""


def pip(*arguments: str) -> None:
    """Pip with the caller's own PIP_* settings. Unless they name a cache, nothing is written outside the clone."""
    cache = [] if "PIP_CACHE_DIR" in os.environ else ["--no-cache-dir"]
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *cache, *arguments]
    # The build backend warns of every editable installation; here it is meant.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore:Editable installation"}
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=environment)


def make() -> None:
    sys.stderr.write("正在准备 .venv(首次约一分钟)… Preparing .venv (about a minute the first time) …\n")
    if Path(sys.prefix).resolve() == VENV.resolve():
        STAMP.write_text("to be updated", encoding="ascii")
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    pip("--require-hashes", "-r", "requirements.lock")
    pip("--no-deps", "--no-build-isolation", "--editable", ".")
    STAMP.write_text(fingerprint(), encoding="ascii")


def main() -> int:
    os.chdir(ROOT)
    if stamp() == fingerprint():
        return 0
    with Path("requirements.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second make waits here, then finds the stamp
        if stamp() != fingerprint():
            try:
                make()
            except subprocess.CalledProcessError as error:
                sys.stderr.write(f"安装失败 Set-up failed: {error}\n请检查网络与 PIP_* 设置后重试 make。\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
