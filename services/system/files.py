"""Files that are there whole or not at all, and stay after a power cut."""

import os
import secrets
from pathlib import Path


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put data in a file's place, replacing what was there in one step."""
    draft = draft_of(path, data, mode)
    draft.replace(path)
    sync_folder(path.parent)


def create_once(path: Path, data: bytes) -> None:
    """Write a secret into a file of its owner's, whole or not at all; one that is already there is left alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = draft_of(path, data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    sync_folder(path.parent)


def draft_of(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """A new file beside the path, with the data on disk; the caller moves or removes it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
