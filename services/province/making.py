"""The city's side: the file with a sealed report and what proves it, for the province."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from domain.values.instants import parse_date
from services.assessment.assessments import find_assessment
from services.assessment.provable import provable
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.roots.kept import kept
from services.evidence.roots.proving import Figure, included, proof_of, roots_stated
from services.ledger.queries import Queries
from services.log.tree import LOG, AnyConnection
from services.province.report_file import BYTES_MAX, FIGURES_MAX, ReportFile, write
from services.system.errors import InvalidValueError

WHOLE: Final = Figure()


def figures_of(report: Mapping[str, Any]) -> list[Figure]:
    """What is proved of a report: the whole, then every region that a group is of, the coarsest first."""
    groups = (provable({}, report["group_by"], group["key"]) for group in report["groups"])
    regions = sorted({(each.digits, each.key) for each in groups if each is not None and each.digits})
    return [WHOLE, *(Figure(digits, key) for digits, key in regions)]


def make(  # noqa: PLR0917 - what a file is made from
    queries: Queries,
    name: str,
    old_sizes: Iterable[int],
    roots: Path,
    connection: AnyConnection,
    conninfo: str,
    signer: CheckpointSigner,
) -> bytes:
    """The file of a sealed report; `old_sizes` are sizes of heads that the province knows.

    Figures of regions are left out, the finest first, where the file would be larger than a file may be; the province
    says of how many groups that no proof shows them.

    Raises:
        NotFoundError: no such report was sealed, or the log was never of such a size.
        NotReadyError: its trees are being folded.
        InvalidValueError: the report is of a part of the city, or has no room in a file.
    """
    found = find_assessment(queries, name, queries.position)
    report = found.data
    if any(value is not None for value in report["segment"].values()):
        raise InvalidValueError(f"{name} is of a part of the city: a province adds up whole cities, seal one of all")
    stated = roots_stated(connection, report["known_at"], parse_date(report["as_of"]))
    trees = kept(roots, stated)
    shown = included(connection, conninfo, signer, max(stated.position, found.position))
    size = shown.checkpoint.size
    with closing(DatabaseLog(conninfo)) as log:
        rooted, sealed = (next(log.at([position])) for position in (stated.position, found.position))
    shown = shown._replace(stored=rooted, path=LOG.inclusion_proof(connection, stated.position, size))
    figures = tuple(proof_of(stated, each, trees, shown, signer.verifier) for each in figures_of(report)[:FIGURES_MAX])
    file = ReportFile(
        sealed.entry(), sealed.raw, tuple(LOG.inclusion_proof(connection, sealed.position, size)),
        figures, {old: tuple(LOG.consistency_proof(connection, old, size)) for old in old_sizes},
    )  # fmt: skip
    return _with_room(file)


def _with_room(file: ReportFile) -> bytes:
    """As many figures as there is room for, halving what is too much."""
    data = write(file)
    while len(data) > BYTES_MAX and len(file.figures) > 1:
        file = file._replace(figures=file.figures[: (len(file.figures) + 1) // 2])
        data = write(file)
    if len(data) > BYTES_MAX:
        raise InvalidValueError(
            f"the report has {len(data)} bytes, a file at most {BYTES_MAX}: seal one with fewer groups"
        )
    return data
