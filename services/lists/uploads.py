"""Files of lists that wait for a person to look at what they would publish: few, and not for long."""

import hashlib
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

FILES_MAX: Final = 16
AGE_MAX_S: Final = 3_600
_BLOCK: Final = 1 << 20


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


class Uploads:
    """A folder that all workers of a service share; a file is its holder's alone, and named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._kept: set[Path] = set()
        self._lock = threading.Lock()
        self._tidy()

    def close(self) -> None:
        """Remove every file that this process has kept."""
        for each in self._kept:
            each.unlink(missing_ok=True)

    def keep(self, holder: str, file: BinaryIO) -> str:
        """Keep a copy of a file; its SHA-256, by which it is found. The oldest beyond FILES_MAX goes."""
        digest = _sha256(file)
        file.seek(0)
        path = self._folder / self._name(holder, digest)
        with self._lock:
            # The same file may be read by somebody who looks at it: it is replaced, never written over.
            draft = path.with_suffix(f".{os.getpid()}")
            with draft.open("wb") as copy:
                shutil.copyfileobj(file, copy, _BLOCK)
            draft.replace(path)
            self._kept.add(path)
            self._tidy()
        return digest

    def find(self, holder: str, digest: str) -> Path | None:
        """The holder's file, which looking at keeps for another while; None where it is no longer kept."""
        path = self._folder / self._name(holder, digest)
        with self._lock:
            self._tidy()
            if not path.exists():
                return None
            path.touch()
        return path

    def _name(self, holder: str, digest: str) -> str:
        return hashlib.sha256(f"{holder}\n{digest}".encode()).hexdigest()

    def _tidy(self) -> None:
        ages: list[tuple[float, Path]] = []
        for each in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another worker tidies too
                ages.append((time.time() - each.stat().st_mtime, each))
        for number, (age, each) in enumerate(sorted(ages)):
            if number >= FILES_MAX or age > AGE_MAX_S:
                each.unlink(missing_ok=True)
