"""Roots that a log states, folded anew from a mirror's own copy."""

import tempfile
from contextlib import closing
from typing import Final, NamedTuple

from domain.values.terms import KINDS
from services.evidence.copies.copies import CopyError
from services.evidence.copies.stored import CopiedLog, MangledEntryError
from services.evidence.mirror.own_copy import OwnCopy
from services.evidence.mirror.state import Verdict
from services.evidence.notes.vouched import Told
from services.evidence.roots.refold import ShortLogError, Trees, refold
from services.evidence.roots.stated import Stated
from services.evidence.verifier.report import Report
from services.evidence.verifier.roots_check import stated_in
from services.evidence.verifier.verify import Source, verify_log
from services.ledger.ruleset import ruleset
from services.system.errors import TaizhangError

_UNFOLDABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class DamagedError(TaizhangError):
    """The mirror's own copy is not what was verified: it is copied again, and nobody is accused."""


class Judgement(NamedTuple):
    """A verdict on what a position states, in words; `told` where it states roots at all."""

    verdict: Verdict
    words: str
    told: Told | None = None


def judge(own: OwnCopy, size: int, root_hash: bytes, origin: str, position: int) -> Judgement:
    """Fold the roots that a position states anew from the events before it, and compare.

    Args:
        own: the copy, verified up to `size`, where the log's root is `root_hash`.
        size: see above.
        root_hash: see above.
        origin: the log's.
        position: of the event.

    Raises:
        DamagedError: the copy was changed since it was verified.
    """
    with closing(own.log(size)) as log:
        try:
            found = _judge(own, log, origin, position)
        except (CopyError, MangledEntryError, ShortLogError) as fault:
            raise DamagedError(f"the own copy cannot be read: {fault}") from None
    if found.verdict == "wrong":
        # Whoever accuses looks at what stands in the own copy first.
        _require_undamaged(own, size, root_hash)
    return found


def _judge(own: OwnCopy, log: CopiedLog, origin: str, position: int) -> Judgement:
    (stored,) = log.events(position, position)
    report = Report(1)
    stated = stated_in(report, stored)
    if stated is None:
        fault = report.first
        return Judgement("wrong", fault.english if fault else "the event states no roots")
    told = Told(origin, position, stored.leaf(position), stated.as_of, stated.known_at)
    if stated.ruleset != ruleset():
        words = f"stated by the rules {stated.ruleset}, and this mirror has {ruleset()}: NOT judged"
        return Judgement("unjudged", words, told)
    try:
        with tempfile.TemporaryFile(dir=own.folder) as leaves:
            trees = refold(log, stated.as_of, stated.known_at, leaves, scratch=own.folder)
    except (MangledEntryError, CopyError, ShortLogError):
        raise
    except _UNFOLDABLE as fault:
        return Judgement("wrong", f"the events before it cannot be folded: {type(fault).__name__} {fault}", told)
    if trees.erased:
        words = f"the blinding values of {trees.erased:,} events were erased before they were copied here: NOT judged"
        return Judgement("unjudged", words, told)
    differences = _differences(stated, trees)
    if differences:
        return Judgement("wrong", f"folded anew from the events: {'; '.join(differences)}", told)
    return Judgement("right", f"folded anew from {stated.known_at:,} events: the same roots", told)


def _differences(stated: Stated, trees: Trees) -> list[str]:
    compared = {
        "the root of the log's own tree": (stated.root_hash.hex(), trees.root_hash.hex()),
        "kinds": (stated.kinds, KINDS),
        "counts": (stated.counts, trees.counts),
        "the root of the sum tree": (stated.sums.hex(), trees.sums_root.hex()),
        "the number of entities": (stated.map.size, trees.map_size),
        "the root of the entity map": (stated.map.root.hex(), trees.map_root.hex()),
    }
    return [f"{name} is {made}, stated is {said}" for name, (said, made) in compared.items() if said != made]


def _require_undamaged(own: OwnCopy, size: int, root_hash: bytes) -> None:
    report, hashes = verify_log(Source(size, copy=str(own.folder)), [size])
    if report.first is not None:
        raise DamagedError(f"position {report.first.position} of the own copy: {report.first.english}")
    if hashes.root_at(size) != root_hash:
        raise DamagedError("the own copy does not have the root that was verified")
