"""What a city's report file shows: the checks by number, and whose fault it is where one does not hold.

What whoever carried it may have spoilt is refused, and nothing is said of the city. What the city signed and does not
hold is a finding: a head that does not extend one known before, or a report that its own tree contradicts.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from domain.events.assessment import SEALED
from domain.events.envelope import read_event
from domain.events.province import Ground
from domain.province.reports import Head
from domain.tree.merkle import MerkleError
from domain.tree.proofs import verify_consistency
from domain.values.instants import parse_date
from services.assessment.assessments import SOURCE
from services.assessment.provable import ProvableFigure, provable
from services.evidence.copies.copies import CopyError
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import NoteError, VerifierKey
from services.evidence.roots.figure_proof import write as write_figure
from services.evidence.roots.stated import Stated
from services.evidence.verifier.figure_check import check_sums, verify_figure
from services.evidence.verifier.report import Report as Found
from services.evidence.verifier.roots_check import included, stated_in
from services.province.report_file import ReportFile, name_of, read
from services.system.errors import InvalidValueError

_WHOLE: Final = ProvableFigure(0, "", None)
_SHOWN_MAX: Final = 3


class UnshownError(InvalidValueError):
    """A file shows nothing of the city, for whatever was done to it on its way; nothing is stored."""


class Finding(NamedTuple):
    """What the city's own signature holds against it."""

    ground: Ground
    words: str


class Checked(NamedTuple):
    """A report that is the city's word, and what else its file shows.

    Attributes:
        file: SHA-256 of the file.
        sealed_at: its position in the city's log.
        counts: by kind and name, as the city's sum tree has them.
        unproved: how many groups no proof shows.
        head: that of the file.
        extends: heads known before that it was shown to extend.
        finding: what does not hold; None where all does.
    """

    file: str
    sealed_at: int
    data: Mapping[str, Any]
    as_of: date
    counts: Mapping[str, Mapping[str, int]]
    unproved: int
    head: Head
    extends: tuple[Head, ...]
    finding: Finding | None


def check(data: bytes, key: VerifierKey, known: Sequence[Head], doubted: Sequence[Head] = ()) -> Checked:
    """Check a file against what is known of the city.

    Args:
        data: the file.
        key: of the city's log, as the province was told it.
        known: heads of its log that are of one history, the largest last.
        doubted: heads that were not shown to be of it.

    Raises:
        UnshownError: it shows nothing of the city.
    """
    # 1. The file: whole, in the one way in which it is written.
    try:
        file = read(data)
    except CopyError as fault:
        raise UnshownError(str(fault)) from None
    # 2. Its figures: signed by the city's key, of one checkpoint, each leading to the roots that the log states.
    stated, checkpoint = _figures(file, key)
    # 3. The report: an event of that log, sealed by the service.
    sealed_at, report = _sealed(file, checkpoint)
    # 4. It is of the whole city, at the clocks of these roots.
    _bind(report, stated)
    head = Head(checkpoint.size, checkpoint.root_hash.hex())
    # 5. The log: it extends what the province knows of it.
    extends, finding = _history(file, head, known, doubted)
    # 6. The report's figures: those of the tree.
    unproved, wrong = _compare(report, file, stated)
    if finding is None and wrong:
        more = f", and {len(wrong) - _SHOWN_MAX} more" if len(wrong) > _SHOWN_MAX else ""
        finding = Finding("figures_edited", "; ".join(wrong[:_SHOWN_MAX]) + more)
    whole = file.figures[0].sums.counts
    counts = {kind: stated.figure(whole, kind) for kind in stated.kinds}
    return Checked(
        name_of(data), sealed_at, report, parse_date(report["as_of"]), counts, unproved, head, extends, finding
    )


def _figures(file: ReportFile, key: VerifierKey) -> tuple[Stated, Checkpoint]:
    first = file.figures[0]
    if (first.sums.digits, first.kind) != (0, None):
        raise UnshownError("its first figure is not that of the whole city: have the file made again")
    if first.key != str(key):
        raise UnshownError(
            f"it is signed by {first.key}, the province knows the city's log by {key}; nothing was stored. If the city "
            "has changed its key, have an office say so (city.changed), and have the file made again if it is older"
        )
    verified = verify_figure(write_figure(first), LogKeys.follow(key, None))
    _refuse_faults(verified.report)
    checkpoint = verified.checkpoint
    assert checkpoint is not None  # noqa: S101 - there is no fault
    report = Found(1)
    stored = included(report, first.entry, first.raw, first.path, checkpoint)
    stated = None if stored is None else stated_in(report, stored)
    _refuse_faults(report)
    assert stated is not None  # noqa: S101 - as above
    # What the first one shows of checkpoint and event it shows for all: of the others only the sums are their own.
    for proof in file.figures[1:]:
        if proof != first._replace(sums=proof.sums):
            raise UnshownError("its figures are not of one checkpoint and date: have the file made again")
        check_sums(report, proof, stated)
        _refuse_faults(report)
    return stated, checkpoint


def _refuse_faults(report: Found) -> None:
    if report.first is not None:
        raise UnshownError(f"this shows nothing of the city: {report.first.english}; nothing was stored")


def _sealed(file: ReportFile, checkpoint: Checkpoint) -> tuple[int, Mapping[str, Any]]:
    report = Found(1)
    stored = included(report, file.entry, file.raw, file.path, checkpoint)
    _refuse_faults(report)
    assert stored is not None  # noqa: S101 - there is no fault
    reading = read_event(stored.raw, stored.intake.get("attributes"))
    if reading.event is None or reading.event.type != SEALED or stored.source != SOURCE:
        raise UnshownError(f"position {stored.position} of the city's log is no report that its service sealed")
    return stored.position, reading.event.data


def _bind(report: Mapping[str, Any], stated: Stated) -> None:
    if any(value is not None for value in report["segment"].values()):
        raise UnshownError(f"{report['assessment']} is of a part of the city: seal one without a segment")
    clocks = (parse_date(report["as_of"]), report["known_at"], bytes.fromhex(report["root_hash"]))
    if clocks != (stated.as_of, stated.known_at, stated.root_hash):
        raise UnshownError(
            f"{report['assessment']} is as of {report['as_of']}, known at {report['known_at']}; the roots are of "
            f"{stated.as_of}, known at {stated.known_at}: have the file made again"
        )
    if report["ruleset"] != stated.ruleset:
        raise UnshownError(
            f"{report['assessment']} was sealed by the rules {report['ruleset']}, the roots were folded by "
            f"{stated.ruleset}: what differs might be theirs; have a report sealed that supersedes it"
        )


def _history(
    file: ReportFile, head: Head, known: Sequence[Head], doubted: Sequence[Head]
) -> tuple[tuple[Head, ...], Finding | None]:
    extends = tuple(each for each in (*known, *doubted) if each != head and _extends(file, head, each))
    last = known[-1] if known else head
    at_size = next((each for each in known if each.size == head.size), None)
    if at_size is not None or last.size <= head.size:
        before = at_size or last
        if before == head or before in extends:
            return extends, None
        if before.size == head.size or before.size in file.consistency:
            words = (
                f"its log of {head.size} events has the root {head.root_hash}, which does not extend the head of "
                f"{before.size} events with the root {before.root_hash} that it signed before"
            )
            return extends, Finding("log_rewritten", words)
    raise UnshownError(
        f"the file is of a log of {head.size} events and does not say how it goes with the {last.size} that are known: "
        f"have it made anew with --old-size {last.size}"
    )


def _extends(file: ReportFile, head: Head, before: Head) -> bool:
    path = file.consistency.get(before.size)
    if path is None or before.size > head.size:
        return False
    try:
        roots = bytes.fromhex(before.root_hash), bytes.fromhex(head.root_hash)
        verify_consistency(before.size, head.size, path, *roots)
    except MerkleError:
        return False
    return True


def _compare(report: Mapping[str, Any], file: ReportFile, stated: Stated) -> tuple[int, list[str]]:
    """How many groups no figure shows, and where the report says otherwise than the tree."""
    figures = {(each.sums.digits, each.sums.key): each.sums.counts for each in file.figures}
    wrong = list(_differences("in total", report["total"], stated.figure(figures[0, ""], None)))
    unproved = 0
    sums: dict[str, int | None] = {}
    for group in report["groups"]:
        for name, count in group["counts"].items():
            before = sums.get(name, 0)
            sums[name] = None if before is None or count is None else before + count
        of = provable({}, report["group_by"], group["key"])
        counts = None if of is None else figures.get((of.digits, of.key))
        if of is None or counts is None:
            unproved += 1
        else:
            where = ", ".join(f"{n}={k}" for n, k in zip(report["group_by"], group["key"], strict=False))
            wrong += _differences(f"for {where}", group["counts"], stated.figure(counts, of.kind))
    if report["groups"]:
        wrong += _differences("in total of its groups", sums, stated.figure(figures[0, ""], None))
    return unproved, wrong


def _differences(where: str, said: Mapping[str, int | None], tree: Mapping[str, int]) -> Iterator[str]:
    for name in sorted(said.keys() & tree.keys()):
        if said[name] != tree[name]:
            yield f"{where} the report says {name} {said[name]}, its log's own tree has {tree[name]}"


def key_of(text: str) -> VerifierKey:
    """A city's log key, as the list of cities has it.

    Raises:
        InvalidValueError: it is none.
    """
    try:
        return VerifierKey.parse(text)
    except NoteError as fault:
        raise InvalidValueError(f"the key of the city's log cannot be read: {fault}") from None
