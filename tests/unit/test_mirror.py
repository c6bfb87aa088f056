"""A mirror signs what it has copied and found right, refuses the rest in words that last, and never forgets."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.tree.merkle import TILE_WIDTH
from services.evidence.copies.stored import event_of
from services.evidence.mirror.mirror import AT_ONCE_MAX, Mirror
from services.evidence.mirror.mirror_http import in_words
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note, NoteError
from services.evidence.notes.vouched import Told, refused_by, require_vouched
from services.evidence.roots.figure_proof import write
from services.evidence.roots.kept import kept
from services.evidence.roots.stated import stated_by
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_copy, audit_figure
from services.evidence.witness.remembered import STATE_NAME
from services.evidence.witness.witness import AddCheckpoint, Witness, WitnessForgotError, WitnessRefusalError
from tests.forging import AFTER, CHANGED_AT, KEY, NEW, MemoryLog, changed, city, log_of
from tests.mirroring import MIRROR, Killed, Served, mirror_of, state_roots
from tests.proving import Rooted

Change = Callable[[dict[str, object]], None]
MANY = 2 * TILE_WIDTH + 40


@pytest.fixture
def log() -> MemoryLog:
    return log_of(city())


def cosigned(mirror: Mirror) -> int:
    """The size of the head that it has cosigned last."""
    note = mirror.witness.latest(KEY.name)
    if note is None:
        return 0
    parsed = Note.parse(note)
    assert [key for key, _ in parsed.verified_by([KEY.verifier, MIRROR.verifier])] == [KEY.verifier, MIRROR.verifier]
    return Checkpoint.parse(parsed.text).size


def test_it_copies_the_log_cosigns_its_head_and_signs_roots_that_follow(log: MemoryLog, tmp_path: Path) -> None:
    position = state_roots(log, tmp_path / "roots", AFTER)
    mirror = mirror_of(Served(log), tmp_path / "m")
    assert mirror.round().kind == "follows"
    assert cosigned(mirror) == position == len(log.stored)
    (found,) = mirror.state.judged()
    assert (found.position, found.verdict) == (position, "right")
    told = Told(KEY.name, position, log.stored[-1].leaf(position), AFTER, position - 1)
    assert found.note is not None
    assert require_vouched(told, found.note, [MIRROR.verifier])[0] == MIRROR.verifier
    with pytest.raises(NoteError, match="does not speak of"):
        require_vouched(told._replace(leaf=log.stored[0].leaf(1)), found.note, [MIRROR.verifier])
    report = audit_copy(
        str(mirror.own.folder), None, Asked(log_key=KEY.verifier), lambda _done: None, lambda _total: None
    )
    assert (report.faults, report.size) == ([], position)


def test_it_goes_on_from_event_to_event_and_reads_nothing_twice_but_the_last_tile(tmp_path: Path) -> None:
    log = log_of(city(MANY))
    served = Served(log, size=1)
    for size in (1, 2, 255, 256, 257, 256 * 2 - 1, MANY):
        served.size = size
        mirror = mirror_of(served, tmp_path / "m")
        assert mirror.round().good
        assert cosigned(mirror) == size
        assert len(list(mirror.own.folder.glob("**/*.p/*"))) == (3 if size % 256 else 0)
    assert served.reads.count("raw/000") == 1


def sums(data: dict[str, object]) -> None:
    data["sums"] = "0" * 64


def entities(data: dict[str, object]) -> None:
    data["entities"] = 1


def known_root(data: dict[str, object]) -> None:
    data["root_hash"] = "1" * 64


@pytest.mark.parametrize(("change", "word"), [(sums, "sum tree"), (entities, "entities"), (known_root, "own tree")])
def test_roots_that_do_not_follow_are_refused_in_public_for_ever(
    log: MemoryLog, tmp_path: Path, change: Change, word: str
) -> None:
    position = state_roots(log, tmp_path / "roots", AFTER, change)
    right = state_roots(log, tmp_path / "roots", AFTER)
    mirror = mirror_of(Served(log), tmp_path / "m")
    for _ in range(2):
        assert mirror.round().kind == "refuses"
        assert [each.verdict for each in mirror.state.judged()] == ["wrong", "right"]
        (refusal,) = mirror.state.refusals()
        assert (refusal.position, refusal.ended) == (position, None)
        assert word in refused_by(refusal.note, MIRROR.verifier, KEY.name)
        assert word in in_words(mirror)
        mirror = mirror_of(Served(log), tmp_path / "m")
    assert mirror.state.judged()[0].note is None
    assert cosigned(mirror) == right, "every byte is here, which is what its cosignature says"


def test_roots_by_the_rules_of_another_release_are_neither_signed_nor_called_wrong(
    log: MemoryLog, tmp_path: Path
) -> None:
    state_roots(log, tmp_path / "roots", AFTER, rules="7" * 64)
    mirror = mirror_of(Served(log), tmp_path / "m")
    assert mirror.round().good
    (found,) = mirror.state.judged()
    assert (found.verdict, found.note) == ("unjudged", None)
    assert "NOT judged" in in_words(mirror)


def fork(at: int, size: int) -> MemoryLog:
    """Another history under the same key: an organization has another name from one position on."""
    said = city(size)
    said[at - 1]["data"]["name"] = "另"
    return log_of(said)


@pytest.mark.parametrize("at", [3, TILE_WIDTH, TILE_WIDTH + 5, MANY - 2])
def test_a_forked_log_is_refused_with_the_first_position_and_stays_refused(tmp_path: Path, at: int) -> None:
    honest = log_of(city(MANY + 30))
    served = Served(honest, size=MANY)
    mirror = mirror_of(served, tmp_path / "m")
    assert mirror.round().good
    served.log, served.size = fork(at, MANY + 30), MANY + 20
    assert mirror.round().kind == "refuses"
    assert cosigned(mirror) == MANY
    served.log, served.size = honest, MANY + 5
    mirror = mirror_of(served, tmp_path / "m")
    assert mirror.round().kind == "refuses", "what was signed twice stays signed"
    assert cosigned(mirror) == MANY + 5, "the branch that it has signed goes on"
    (refusal,) = mirror.state.refusals()
    assert refusal.position == at
    assert "forked" in refused_by(refusal.note, MIRROR.verifier, KEY.name)
    assert refusal.evidence is not None
    signed = Note.parse(AddCheckpoint.parse(refusal.evidence).note)
    assert signed.verified_by([KEY.verifier])


def test_another_root_of_the_same_size_is_a_contradiction(tmp_path: Path) -> None:
    served = Served(log_of(city()))
    mirror = mirror_of(served, tmp_path / "m")
    assert mirror.round().good
    served.log = fork(3, 20)
    assert "two roots" in mirror.round().words


def test_a_log_that_serves_less_is_refused_until_it_serves_all_again(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.evidence.mirror.mirror.ASK_AGAIN_S", 0)
    served = Served(log)
    assert mirror_of(served, tmp_path / "m").round().good
    served.size = 15
    mirror = mirror_of(served, tmp_path / "m")
    assert "serves less than before: it ends at position 15" in mirror.round().words
    assert cosigned(mirror) == len(log.stored)
    served.size = None
    assert mirror.round().good
    (refusal,) = mirror.state.refusals()
    assert refusal.ended is not None, "it is over, and not forgotten"


def killed(log: MemoryLog, folder: Path, after: int) -> Served:
    """A served log whose mirror was killed in its first round, after so many reads of tiles."""
    served = Served(log, size=MANY)
    served.ends_after = 3 + after  # keys, a cosigned head and the head come first
    with pytest.raises(Killed):
        mirror_of(served, folder).round()
    served.ends_after = None
    return served


@pytest.mark.parametrize("after", [0, 4, 8])
def test_a_mirror_that_was_killed_goes_on_where_it_stood(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.evidence.mirror.own_copy.TILES_AT_ONCE", 1)
    served = killed(log_of(city(MANY)), tmp_path / "m", after)
    done = [each for each in served.reads if each.startswith("tile/0/")]
    served.reads.clear()
    mirror = mirror_of(served, tmp_path / "m")
    assert mirror.round().good
    assert cosigned(mirror) == MANY
    assert len(done) == after // 3
    assert not set(done) & set(served.reads)


@pytest.mark.parametrize(("after", "kind"), [(-1, "follows"), (0, "refuses"), (8, "refuses")])
def test_a_head_that_was_taken_up_binds_the_log_though_the_mirror_is_killed(
    tmp_path: Path, after: int, kind: str
) -> None:
    served = killed(log_of(city(MANY)), tmp_path / "m", after)
    served.log, served.size = fork(MANY - 3, MANY), None
    mirror = mirror_of(served, tmp_path / "m")
    assert mirror.round().kind == kind
    assert cosigned(mirror) == (MANY + 1 if kind == "follows" else 0)


def altered(position: int) -> Callable[[str, bytes], bytes]:
    """An event's bytes changed on the way, and nothing else."""

    def change(name: str, data: bytes) -> bytes:
        return data.replace(b'"employees": %d}' % (position - 1), b'"employees": 9}') if "raw" in name else data

    return change


def test_an_event_that_is_not_what_its_leaf_says_is_refused_where_it_stands(log: MemoryLog, tmp_path: Path) -> None:
    served = Served(log)
    served.other = altered(8)
    mirror = mirror_of(served, tmp_path / "m")
    assert "raw bytes were changed" in mirror.round().words
    assert (cosigned(mirror), mirror.state.refusals()[0].position) == (0, 8)
    served.other = lambda _name, data: data
    assert mirror.round().good


def test_before_it_accuses_it_looks_at_its_own_copy(log: MemoryLog, tmp_path: Path) -> None:
    position = state_roots(log, tmp_path / "roots", AFTER)
    mirror = mirror_of(Served(log), tmp_path / "m")
    assert mirror.round().good
    (raw,) = mirror.own.folder.glob("raw/000.p/*")
    raw.write_bytes(raw.read_bytes().replace(b"organization.registered", b"organization.registereX", 1))
    with sqlite3.connect(tmp_path / "m" / STATE_NAME) as connection:
        connection.execute("UPDATE judged SET verdict = NULL, note = NULL")
    found = mirror.round()
    assert (found.kind, mirror.state.refusals()) == ("unable", [])
    assert "position 1 of the own copy" in found.words
    assert mirror.round().good
    assert [(each.position, each.verdict) for each in mirror.state.judged()] == [(position, "right")]


def test_a_mirror_whose_state_is_an_older_copy_does_not_start(log: MemoryLog, tmp_path: Path) -> None:
    served = Served(log, size=10)
    mirror_of(served, tmp_path / "m").round()
    older = (tmp_path / "m" / STATE_NAME).read_bytes()
    served.size = 20
    assert mirror_of(served, tmp_path / "m").round().good
    (tmp_path / "m" / STATE_NAME).write_bytes(older)
    with pytest.raises(WitnessForgotError, match="has signed 20 events"):
        mirror_of(served, tmp_path / "m")


def brought(log: MemoryLog, old: int, size: int) -> bytes:
    proof = Served(log).log.consistency(old) if size == len(log.leaves) and old else []
    return AddCheckpoint(old, tuple(proof), log.note(size=size)).to_bytes()


def test_a_head_that_is_brought_is_cosigned_once_it_is_copied(tmp_path: Path) -> None:
    log = log_of(city(MANY))
    served = Served(log)
    mirror = mirror_of(served, tmp_path / "m")
    with pytest.raises(WitnessRefusalError) as told:
        mirror.add_checkpoint(brought(log, 0, len(log.leaves)))
    assert str(told.value) == f"{len(log.leaves)}\n", "it was copied meanwhile; who brings it begins from there"
    mirror.add_checkpoint(AddCheckpoint(len(log.leaves), (), log.note()).to_bytes())
    assert cosigned(mirror) == mirror.state.progress().verified.size == len(log.leaves)


def test_a_head_far_beyond_the_copy_is_not_waited_for(tmp_path: Path) -> None:
    log = log_of(city(AT_ONCE_MAX + 1))
    mirror = mirror_of(Served(log), tmp_path / "m")
    with pytest.raises(WitnessRefusalError, match="still copying") as told:
        mirror.add_checkpoint(brought(log, 0, len(log.leaves)))
    assert told.value.status == 503
    assert cosigned(mirror) == 0


def test_a_verifier_counts_a_mirror_s_word_on_the_very_roots_of_a_figure(log: MemoryLog, tmp_path: Path) -> None:
    position = state_roots(log, tmp_path / "roots", AFTER)
    mirror = mirror_of(Served(log), tmp_path / "m")
    assert mirror.round().good
    note, other, proof = (tmp_path / name for name in ("note", "other", "proof"))
    note.write_bytes(mirror.state.judged()[0].note or b"")
    other.write_bytes(note.read_bytes().replace(b"position", b"positiom"))
    stated = stated_by(event_of(log.stored[position - 1]))
    rooted = Rooted(log, stated, kept(tmp_path / "roots", stated))
    proof.write_bytes(write(rooted.figure(4, "9901", None)))
    told = audit_figure(proof, Asked(log_key=KEY.verifier))
    assert (told.faults, "the log's own word" in str(told.unshown)) == ([], True)
    asked = Asked(log_key=KEY.verifier, witness_keys=[MIRROR.verifier], vouched=[note], quorum=1)
    found = audit_figure(proof, asked)
    assert "folded these roots anew and signed them" in str(found.good)
    for file, keys in ((other, [MIRROR.verifier]), (note, [KEY.verifier])):
        wrong = audit_figure(proof, Asked(log_key=KEY.verifier, witness_keys=keys, vouched=[file]))
        assert "no mirror's word on these roots" in str(wrong.faults)


def test_it_follows_a_rotation_of_the_log_s_key_and_its_copy_brings_that_along(log: MemoryLog, tmp_path: Path) -> None:
    served = Served(log, size=CHANGED_AT)
    assert mirror_of(served, tmp_path / "m").round().good
    after = changed()
    served.log, served.size = after, None
    mirror = Mirror(Witness(MIRROR, [KEY.verifier], tmp_path / "m" / STATE_NAME), tmp_path / "m", lambda: served)
    assert mirror.round().good
    head = Note.parse(mirror.witness.latest(KEY.name) or b"")
    assert [key for key, _ in head.verified_by([NEW.verifier, MIRROR.verifier])] == [NEW.verifier, MIRROR.verifier]
    for key in (KEY.verifier, NEW.verifier):
        report = audit_copy(str(mirror.own.folder), None, Asked(log_key=key), lambda _done: None, lambda _total: None)
        assert report.faults == []
