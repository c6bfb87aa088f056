"""Evidence while somebody waits for it: a bundle from the projection's own lists, and the whole log as one ZIP file."""

import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import IO, Final

from domain.ledger.rates import ANY
from domain.values.scope import by_body
from projections.ledger.columns.choosing import Group
from services.evidence.bundles.bundle import ORGANIZATIONS_MAX, Contents, Question, Roots, write_bundle
from services.evidence.bundles.relevant import relevant_in
from services.evidence.copies.copies import files_of, keys_file
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.notes import VerifierKey
from services.evidence.notes.signing import CheckpointSigner
from services.ledger.queries import Queries
from services.log.tree import LOG
from services.postgres.database import connect
from services.system.errors import InvalidValueError, QueueFullError

#: Each holds its events in memory.
BUNDLES_AT_ONCE: Final = 2
#: What a large one takes.
BUNDLE_S: Final = 10
_making = threading.BoundedSemaphore(BUNDLES_AT_ONCE)


def bundle(  # noqa: PLR0917 - what a bundle is made from
    queries: Queries,
    conninfo: str,
    signer: CheckpointSigner,
    question: Question,
    file: IO[bytes],
    roots: Roots | None = None,
) -> int:
    """Write the bundle that answers a question, for the position that the projection has reached or an earlier one.

    With roots it shows that its events are all. Returns the number of events in it.

    Raises:
        NotFoundError: no event speaks of a named organization.
        InvalidValueError: the question means no organization, or more of them or of their events than a bundle takes.
        QueueFullError: enough bundles are being made.
    """
    if not _making.acquire(blocking=False):
        raise QueueFullError(f"{BUNDLES_AT_ONCE} evidence bundles are being made: try again", BUNDLE_S)
    try:
        organizations = question.with_group(_group(queries, question))
        reading = queries.view.current.reading
        with queries.connection() as connection, closing(DatabaseLog(conninfo)) as log:
            events = relevant_in(connection, reading, organizations, question.known_at)
            return write_bundle(connection, signer, log, Contents(question, organizations, events, roots), file)
    finally:
        _making.release()


def _group(queries: Queries, question: Question) -> list[str]:
    """The organizations of the question's group, one more than a bundle takes at most."""
    if question.filters is None:
        return []
    view, day = queries.view.current, question.as_of.toordinal()
    policy = view.snapshot.policy(day, question.known_at)
    filters = question.filters or ANY
    if filters.body is not None or filters.basis is not None or by_body(filters.scope):
        raise InvalidValueError(
            "a bundle proves single organizations or a group of places and kinds; of bodies and bases save the answer "
            "of /v1/rates and have taizhang verify it against a copy of the log"
        )
    group = Group(filters, question.regions, question.count)
    rows = queries.by_organization.page(
        view.version.number, view.snapshot, day, question.known_at, policy, group, -1, ORGANIZATIONS_MAX + 1
    )  # fmt: skip
    return [view.snapshot.orgs[number] for number in rows.org_no.tolist()]


class _Parts:
    """A file that cannot be sought: it gives what was written to it since the last time."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """All is at hand already."""

    def take(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


def whole_log(conninfo: str, signer: CheckpointSigner) -> Iterator[bytes]:
    """The whole log up to its checkpoint of now as a ZIP file, in parts; never more than one bundle in memory."""
    with connect(conninfo, "export") as connection:
        note = signer.checkpoint(connection, LOG.size(connection))
        changed = keys_file(connection)
    return _zipped(conninfo, note, signer.verifier, changed)


def _zipped(conninfo: str, note: bytes, key: VerifierKey, changed: bytes | None) -> Iterator[bytes]:
    parts, (checkpoint, _) = _Parts(), open_checkpoint(note, key)
    with (
        connect(conninfo, "export") as connection,
        zipfile.ZipFile(parts, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,  # type: ignore[call-overload]  # a stream to write to is enough
    ):
        add = partial(archive.writestr, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
        # Entries bear ZIP's first date, not that of the asking: the same log has the same bytes.
        add(zipfile.ZipInfo("key"), f"{key}\n")
        if changed is not None:
            add(zipfile.ZipInfo("keys"), changed)
        add(zipfile.ZipInfo("checkpoint"), note)
        for file in files_of(connection, checkpoint.size):
            add(zipfile.ZipInfo(file.name), file.read())
            yield parts.take()
    yield parts.take()
