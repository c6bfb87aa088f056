"""The log's key is changed: stated in the log first, then put in place (spec/evidence.md, Keys).

Whatever is cut off in between is done by the next who signs: the new key lies beside the old one by then.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.rights import Right
from domain.events.evidence import KEY_CHANGED, Because
from services.evidence.notes.beside_key import last_file
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.identity import SOURCE, LogKeyError, finish_change, history, next_file, put_in_place
from services.evidence.notes.key_files import load_key, load_or_create_key
from services.evidence.notes.key_history import Change, KeyHistory
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.notes.signing import require_extends
from services.intake.in_turn import act
from services.intake.intake import Intake
from services.log.messages import Message, Publisher
from services.log.tree import LOG
from services.log.turns import Turn
from services.postgres.database import connect
from services.system.settings import SHANGHAI

PUBLISHER: Final = Publisher(SOURCE, (Right(types=frozenset({KEY_CHANGED}), of_service=True),))


def change_key(conninfo: str, key_file: Path, because: Because, origin: str | None = None) -> Change:
    """Have the log sign with a new key from now on, and put it into the key's file; the change that was stated.

    Args:
        conninfo: the log's database.
        key_file: of the log's key; the old key goes beside it, to be destroyed once everyone follows.
        because: `rotated` takes the old key's signature; whatever else begins an epoch that nobody follows by itself.
        origin: the new key's, of a log that was `restored` with losses, any if left out; else it stays.

    Raises:
        LogKeyError: the log has no key to change, or this host does not have it where its signature is needed.
        LogContradictsError: the database holds another history than what was signed.
    """
    with connect(conninfo, "log-key") as connection:
        found = _known(history(connection))
        finish_change(key_file, found)
        _require_held(key_file, found, because)
        if because != "restored" and last_file(key_file).exists():
            last = open_checkpoint(last_file(key_file).read_bytes(), found.current)[0]
            require_extends(connection, LOG, last, LOG.size(connection))
        if because == "restored" and origin == found.current.name:
            raise LogKeyError(
                f"a restored log is another log and has another origin than {origin}: set TAIZHANG_LOG_ORIGIN to a new "
                "one, or leave it out"
            )
    name = origin if because == "restored" else found.current.name
    new = load_or_create_key(next_file(key_file), SignatureType.ED25519, name)
    intake = Intake.open(conninfo, "log-key")
    try:
        act(intake, lambda cursor, turn: _stated(cursor, turn, found, key_file, new, because))
    finally:
        intake.close()
    with connect(conninfo, "log-key") as connection:
        found = _known(history(connection))
    put_in_place(key_file, found)
    return found.changes[-1]


def _known(found: KeyHistory | None) -> KeyHistory:
    if found is None:
        raise LogKeyError("nothing has been signed of this log yet, so that it has no key to change: start the service")
    return found


def _require_held(key_file: Path, found: KeyHistory, because: Because) -> None:
    held = load_key(key_file).verifier if key_file.exists() else None
    if because == "rotated" and held != found.current:
        raise LogKeyError(
            f"the old key signs a rotation, and {key_file} does not hold {found.current}: put it there. If it is lost "
            "or leaked, `taizhang log-key begin --because lost` (or leaked) begins a new epoch"
        )
    if because == "lost" and held == found.current:
        raise LogKeyError(f"{key_file} holds {found.current}, which is not lost: use `taizhang log-key rotate`")


def _stated(  # noqa: PLR0917 - what a statement is made of
    cursor: Cursor[TupleRow], turn: Turn, found: KeyHistory, key_file: Path, new: SignerKey, because: Because
) -> Sequence[Message]:
    """The event that states the change, of the log as it is while its gate is held."""
    if _known(history(cursor.connection)) != found:
        raise LogKeyError("the key was changed meanwhile, by another host: look at `taizhang log-key history`")
    root_hash = LOG.root_at(cursor.connection, turn.position)
    change = Change(len(found.changes) + 2, because, found.current, new.verifier, turn.position, root_hash)
    signing = [load_key(key_file), new] if because == "rotated" else [new]
    data: dict[str, Any] = {"effective_on": turn.now.astimezone(SHANGHAI).date().isoformat()}
    event = {
        "specversion": "1.0", "id": f"{change.epoch}-{new.verifier.key_id.hex()}", "source": SOURCE,
        "type": KEY_CHANGED, "time": datetime.now(SHANGHAI).isoformat(timespec="milliseconds"),
        "data": data | change.signed(*signing).data(),
    }  # fmt: skip
    return [Message(orjson.dumps(event), {"channel": "http", "request": str(uuid4()), "index": 0}, PUBLISHER)]
