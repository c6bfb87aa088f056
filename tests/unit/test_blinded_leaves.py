"""The open part of a log says nothing about people: what a stranger can guess, and which form a leaf may have."""

import itertools
import json
import random
from datetime import date
from pathlib import Path

import pytest

from domain.tree.leaf import BLINDING_BYTES, Blinding, leaf_of, record_of
from domain.tree.merkle import leaf_hash
from services.evidence.copies.copies import CopyError
from services.evidence.roots.figure_proof import write as write_figure
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_figure
from services.evidence.verifier.report import Report
from tests.forging import AFTER, KEY, MemoryLog, city, everything, log_of, read, said, verify, write
from tests.forging_copies import copy_of
from tests.forging_copies import verify as verify_copy
from tests.mirroring import Served, mirror_of, state_roots
from tests.proving import state
from tests.small_city import event
from tests.spoiling import Spoiled

MEMBER = "member:m"
ORGS = [f"group:g-{number}" for number in range(8)]
STANDINGS = ["full", "probationary", "activist"]


def enrolled(org: str, standing: str) -> dict[str, object]:
    return event("e", "member.enrolled", member=MEMBER, standing=standing, org=org)


def with_member(*, blinded: bool) -> MemoryLog:
    log = log_of(city(8), blinded=blinded)
    log.add(enrolled("group:g-5", "probationary"))
    return log


def guessed(log: MemoryLog) -> list[tuple[str, str]]:
    """What a stranger finds who has the tree and its entries, and knows all that was recorded but who is where."""
    entries = {each.leaf(each.position) for each in log.stored}
    last = log.stored[-1]
    found = []
    for org, standing in itertools.product(ORGS, STANDINGS):
        guess = MemoryLog(blinded=False)
        guess.stored, guess.leaves = log.stored[:-1], log.leaves[:-1]
        guess.add(enrolled(org, standing))
        values = guess.stored[-1]
        record = record_of(
            last.position, values.source, values.id, values.raw_sha256, last.recorded_at, last.publisher, last.intake
        )  # fmt: skip
        tried = [None, Blinding(bytes(BLINDING_BYTES)), *(each.blinding for each in log.stored[:-1])]
        made = {leaf_of(last.position, record, each) for each in tried}
        if entries & made or {leaf_hash(each) for each in made} & set(log.leaves):
            found.append((org, standing))
    return found


def test_the_dictionary_attack_finds_the_member_in_open_leaves_and_nobody_in_blinded_ones() -> None:
    """Though the values of all other events are known."""
    assert guessed(with_member(blinded=False)) == [("group:g-5", "probationary")]
    assert guessed(with_member(blinded=True)) == []


def test_no_attribute_of_an_event_stands_in_an_open_leaf() -> None:
    for stored in with_member(blinded=True).stored:
        assert json.loads(stored.leaf(stored.position)).keys() == {"commitment", "position"}


def test_leaves_from_before_stay_verifiable_and_those_after_the_statement_are_blinded(tmp_path: Path) -> None:
    log = log_of(city(6), blinded=False)
    log.begin_blinding()
    for each in city(12)[6:]:
        log.add(each)
    forms = [each.blinding is not None for each in log.stored]
    assert forms == [False] * 7 + [True] * 8
    found = verify_copy(tmp_path / "c.zip", copy_of(log))
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "in the log")
    log.bundle(tmp_path / "e.zip", everything(AFTER, len(log.stored)))
    found = verify(tmp_path / "e.zip")
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "follows")


@pytest.mark.parametrize(
    ("forms", "position", "words"),
    [
        ("bbbo", 4, "its leaf is open, and leaves before it are blinded"),
        ("oobb", 3, "no event says that blinding begins here"),
        ("obSb", 2, "no event says that blinding begins here"),
        ("bbSb", 3, "it says that blinding begins with it"),
        ("oSbS", 4, "it says that blinding begins with it"),
        ("osoo", 2, "it says that blinding begins with it"),
    ],
    ids=["open after", "without a word", "said too late", "said in vain", "said twice", "said in an open leaf"],
)
def test_a_leaf_of_the_wrong_form_for_its_place_is_false(tmp_path: Path, forms: str, position: int, words: str) -> None:
    """`o` open, `b` blinded, `S` or `s` the statement, with a leaf that is blinded or open."""
    log, contents = MemoryLog(), city()
    for number, form in enumerate(forms):
        if form in "Ss":
            log.begin_blinding()
        log.blinded = form in "bS"
        if form == "s":
            raw, publisher = log.stored.pop().raw, log.stored and "/taizhang/blinding"
            log.leaves.pop()
            log.add(raw, publisher or "/taizhang/blinding")
        elif form != "S":
            log.add(contents[number])
    found = verify_copy(tmp_path / "c.zip", copy_of(log))
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == position
    assert words in said(found)
    log.bundle(tmp_path / "e.zip", everything(AFTER, len(log.stored)))
    shown = verify(tmp_path / "e.zip")
    if forms.startswith("bbbo"):  # a bundle shows this too; of the others it shows a part
        assert isinstance(shown, Report)
        assert words in said(shown)


def test_values_that_are_erased_leave_every_leaf_and_proof_and_the_bundle_says_less(tmp_path: Path) -> None:
    log = with_member(blinded=True)
    question = everything(AFTER, len(log.stored))
    log.bundle(tmp_path / "before.zip", question)
    leaves, position = list(log.leaves), len(log.stored)
    log.erase(position)
    assert [leaf_hash(each.leaf(each.position)) for each in log.stored[:position]] == leaves
    assert guessed_again(log, position) == []
    # What was handed out before goes on to hold, whole.
    before = verify(tmp_path / "before.zip")
    assert isinstance(before, Report)
    assert (before.faults, before.statement) == ([], "follows")
    found = verify_copy(tmp_path / "c.zip", copy_of(log))
    assert isinstance(found, Report)
    assert found.faults == []
    assert any("the tree proves them no more" in english for _, english in found.unshown)
    log.bundle(tmp_path / "after.zip", question, also=[len(log.stored)])
    after = verify(tmp_path / "after.zip")
    assert isinstance(after, Report)
    assert (after.faults, after.statement, after.partial) == ([], "in the log", True)


def guessed_again(log: MemoryLog, position: int) -> list[str]:
    """By whoever has the database, too, in which the value is gone."""
    stored = log.stored[position - 1]
    known = [each.blinding for each in log.stored if each.blinding is not None and each.blinding.value is not None]
    record = record_of(
        position, stored.source, stored.id, stored.raw_sha256, stored.recorded_at, stored.publisher, stored.intake
    )  # fmt: skip
    return [stored.id for each in (None, *known) if leaf_hash(leaf_of(position, record, each)) in log.leaves]


def test_a_value_that_goes_without_a_word_of_the_log_is_a_fault(tmp_path: Path) -> None:
    log = with_member(blinded=True)
    log.erase(9, said=False)
    log.bundle(tmp_path / "e.zip", everything(AFTER, len(log.stored)))
    for found in (verify(tmp_path / "e.zip"), verify_copy(tmp_path / "c.zip", copy_of(log))):
        assert isinstance(found, Report)
        assert found.first is not None
        assert (found.first.position, found.first.chinese) == (9, "隐藏值缺失而无声明")


def test_whoever_is_not_the_service_cannot_say_that_a_value_was_erased(tmp_path: Path) -> None:
    log = with_member(blinded=True)
    log.erase(9)
    raw = log.stored.pop().raw
    log.leaves.pop()
    log.add(raw, "office")
    found = verify_copy(tmp_path / "c.zip", copy_of(log))
    assert isinstance(found, Report)
    assert found.first is not None
    assert found.first.position == 9


def test_a_bundle_whose_values_were_changed_left_out_or_swapped_is_refused(tmp_path: Path) -> None:
    log, rng = with_member(blinded=True), random.Random(5)
    log.bundle(tmp_path / "e.zip", everything(AFTER, len(log.stored)))
    honest = read(tmp_path / "e.zip")
    for _ in range(20):
        parts = Spoiled(honest)
        one, other = rng.sample(parts.lines, 2)
        one["blinding"], other["blinding"] = other["blinding"], one["blinding"]
        write(tmp_path / "f.zip", parts.members())
        found = verify(tmp_path / "f.zip")
        assert isinstance(found, str) or found.first is not None


def test_roots_whose_event_nothing_binds_to_its_leaf_prove_no_figure(tmp_path: Path) -> None:
    rooted = state(log_of(city()), AFTER, tmp_path / "roots")
    rooted.log.erase(rooted.stated.position)
    file = tmp_path / "figure.txt"
    file.write_bytes(write_figure(rooted.figure(0, "", None)))
    found = audit_figure(file, Asked(log_key=KEY.verifier))
    assert found.first is not None
    assert "its blinding value was erased" in found.first.english


def test_a_mirror_refuses_a_leaf_of_the_old_form_and_says_where(tmp_path: Path) -> None:
    log = log_of(city(6))
    served = Served(log)
    mirror = mirror_of(served, tmp_path)
    assert mirror.round().good
    log.blinded = False
    log.add(city(8)[7])
    outcome = mirror.round()
    assert (outcome.kind, "its leaf is open" in outcome.words) == ("refuses", True)


def test_a_mirror_keeps_the_values_that_it_copied_and_judges_no_roots_over_those_that_it_never_had(
    tmp_path: Path,
) -> None:
    log = with_member(blinded=True)
    first, late = mirror_of(Served(log), tmp_path / "first"), tmp_path / "late"
    assert first.round().good
    log.erase(9)
    position = state_roots(log, tmp_path / "roots", date(2024, 3, 1))
    assert first.round().good
    assert [each.verdict for each in first.state.judged()] == ["right"]
    second = mirror_of(Served(log), late)
    second.round()
    (found,) = second.state.judged()
    assert (found.position, found.verdict) == (position, "unjudged")
    assert "were erased before they were copied here" in (found.words or "")


def test_an_entry_that_does_not_open_its_leaf_is_named(tmp_path: Path) -> None:
    log = with_member(blinded=True)
    files = copy_of(log)
    name = f"raw/000.p/{len(log.stored)}"
    at = files[name].index(b'"blinding":"') + 12
    files[name] = files[name][:at] + (b"0" if files[name][at : at + 1] != b"0" else b"1") + files[name][at + 1 :]
    found = verify_copy(tmp_path / "c.zip", files)
    assert isinstance(found, (Report, str))
    assert not isinstance(found, CopyError)
    assert isinstance(found, Report)
    assert found.first is not None
    assert (found.first.position, "does not open the leaf" in found.first.english) == (1, True)
