"""Which key a log signs with, and whether this host has it. No key is ever made for a log that has one.

The database holds the first key (migration 0041) and, in the log, every change of it; the private half lies in a file
of the host's. Where the two disagree nothing is signed, and the fault says what to do.
"""

from dataclasses import replace
from pathlib import Path

from domain.events.evidence import KEY_CHANGED
from services.evidence.notes.beside_key import TREES, cosigned_file, key_for, last_file
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_files import KeyFileError, load_key, load_or_create_key
from services.evidence.notes.key_history import Change, KeyHistory
from services.evidence.notes.notes import Note, NoteError, SignatureType, SignerKey, VerifierKey
from services.log.reader import LogReader
from services.log.tree import AnyConnection, rows
from services.system.errors import TaizhangError
from services.system.files import locked, sync_folder, write_durably

#: Source of the events that change the key, and who publishes them: a name with a slash, which nobody can be granted.
SOURCE = "/taizhang/log-key"


class NothingSignedError(TaizhangError):
    """The log's head is not signed, since its key or its history is in doubt."""


class LogKeyError(NothingSignedError):
    """This host does not have the key that the log signs with."""


def history(connection: AnyConnection) -> KeyHistory | None:
    """The keys of the log in this database; None before its first signature.

    Raises:
        NothingSignedError: what the database says of them does not hold.
    """
    found = rows(connection, "SELECT key FROM taizhang.log_identity", ())
    if not found:
        return None
    try:
        # Others may name this source, but not say what is said of the key.
        changes = [
            Change.read(each.data) for each in LogReader(connection).of_source(SOURCE) if each.type == KEY_CHANGED
        ]
        return KeyHistory.of(VerifierKey.parse(found[0][0]), changes)
    except NoteError as fault:
        raise NothingSignedError(f"what the database says of the log's keys was changed: {fault}") from None


def bind(connection: AnyConnection, key: VerifierKey) -> None:
    """Note the first key of a log that has none yet; LogKeyError where another host was first."""
    connection.execute("INSERT INTO taizhang.log_identity (key) VALUES (%s) ON CONFLICT DO NOTHING", (str(key),))
    ((first,),) = rows(connection, "SELECT key FROM taizhang.log_identity", ())
    if first != str(key):
        raise LogKeyError(f"another host was first to sign this log, with {first}: put that key's file here")


def next_file(key_file: Path) -> Path:
    """Where the key lies that is to take the place of the one in this file."""
    return key_file.with_name(f"{key_file.name}.next")


def finish_change(key_file: Path, found: KeyHistory | None) -> None:
    """Put in place the key of a change that was stated and cut off before that."""
    new = next_file(key_file)
    if found is not None and new.exists() and load_key(new).verifier == found.current:
        put_in_place(key_file, found)


def put_in_place(key_file: Path, found: KeyHistory) -> None:
    """Put the key that is in force, from `next_file`, in the place of the one before; may be cut off and done again.

    The heads signed last are signed anew: nothing that contradicts them gets a signature of the new key either. A log
    that was restored with losses is another one, which may lack what they hold: there they are set aside.
    """
    with locked(key_file):
        new_file, change = next_file(key_file), found.changes[-1]
        if not new_file.exists():
            return  # another process was first
        new = load_key(new_file)
        for tree in TREES:
            last = last_file(key_file, tree)
            with locked(last):
                _set_aside(cosigned_file(last), change.epoch - 1)
                if change.because == "restored":
                    _set_aside(last, change.epoch - 1)
                elif last.exists():
                    note = Note.parse(last.read_bytes())
                    before, after = key_for(change.old, tree), key_for(change.new, tree)
                    if note.verified_by([before, after])[0][0] == before:
                        checkpoint = replace(Checkpoint.parse(note.text), origin=after.name)
                        write_durably(last, checkpoint.sign(key_for(new, tree)))
        _set_aside(key_file, change.epoch - 1)
        new_file.rename(key_file)
        sync_folder(key_file.parent)


def _set_aside(path: Path, epoch: int) -> None:
    if path.exists():
        path.rename(path.with_name(f"{path.name}.epoch-{epoch}"))


def held_key(found: KeyHistory | None, key_file: Path, origin: str | None) -> SignerKey:
    """The private half of the key in force, from this host's file; made anew for a log that never had one.

    Raises:
        LogKeyError: this host does not have it.
        KeyFileError: the file must not be used as it is, or is of another origin than the settings name.
    """
    if found is None:
        return load_or_create_key(key_file, SignatureType.ED25519, origin)
    if not key_file.exists():
        raise LogKeyError(
            f"this log signs with {found.current}, and {key_file} is not there: put the file back from the backup of "
            "the keys or from the other host. If it is lost, `taizhang log-key begin --because lost` begins a new "
            "epoch; until then nothing is signed"
        )
    key = load_key(key_file)
    if key.verifier != found.current:
        raise LogKeyError(
            f"this log signs with {found.current}, and {key_file} holds {key.verifier}: it is another log's, or an "
            "earlier epoch's. Put the right file there; nothing is signed with this one"
        )
    if origin is not None and key.name != origin:
        raise KeyFileError(f"{key_file} holds the key of {key.name!r}, not of {origin!r}: set the origin back")
    return key
