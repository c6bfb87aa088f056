"""Commands of `taizhang` in processes of their own, forked from one that has imported the libraries and the API.

A start by the interpreter imports for seconds, and the suite starts hundreds: what it imports is the same each time.
What runs is the same too: the command line from its first line, with its own environment, folder and output.
"""

import atexit
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_STARTER: Final = multiprocessing.get_context("forkserver")
_STARTER.set_forkserver_preload(["api.app", "typer.rich_utils", "rich.console", "rich.table"])


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path, errors: Path) -> None:
    """What the interpreter does for `python -m services.commands.cli`, its end included."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((sys.stdout, output), (sys.stderr, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(opened, stream.fileno())
        os.close(opened)
    sys.argv = ["taizhang", *arguments]
    from services.commands.cli import main  # noqa: PLC0415 - it looks at its output as it is imported

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # a forked process ends without them


class Prepared:
    """One such process, with the names that `subprocess.Popen` has."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path, errors: Path
    ) -> None:
        self._process = _STARTER.Process(target=_run, args=(arguments, folder, environment, output, errors))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for the signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("taizhang", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
