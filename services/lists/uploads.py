"""Files of lists that wait for a person to look at what they would publish: few, and not for long."""

import hashlib
import shutil
import tempfile
import threading
import time
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
    """A folder of this process, which goes with it; a file is its holder's alone, and named by its SHA-256."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="taizhang-lists-")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Remove every file."""
        self._folder.cleanup()

    def keep(self, holder: str, file: BinaryIO) -> str:
        """Keep a copy of a file; its SHA-256, by which it is found. The oldest beyond FILES_MAX goes."""
        digest = _sha256(file)
        file.seek(0)
        path = Path(self._folder.name) / self._name(holder, digest)
        with self._lock:
            # The same file may be read by somebody who looks at it: it is replaced, never written over.
            draft = path.with_suffix(".draft")
            with draft.open("wb") as copy:
                shutil.copyfileobj(file, copy, _BLOCK)
            draft.replace(path)
            self._tidy()
        return digest

    def find(self, holder: str, digest: str) -> Path | None:
        """The holder's file, which looking at keeps for another while; None where it is no longer kept."""
        path = Path(self._folder.name) / self._name(holder, digest)
        with self._lock:
            self._tidy()
            if not path.exists():
                return None
            path.touch()
        return path

    def _name(self, holder: str, digest: str) -> str:
        return hashlib.sha256(f"{holder}\n{digest}".encode()).hexdigest()

    def _tidy(self) -> None:
        files = sorted(Path(self._folder.name).iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        for number, each in enumerate(files):
            if number >= FILES_MAX or each.stat().st_mtime < time.time() - AGE_MAX_S:
                each.unlink()
