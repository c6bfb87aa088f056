"""`GET /v1/log/state`: who signs the log's head, who is silent or refuses, and which keys the log has signed with."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.questions import ASK, READING, Not, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import Parts, parts_of
from domain.events.evidence import Because
from services.evidence.notes.identity import history
from services.evidence.notes.key_history import Epoch
from services.evidence.witness.notary import read_witnesses
from services.evidence.witness.seen import Signatory, Standing, signatories

router = APIRouter(prefix="/v1/log", tags=["log"], responses=PROBLEMS)

NAMES_NOBODY: Final = Not("keys and signatures, which name no organization")


class SignatoryShape(BaseModel):
    """The log's own key, or a witness or mirror that TAIZHANG_WITNESSES names."""

    signatory: str | None = Field(description="its name; the log's own is its origin, null before its first signature")
    own: bool = Field(description="the log's own signature; else a witness's or a mirror's")
    state: Standing = Field(
        description="silent: not signed for more than two intervals; unasked: no round has come to it yet"
    )
    size: int | None = Field(description="events of the head that it signed last; null where it has signed none")
    behind: int | None = Field(description="events of the log that this head lacks")
    signed_at: datetime | None
    asked_at: datetime | None
    fault: str | None = Field(description="what has been wrong since it signed last")
    log_key: str | None = Field(description="its public key (C2SP signed-note); null before the log's first signature")


class EpochShape(BaseModel):
    """One key of the log, in order."""

    epoch: int
    log_key: str
    until: int | None = Field(description="it signs no tree of more events; null: it is in force")
    because: Because | None = Field(description="why it ended; rotated: the next one can be followed from it")


class StateOfLog(BaseModel):
    """Who vouches for the log."""

    origin: str | None = Field(description="null before the log's first signature")
    position: int = Field(description="the log's last")
    interval_s: float = Field(description="seconds between rounds of signing")
    signatories: list[SignatoryShape]
    keys: list[EpochShape]


class State(NamedTuple):
    """What the call and the page both tell."""

    position: int
    interval_s: float
    signatories: list[Signatory]
    epochs: list[Epoch]

    @property
    def origin(self) -> str | None:
        """The log's name, as its keys have it."""
        return self.epochs[-1].key.name if self.epochs else None

    @property
    def well(self) -> bool:
        """Whether all who are named have signed."""
        return all(each.state in ("signs", "unasked") for each in self.signatories)


def state_of(parts: Parts) -> State:
    """Read it.

    Raises:
        NothingSignedError: what the database says of the log's keys does not hold.
    """
    settings = parts.settings
    position, _ = parts.recorder.head()
    named = [each.key for each in read_witnesses(settings.witnesses or "")]
    with parts.recorder.datastore.get_connection() as connection:
        found, keys = signatories(connection, named, settings.checkpoint_seconds), history(connection)
    return State(position, settings.checkpoint_seconds, found, [] if keys is None else keys.epochs)


@router.get("/state", response_model=None, responses={200: {"model": StateOfLog}}, summary="签署情况 Who signs the log")
@question(READING, "none", trail=NAMES_NOBODY, command=ASK)
@taken_away(Sheet("signatories", SignatoryShape))
def get(request: Request) -> Response:
    """The log's own signature, each witness and mirror that is named, and every key that the log has signed with.

    A fork that a witness was shown, a root that a mirror refuses, a witness that is silent and a key that is missing
    all stand here in words; readiness and measures turn on the same.
    """
    found = state_of(parts_of(request))
    return answer({
        "origin": found.origin,
        "position": found.position,
        "interval_s": found.interval_s,
        "signatories": [_signatory(found, each) for each in found.signatories],
        "keys": [
            {"epoch": number, "log_key": str(each.key), "until": each.until, "because": each.ended}
            for number, each in enumerate(found.epochs, 1)
        ],
    })  # fmt: skip


def _signatory(found: State, each: Signatory) -> dict[str, Any]:
    own = found.epochs[-1].key if found.epochs else None
    key = each.key or own
    return {
        "signatory": None if key is None else key.name,
        "own": each.key is None,
        "state": each.state,
        "size": each.size,
        "behind": None if each.size is None else max(found.position - each.size, 0),
        "signed_at": each.signed_at,
        "asked_at": each.asked_at,
        "fault": each.fault,
        "log_key": None if key is None else str(key),
    }
