"""The ledger's own rounds: it signs the heads of its trees, and has witnesses cosign the log's (C2SP tlog-witness).

What was signed lies beside the key, apart from the database: whatever is cut or rewritten later, back to the round
before, contradicts it.
"""

import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple, Self

import httpx
import psycopg
import structlog

from services.evidence.notes.checkpoint import Checkpoint, parse_size
from services.evidence.notes.notes import Note, NoteError, Signature, VerifierKey, parse_signature
from services.evidence.notes.signing import CheckpointSigner, signers
from services.evidence.notes.vouched import refused_by
from services.evidence.witness import seen
from services.evidence.witness.witness import SIZE_CONTENT_TYPE, AddCheckpoint
from services.log.tree import LOG, AnyConnection
from services.postgres.database import connect
from services.system.errors import TaizhangError
from services.system.settings import Settings

WITNESS_TIMEOUT_S: Final = 10
#: Between rounds, however long one takes.
WAIT_S_MIN: Final = 0.2
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
        """Who signs the heads of the log and of the trees beside it, and asks the witnesses that the settings name."""
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
            began = time.monotonic()
            try:
                with connect(self._conninfo, "notary") as connection:
                    self.round(connection)
            except (psycopg.Error, OSError, TaizhangError) as fault:
                logger.error("nothing_signed", reason=str(fault))  # noqa: TRY400 - the reason is the message
            if self._stopping.wait(max(self._every_s - (time.monotonic() - began), WAIT_S_MIN)):
                return

    def round(self, connection: AnyConnection) -> None:
        """Sign the heads as they are now, and keep every cosignature that a witness gives for the log's."""
        log, *others = self._signers
        try:
            note = Note.parse(log.checkpoint(connection))
            for other in others:
                other.checkpoint(connection)
        except (OSError, TaizhangError) as fault:
            seen.not_signed(connection, seen.LOG, str(fault))
            raise
        checkpoint = Checkpoint.parse(note.text)
        seen.signed(connection, seen.LOG, checkpoint.size)
        cosignatures = []
        for witness in self._witnesses:
            who = str(witness.key)
            try:
                cosignatures.append(self._ask(connection, witness, checkpoint, note))
                self._check_refused(witness, log.verifier)
            except (NotCosignedError, NoteError) as refusal:
                logger.error("not_cosigned", witness=witness.key.name, reason=str(refusal))  # noqa: TRY400 - as above
                seen.not_signed(connection, who, str(refusal), refused=True)
            except httpx.HTTPError as fault:
                logger.warning("witness_silent", witness=witness.key.name, reason=str(fault))
                seen.not_signed(connection, who, f"{type(fault).__name__} {fault}")
            else:
                seen.signed(connection, who, checkpoint.size)
        if cosignatures:
            log.keep_cosigned(note, cosignatures)
            logger.info("cosigned", size=checkpoint.size, witnesses=len(cosignatures))

    def _ask(self, connection: AnyConnection, witness: WitnessedBy, checkpoint: Checkpoint, note: Note) -> Signature:
        """The witness's cosignature; where it saw another size than we know of, it says so and is asked once more."""
        address = f"{witness.address}/add-checkpoint"
        with self._client() as client:
            for _ in range(2):
                known = self._seen.get(witness.address, 0)
                if known > checkpoint.size:
                    raise NotCosignedError(
                        f"it signed {known} events, the log has {checkpoint.size}: run taizhang verify"
                    )
                proof = tuple(LOG.consistency_proof(connection, known, checkpoint.size))
                answer = client.post(address, content=AddCheckpoint(known, proof, note.to_bytes()).to_bytes())
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

    def _check_refused(self, witness: WitnessedBy, key: VerifierKey) -> None:
        """Whether the witness keeps heads that our key signed and that contradict ours: a fork, by whomever.

        Or, where it is a mirror, refuses by its own word what the log states. Only witnesses of this program tell of
        either; whoever else answers anything has told nothing.
        """
        with self._client() as client:
            answer = client.get(f"{witness.address}/refused", params={"origin": key.name})
        if answer.status_code != HTTPStatus.OK:
            return
        try:
            standing = [each for each in answer.json() if not each.get("ended")]
            refusals = [(each["reason"], each.get("request"), each.get("note")) for each in standing]
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        signed = [str(reason) for reason, request, _ in refusals if _is_signed(request, key)]
        if signed:
            raise NotCosignedError(
                f"it was shown {len(signed)} heads under this log's key that contradict the log, the last: "
                f"{signed[-1][:300]}. Somebody forks the log, or has its key: see deploy/keys.md"
            )
        words = [_refusal(note, witness.key, key.name) for _, _, note in refusals]
        refused = [each for each in words if each]
        if refused:
            raise NotCosignedError(f"it refuses what this log says, the last: {refused[-1][:300]}")

    def _client(self) -> httpx.Client:
        """One that gives a silent witness its share of the interval, so that the next round is not late."""
        share = self._every_s / (2 * max(len(self._witnesses), 1))
        return httpx.Client(timeout=min(WITNESS_TIMEOUT_S, max(share, 1.0)), trust_env=False)


def _is_signed(request: object, key: VerifierKey) -> bool:
    """Whether a request that a witness refused bears this key's signature; the witness's word is not taken for it."""
    try:
        return bool(Note.parse(AddCheckpoint.parse(str(request or "").encode()).note).verified_by([key]))
    except NoteError:
        return False


def _refusal(note: object, key: VerifierKey, origin: str) -> str | None:
    """The reason of a refusal that a mirror signed; None where it did not."""
    try:
        return refused_by(str(note or "").encode(), key, origin)
    except NoteError:
        return None


def _own(key: VerifierKey, text: str, lines: str) -> Signature:
    """The witness's own signature among the lines of its answer, verified."""
    for line in lines.removesuffix("\n").split("\n"):
        signature = parse_signature(line)
        if (signature.name, signature.key_id) == (key.name, key.key_id):
            key.verify(text, signature)
            return signature
    raise NotCosignedError(f"its answer holds no signature of {key}")
