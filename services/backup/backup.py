"""`taizhang backup`: one snapshot of all that cannot be made again, while the service runs.

A backup is a folder: `manifest.json` and a file for each table. The keys lie in a file apart, beside it.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg import IsolationLevel
from pydantic import BaseModel, ValidationError

from services.backup import sealed
from services.backup.tables import BackupError, Table, tables, write
from services.log.tree import LOG
from services.postgres.database import conninfo_for
from services.system.files import sync_folder, write_durably
from services.system.settings import Settings, SettingsError, variable

MANIFEST: Final = "manifest.json"
UNFINISHED: Final = ".unfinished"
MANIFEST_BYTES_MAX: Final = 4 << 20


class Manifest(BaseModel):
    """What a backup holds: the log's size and root (hex) in it, by which it is known again."""

    format: Literal["taizhang-backup-1"] = "taizhang-backup-1"
    made_at: datetime
    taizhang: str
    postgresql: int
    migration: int
    size: int
    root_hash: str
    keys: bool
    tables: list[Table]

    @classmethod
    def of(cls, folder: Path) -> "Manifest":
        """The manifest of a backup; BackupError where there is none."""
        try:
            with (folder / MANIFEST).open("rb") as file:
                return cls.model_validate_json(file.read(MANIFEST_BYTES_MAX))
        except OSError as error:
            raise BackupError(f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror})") from None
        except ValidationError as error:
            raise BackupError(f"{folder / MANIFEST} is none that this program can read: {error}") from None


def keys_file(folder: Path) -> Path:
    """Where the keys of a backup lie, unless somebody has put them elsewhere."""
    return folder.with_name(f"{folder.name}.keys")


def passphrase(settings: Settings) -> str:
    """The passphrase of the keys.

    Raises:
        SettingsError: none is given.
    """
    if settings.backup_passphrase is None:
        name = variable("backup_passphrase")
        raise SettingsError(
            f"{name}: not set; expected what the keys are sealed with, or a file with it in {name}_FILE"
        )
    return settings.backup_passphrase.get_secret_value()


def backup(
    settings: Settings, folder: Path, keys: Path | None, told: Callable[[str], None], *, with_keys: bool = True
) -> Manifest:
    """Write a backup of the service of these settings into a new folder; whole or not at all.

    Args:
        settings: with the address of a database that answers.
        folder: it must not be there, or be empty.
        keys: the file for the keys; left out: beside the folder.
        told: called with the name of each table before it is copied.
        with_keys: False leaves them out; somebody keeps them otherwise.

    Raises:
        BackupError: there is something in the folder already.
        OSError: the disk is full, or is not ours to write to; nothing half-made is left.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is there already: name a new folder, one for each backup")
    # Keys go first: a head that was signed is then never of more events than the tables have.
    found = sealed.collect(settings) if with_keys else {}
    secret = passphrase(settings) if with_keys else ""
    draft = folder.with_name(f"{folder.name}{UNFINISHED}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        with psycopg.connect(conninfo_for(settings.conninfo, "backup")) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            size = LOG.size(connection)
            row = connection.execute("SELECT max(version) FROM taizhang.migration").fetchone()
            manifest = Manifest(
                made_at=datetime.now(UTC), taizhang=version("taizhang"), postgresql=connection.info.server_version,
                migration=row[0] if row else 0, size=size, root_hash=LOG.root_at(connection, size).hex(),
                keys=with_keys, tables=[],
            )  # fmt: skip
            for table in tables(connection):
                told(table[0])
                manifest.tables.append(write(connection, draft, table))
        write_durably(draft / MANIFEST, manifest.model_dump_json(indent=1).encode())
        if with_keys:
            sealed.seal(keys or keys_file(folder), found, secret)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest
