"""`taizhang restore`: a backup into an empty database, compared with what others have seen of the log.

Nothing is kept unless all of it holds: the tables come in one transaction, which is rolled back where the copy is
behind or another one. After it the keys are put back and the projection is built from the log.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Connection

from services.backup import sealed, seen
from services.backup.backup import MANIFEST, Manifest, keys_file, passphrase
from services.backup.tables import BackupError, check, count_on, read
from services.evidence.notes.beside_key import TREES, cosigned_file, key_for, last_file
from services.evidence.notes.key_files import load_key
from services.evidence.notes.notes import SignerKey, VerifierKey
from services.ledger import rebuild
from services.log.tree import LOG
from services.postgres.database import connect, conninfo_for, migrate, migrations
from services.system.settings import Settings

SUPERSEDED: Final = ".superseded"


class BehindError(BackupError):
    """The copy lacks what others have seen; it was not put in use."""


class Asked(NamedTuple):
    """What a restore is given beside the backup: where the keys lie, heads kept, witnesses, and what is accepted."""

    keys: Path | None
    checkpoints: Sequence[Path]
    witnesses: Sequence[str]
    without_keys: bool
    accept_loss: bool


class Restored(NamedTuple):
    """What was restored, and what was accepted as lost."""

    manifest: Manifest
    keys: int
    lost: list[str]


def open_keys(settings: Settings, folder: Path, manifest: Manifest, asked: Asked) -> dict[str, bytes]:
    """The keys of a backup; none where they are left out on purpose.

    Raises:
        BackupError: they are not there, or some of them are not.
    """
    if asked.without_keys:
        return {}
    path = asked.keys or keys_file(folder)
    if not path.exists():
        raise BackupError(
            f"the keys are not at {path}{'' if manifest.keys else ', and this backup was made without'}: name their "
            "file with --keys. Without them nothing is signed, and no pseudonym is known again; "
            "--without-keys restores all the same, and `taizhang log-key begin` begins a new epoch"
        )
    keys = sealed.unseal(path, passphrase(settings))
    lacking = sealed.missing(keys, settings)
    if lacking:
        raise BackupError(
            f"{path} lacks {', '.join(lacking)}: the service kept it elsewhere; put it there and use --without-keys"
        )
    return keys


def restore(settings: Settings, folder: Path, asked: Asked, told: Callable[[str], None]) -> Restored:
    """Restore a backup into the database of these settings, which must be empty.

    Raises:
        BehindError: others have seen more than the copy has, or could not be asked, and that was not accepted.
        BackupError: the backup is damaged or another log than others have seen, its keys are missing, or the
            database is not empty.
    """
    manifest = Manifest.of(folder)
    for table in manifest.tables:
        told(f"核对 checking {table.name}")
        check(folder, table)
    keys = open_keys(settings, folder, manifest, asked)
    _prepare(settings, manifest)
    with psycopg.connect(conninfo_for(settings.conninfo, "restore")) as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        for table in manifest.tables:
            told(f"写入 restoring {table.name}")
            read(connection, folder, table)
        count_on(connection)
        # The topic may hold rows of events that are lost: everything is sent to it anew.
        connection.execute(
            "UPDATE taizhang.relay SET version = '', toward_position = NULL, toward_as_of = NULL,"
            " toward_version = NULL, done_to = 0, owner = NULL, leased_until = NULL"
        )
        # Since the backup what waited may have been sent, and more: nobody is told anew unless an operator says so.
        # A backup of an earlier schema has no outbox.
        if connection.execute("SELECT to_regclass('taizhang.notice')").fetchone() != (None,):
            connection.execute("UPDATE taizhang.notice SET state = 'held' WHERE state = 'waiting'")
            connection.execute("UPDATE taizhang.notice_channel SET began_at = NULL")
        if LOG.root_at(connection, LOG.size(connection)).hex() != manifest.root_hash:
            raise BackupError(f"the log in {folder} has another root than {MANIFEST} names: it is refused")
        lost = _compared(connection, settings, keys, asked)
        sealed.in_place(keys if not lost else _aside(settings, keys), settings)
    migrate(settings.conninfo)
    put = _put_back(settings, keys, begins_anew=bool(lost))
    told("重建台账 building the ledger from the log")
    with connect(settings.conninfo, "restore") as connection:
        rebuild.rebuild(connection, lambda position, head: told(f"重建台账 building the ledger {position:,}/{head:,}"))
    return Restored(manifest, put, lost)


def _prepare(settings: Settings, manifest: Manifest) -> None:
    """Bring the schema to where the backup's was: what later migrations do to rows, they then do to these."""
    newest = migrations()[-1].version
    if manifest.migration > newest:
        raise BackupError(
            f"the backup is of schema version {manifest.migration}, this program knows {newest}: use taizhang "
            f"{manifest.taizhang} or newer"
        )
    migrate(settings.conninfo, to=manifest.migration)
    with psycopg.connect(settings.conninfo) as connection:
        row = connection.execute("SELECT max(version) FROM taizhang.migration").fetchone()
    if row is not None and row[0] > manifest.migration:
        raise BackupError(
            f"the database is at schema version {row[0]} already and the backup at {manifest.migration}: restore into "
            "a database that nothing was started on"
        )


def _compared(connection: Connection[Any], settings: Settings, keys: dict[str, bytes], asked: Asked) -> list[str]:
    """What the copy lacks, in words; only where that is accepted."""
    key_file = settings.log_key_path
    key = _verifier(settings, keys)
    here = [last_file(key_file), cosigned_file(last_file(key_file)), *asked.checkpoints]
    heads: Iterator[seen.Seen] = seen.kept(chain(seen.files(here), _of_keys(keys, last_file(key_file))), key)
    if key is not None:
        heads = chain(heads, seen.witnesses(asked.witnesses, key))
    log = seen.compare(connection, LOG, heads)
    compared = [log]
    for tree in TREES[1:]:
        last = last_file(key_file, tree)
        notes = chain(seen.files([last]), _of_keys(keys, last))
        compared.append(seen.compare(connection, tree, seen.kept(notes, None if key is None else key_for(key, tree))))
    wrong = [words for each in compared for words in each.contradicts]
    if wrong:
        raise BackupError("; ".join(wrong) + ": it is refused. Take another copy, and look for who changed one of them")
    lacking = [words for each in compared for words in each.behind]
    lacking += [words for each in compared for words in each.unasked]
    if lacking and not asked.accept_loss:
        raise BehindError(
            "; ".join(lacking) + ". Nothing was restored. Take a later backup if there is one. With --accept-loss it "
            "is restored as it is; the old key may sign no shorter log, and `taizhang log-key begin` begins another; "
            "what is lost comes again from Kafka, or from the sources if they send it again"
        )
    return lacking


def _verifier(settings: Settings, keys: dict[str, bytes]) -> VerifierKey | None:
    name = settings.log_key_path.name
    for place in ("keys", "log"):
        if f"{place}/{name}" in keys:
            return SignerKey.parse(keys[f"{place}/{name}"].decode().removesuffix("\n")).verifier
    return load_key(settings.log_key_path).verifier if settings.log_key_path.exists() else None


def _of_keys(keys: dict[str, bytes], path: Path) -> Iterator[tuple[str, bytes]]:
    """The head that lies beside the log's key in the backup: it was signed before the snapshot."""
    for place in ("keys", "log"):
        if f"{place}/{path.name}" in keys:
            yield f"the backup's own {path.name}", keys[f"{place}/{path.name}"]


def _put_back(settings: Settings, keys: dict[str, bytes], *, begins_anew: bool) -> int:
    """Put the keys in their places; where another log is to begin, the old log's lie beside, named so."""
    if not begins_anew:
        return sealed.put_back(keys, settings)
    key_file = settings.log_key_path
    for path in sorted(key_file.parent.glob(f"{key_file.name}*")) if key_file.parent.is_dir() else []:
        if not path.name.endswith(SUPERSEDED):
            path.rename(path.with_name(f"{path.name}{SUPERSEDED}"))
    return sealed.put_back(_aside(settings, keys), settings)


def _aside(settings: Settings, keys: dict[str, bytes]) -> dict[str, bytes]:
    """The keys, the superseded log's under names that say so."""
    of_log = {name for name in keys if Path(name).name.startswith(settings.log_key_path.name)}
    return {f"{name}{SUPERSEDED}" if name in of_log else name: data for name, data in keys.items()}
