"""The ledger's own rounds: it signs the heads of its trees, and has witnesses cosign the log's (C2SP tlog-witness).

What was signed lies beside the key, apart from the database: whatever is cut or rewritten later, back to the round
before, contradicts it.
"""

import threading
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple, Self

import httpx
import psycopg
import structlog

from services.evidence.notes.checkpoint import Checkpoint, parse_size
from services.evidence.notes.notes import Note, NoteError, Signature, VerifierKey, parse_signature
from services.evidence.notes.signing import CheckpointSigner, signers
from services.evidence.witness.witness import SIZE_CONTENT_TYPE, AddCheckpoint
from services.log.tree import LOG, AnyConnection
from services.postgres.database import connect
from services.system.errors import TaizhangError
from services.system.settings import Settings

WITNESS_TIMEOUT_S: Final = 10
#: A cosignature line is about 160 bytes; a witness may hold several keys.
ANSWER_BYTES_MAX: Final = 16 * 1024

logger = structlog.get_logger(__name__)


class WitnessedBy(NamedTuple):
    """A witness that the ledger sends its checkpoints to: its key and its address."""

    key: VerifierKey
    address: str


def read_witnesses(text: str) -> list[WitnessedBy]:
    """The witnesses of TAIZHANG_WITNESSES, each as `KEY ADDRESS`, with commas between; NoteError for another key."""
    pairs = (each.split() for each in text.split(",") if each.strip())
    return [WitnessedBy(VerifierKey.parse(key), address.rstrip("/")) for key, address in pairs]


class NotCosignedError(TaizhangError):
    """A witness that gave no cosignature, and why."""


class Notary:
    """Makes a round now and then, in a thread of its own, for as long as it is open."""

    def __init__(
        self, conninfo: str, signers: Sequence[CheckpointSigner], witnesses: Sequence[WitnessedBy], every_s: float
    ) -> None:
        """The first of the signers is the log's."""
        self._conninfo, self._signers, self._witnesses, self._every_s = conninfo, signers, witnesses, every_s
        self._stopping = threading.Event()
        self._seen: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="notary", daemon=True)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Who signs the heads of the log and of the trail of reading, and asks the witnesses that the settings name."""
        # Its signers are its own: what it has just signed must not be served to others for the next second.
        own = signers(settings.log_key_path, settings.log_origin)
        return cls(settings.conninfo, own, read_witnesses(settings.witnesses or ""), settings.checkpoint_seconds)

    def start(self) -> None:
        """Begin with the first round."""
        self._thread.start()

    def close(self) -> None:
        """Let the round under way end."""
        self._stopping.set()
        self._thread.join(WITNESS_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            try:
                with connect(self._conninfo, "notary") as connection:
                    self.round(connection)
            except (psycopg.Error, OSError, TaizhangError) as fault:
                logger.error("nothing_signed", reason=str(fault))  # noqa: TRY400 - the reason is the message
            if self._stopping.wait(self._every_s):
                return

    def round(self, connection: AnyConnection) -> None:
        """Sign the heads as they are now, and keep every cosignature that a witness gives for the log's."""
        log, *others = self._signers
        note = Note.parse(log.checkpoint(connection))
        for other in others:
            other.checkpoint(connection)
        checkpoint = Checkpoint.parse(note.text)
        cosignatures = []
        for witness in self._witnesses:
            try:
                cosignatures.append(self._ask(connection, witness, checkpoint, note))
            except (NotCosignedError, NoteError) as refusal:
                logger.error("not_cosigned", witness=witness.key.name, reason=str(refusal))  # noqa: TRY400 - as above
            except httpx.HTTPError as fault:
                logger.warning("witness_silent", witness=witness.key.name, reason=str(fault))
        if cosignatures:
            log.keep_cosigned(note, cosignatures)
            logger.info("cosigned", size=checkpoint.size, witnesses=len(cosignatures))

    def _ask(self, connection: AnyConnection, witness: WitnessedBy, checkpoint: Checkpoint, note: Note) -> Signature:
        """The witness's cosignature; where it saw another size than we know of, it says so and is asked once more."""
        address = f"{witness.address}/add-checkpoint"
        with httpx.Client(timeout=WITNESS_TIMEOUT_S, trust_env=False) as client:
            for _ in range(2):
                seen = self._seen.get(witness.address, 0)
                if seen > checkpoint.size:
                    raise NotCosignedError(
                        f"it signed {seen} events, the log has {checkpoint.size}: run taizhang verify"
                    )
                proof = tuple(LOG.consistency_proof(connection, seen, checkpoint.size))
                answer = client.post(address, content=AddCheckpoint(seen, proof, note.to_bytes()).to_bytes())
                text = answer.text[:ANSWER_BYTES_MAX]
                if (
                    answer.status_code == HTTPStatus.CONFLICT
                    and answer.headers.get("content-type") == SIZE_CONTENT_TYPE
                ):
                    self._seen[witness.address] = parse_size(text.removesuffix("\n"))
                    continue
                if answer.status_code != HTTPStatus.OK:
                    raise NotCosignedError(f"it answered {answer.status_code}: {text[:300]}")
                self._seen[witness.address] = checkpoint.size
                return _own(witness.key, note.text, text)
        raise NotCosignedError("it names another size each time: another process sends it checkpoints too")


def _own(key: VerifierKey, text: str, lines: str) -> Signature:
    """The witness's own signature among the lines of its answer, verified."""
    for line in lines.removesuffix("\n").split("\n"):
        signature = parse_signature(line)
        if (signature.name, signature.key_id) == (key.name, key.key_id):
            key.verify(text, signature)
            return signature
    raise NotCosignedError(f"its answer holds no signature of {key}")
