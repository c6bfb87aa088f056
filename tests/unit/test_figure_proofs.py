"""What a figure's proof shows a stranger: the very counts, all of them, and nothing that was touched on the way."""

import os
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.ledger.rates import add, count_row, dimension, nothing
from domain.ledger.rows import Row, ledger
from domain.tree.entity_map import require_absent
from domain.tree.entity_map import verify as verify_map
from domain.tree.sum_tree import LEVELS
from domain.values.terms import KINDS
from services.evidence.copies.copies import CopyError
from services.evidence.copies.stored import event_of
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.roots.belonging import is_organization
from services.evidence.roots.completeness import belonging_to
from services.evidence.roots.figure_proof import BYTES_MAX, read, write
from services.evidence.roots.kept import prove_entities
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_figure
from services.evidence.verifier.figure_check import verify_figure
from services.evidence.verifier.report import Report
from tests.forging import AFTER, KEY, REFUSED, THIEF, accepted, city, is_refused, log_of
from tests.histories import deliveries, fits
from tests.proving import FORGERIES, Rooted, forged, state

#: Of honest proofs; ten forgeries are made of each.
PROOFS = int(os.environ.get("TAIZHANG_TEST_BUNDLES", "20"))
FORGED_EACH = 10
WITNESS = SignerKey("witness.example/w", SignatureType.COSIGNATURE, bytes(range(2, 34)))


def verify(data: bytes) -> Report | str:
    try:
        return verify_figure(data, LogKeys.follow(KEY.verifier, None)).report
    except CopyError:
        return REFUSED


@pytest.fixture
def rooted(tmp_path: Path) -> Rooted:
    return state(log_of(city()), AFTER, tmp_path / "roots")


def figures_of(rows: list[Row], *, judged: bool) -> Iterator[tuple[int, str, str | None, dict[str, int]]]:
    """Every figure of every level, region and kind, added up row by row; what has no answer is no count."""
    for digits in LEVELS:
        for kind in (None, *KINDS):
            keys = {dimension(row, f"region:{digits}") for row in rows} if digits else {""}
            for key in sorted(map(str, keys)):
                counts = nothing(judged=judged)
                for row in rows:
                    if row.attributes.region[:digits] == key and kind in (None, row.attributes.kind):
                        counts = add(counts, count_row(row))
                told = {name: count for name, count in counts._asdict().items() if count is not None}
                yield digits, key, kind, told


@settings(max_examples=PROOFS, suppress_health_check=list(HealthCheck), deadline=None)
@given(deliveries(to_come=True), st.integers(0, 2**32), st.integers(1, 29))
def test_every_forgery_is_refused_and_every_honest_proof_says_what_the_rows_add_up_to(
    history: list[dict[str, Any]], seed: int, day: int
) -> None:
    log, rng, as_of = log_of(accepted(history)), random.Random(seed), date(2024, 2, day)
    known_at = rng.randint(max(1, len(log.stored) // 2), len(log.stored))
    folded = ledger(map(event_of, log.stored[:known_at]), as_of, fits)
    rows, judged = folded.rows(), folded.activity_policy is not None
    assume(rows)
    with TemporaryDirectory() as folder:
        rooted = state(log, as_of, Path(folder), known_at)
        due = list(figures_of(rows, judged=judged))
        for digits, key, kind, counts in [due[0], *rng.sample(due, 3)]:
            proof = rooted.figure(digits, key, kind)
            found = verify(write(proof))
            assert isinstance(found, Report)
            assert (found.faults, found.statement, found.partial) == ([], "complete", False)
            assert rooted.stated.figure(proof.sums.counts, kind) == counts
            assert ("effectively_covered" in counts) == judged
    for _ in range(FORGED_EACH):
        name, data = forged(proof, rng)
        assert is_refused(verify(data)), (name, data.decode(errors="replace"))


@settings(max_examples=PROOFS, suppress_health_check=list(HealthCheck), deadline=None)
@given(deliveries(), st.integers(1, 29))
def test_of_every_entity_the_map_has_all_events_and_of_nobody_else_any(history: list[dict[str, Any]], day: int) -> None:
    log = log_of(accepted(history))
    events = [(event_of(each), each.leaf_hash) for each in log.stored]
    with TemporaryDirectory() as folder:
        rooted = state(log, date(2024, 2, day), Path(folder))
        stated, belonging = rooted.stated, belonging_to(rooted.stated, events)
        entities = sorted({*(each for each in belonging.events if not is_organization(each)), *belonging.at})
        assert stated.map.size == len(entities)
        shown = prove_entities(rooted.trees, stated, [*entities, "group:nobody"])
        leaves = {shown.places[entity][0]: leaf for entity in entities if (leaf := belonging.leaf(entity)) is not None}
        assert len(leaves) == len(entities)
        verify_map(stated.map, leaves | shown.leaves, shown.proof)
        around = shown.places["group:nobody"]
        require_absent(stated.map, "group:nobody", {place: shown.leaves[place] for place in around})


@pytest.mark.parametrize("name", FORGERIES)
def test_each_forgery_by_itself_is_refused(rooted: Rooted, name: str) -> None:
    proof, honest = rooted.figure(4, "9901", "new_employment_group"), 0
    for seed in range(20):
        data = write(FORGERIES[name](proof, random.Random(seed)))
        honest += data == write(proof)
        assert data == write(proof) or is_refused(verify(data)), data.decode()
    assert honest < 15, "the forgery forges nothing"


def test_the_figure_is_told_in_words_with_the_whole_of_its_question(rooted: Rooted) -> None:
    found = verify(write(rooted.figure(4, "9901", None)))
    assert isinstance(found, Report)
    said = [english for _, english in found.good]
    assert any(line.startswith("the figure: region:4=9901, kind=all, as_of=2024-03-01, known_at=21") for line in said)
    assert "organization_coverage is 5/10, 0.5000" in said


def test_roots_that_anybody_else_states_prove_nothing(rooted: Rooted) -> None:
    """A log may hold an event of that type from before the service alone could say it; its leaf tells who sent it."""
    raw = rooted.log.stored[-1].raw
    rooted.log.add(raw.replace(b'"id":"21-', b'"id":"x-'), "office")
    forged = Rooted(rooted.log, rooted.stated._replace(position=len(rooted.log.stored)), rooted.trees)
    found = verify(write(forged.figure(4, "9901", None)))
    assert isinstance(found, Report)
    assert "roots are /taizhang/evidence's own word" in found.faults[0].english


def test_roots_of_a_position_that_is_not_before_their_own_prove_nothing(tmp_path: Path) -> None:
    rooted = state(log_of(city()), AFTER, tmp_path)
    raw = rooted.log.stored[-1].raw.replace(b'"known_at":21', b'"known_at":23').replace(b'"id":"21-', b'"id":"x-')
    rooted.log.add(raw, "/taizhang/evidence")
    forged = Rooted(rooted.log, rooted.stated._replace(position=len(rooted.log.stored)), rooted.trees)
    found = verify(write(forged.figure(4, "9901", None)))
    assert isinstance(found, Report)
    assert "which is not before its own" in found.faults[0].english


def test_a_proof_of_another_log_is_refused(rooted: Rooted) -> None:
    rooted.log.key = THIEF
    assert is_refused(verify(write(rooted.figure(0, "", None))))


def test_whoever_cuts_the_file_or_writes_it_otherwise_is_refused_in_words(rooted: Rooted) -> None:
    data = write(rooted.figure(4, "9901", None))
    assert write(read(data)) == data
    for cut in range(0, len(data), len(data) // 60):
        assert is_refused(verify(data[:cut]))
    for other in (data.replace(b"\n", b"\r\n"), data + b"\n", b"\n" + data, data.replace(b"kind all", b"kind  all")):
        assert is_refused(verify(other))
    assert verify(b"taizhang/figure@v1\n" + b"counts " * 100_000) == REFUSED


def test_a_file_of_the_most_bytes_is_read_and_a_longer_one_is_refused_for_its_length() -> None:
    for size, words in ((BYTES_MAX, "can be read"), (BYTES_MAX + 1, f"has at most {BYTES_MAX} bytes")):
        with pytest.raises(CopyError, match=words):
            verify_figure(b"x" * size, LogKeys.follow(KEY.verifier, None))


def test_witnesses_count_as_of_a_bundle(rooted: Rooted, tmp_path: Path) -> None:
    file = tmp_path / "figure.proof.txt"
    file.write_bytes(write(rooted.figure(4, "9901", None, rooted.log.note(WITNESS))))
    asked = Asked(log_key=KEY.verifier, witness_keys=[WITNESS.verifier])
    assert audit_figure(file, asked).faults == []
    before = rooted.log.note(WITNESS, at=datetime(2024, 3, 1, tzinfo=UTC) - timedelta(days=1))
    for note in (rooted.log.note(), before):
        file.write_bytes(write(rooted.figure(4, "9901", None, note)))
        assert is_refused(audit_figure(file, asked))
