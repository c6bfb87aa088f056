"""Adds a heavy extra to .venv from its lock, or returns at once where that has been done."""

import fcntl
import hashlib
import os
import sys
from pathlib import Path

from setup import ROOT, VENV, pip


def main(extra: str) -> int:
    """Install what requirements-EXTRA.lock pins; its stamp goes with the environment that it was added to."""
    os.chdir(ROOT)
    lock, stamp = Path(f"requirements-{extra}.lock"), VENV / f"stamp-{extra}"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted = hashlib.sha256(held.read()).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
            return 0
        sys.stderr.write(f"正在安装 {extra} 附加组件… Adding the extra {extra} to .venv …\n")
        pip("--require-hashes", "-r", str(lock))
        stamp.write_text(wanted, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
