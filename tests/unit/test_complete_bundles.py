"""A bundle that shows its events to be all: whoever leaves one out, or an organization's all, is refused."""

import json
import os
import random
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.ledger.rows import ledger
from domain.tree.proofs import read_proof, shared_proof
from services.evidence.bundles.bundle import Question, Roots
from services.evidence.copies.stored import event_of
from services.evidence.verifier.report import Report
from tests.forging import (
    AFTER,
    MemoryLog,
    accepted,
    city,
    everything,
    is_refused,
    log_of,
    read,
    verify,
    write,
)
from tests.histories import deliveries, fits
from tests.proving import Rooted, state
from tests.small_city import event
from tests.spoiling import FORGERIES, Spoiled

BUNDLES = int(os.environ.get("TAIZHANG_TEST_BUNDLES", "20"))
FORGED_EACH = 10
NOBODY = "group:nobody"


def recorded(members: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line)["recorded"] for line in members["events.jsonl"].splitlines()]


def roots_of(rooted: Rooted) -> Roots:
    return Roots(rooted.stated, rooted.trees)


def bundle(rooted: Rooted, file: Path, *orgs: str, as_of: date = AFTER) -> Path:
    rooted.log.bundle(file, Question(as_of, rooted.stated.known_at, orgs), roots=roots_of(rooted))
    return file


def rewritten(file: Path, change: Any) -> Report | str:  # noqa: ANN401 - a change of the parts
    """What the verifier says after a change of the bundle and of what shows it complete."""
    parts, complete = Spoiled(read(file)), json.loads(read(file)["complete.json"])
    change(parts, complete)
    shown = {"complete.json": json.dumps(complete).encode(), "map": read(file)["map"]}
    write(file, parts.members() | shown)
    return verify(file)


@pytest.fixture
def rooted(tmp_path: Path) -> Rooted:
    return state(log_of(city()), AFTER, tmp_path / "roots")


@pytest.mark.long
@settings(max_examples=BUNDLES, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.booleans().flatmap(lambda to_come: deliveries(to_come=to_come)), st.integers(0, 2**32), st.integers(1, 29))
def test_an_honest_one_is_complete_and_no_event_can_be_left_out(
    history: list[dict[str, Any]], seed: int, day: int
) -> None:
    log, rng, as_of = log_of(accepted(history)), random.Random(seed), date(2024, 2, day)
    known_at = rng.randint(max(1, len(log.stored) // 2), len(log.stored))
    rows = ledger(map(event_of, log.stored[:known_at]), as_of, fits).rows()
    assume(rows)
    with TemporaryDirectory() as folder:
        rooted, file = state(log, as_of, Path(folder) / "roots", known_at), Path(folder) / "e.zip"
        for orgs in ([rng.choice(rows).org], [NOBODY], [row.org for row in rows]):
            bundle(rooted, file, *orgs, as_of=as_of)
            found = verify(file)
            assert isinstance(found, Report)
            assert (found.faults, found.statement, found.partial) == ([], "complete", False)
            assert not any("shows only in the whole log" in english for _, english in found.unshown)
        whole = read(file)
        for _ in range(FORGED_EACH):
            name, parts = rng.choice(["event_left_out", *FORGERIES]), Spoiled(whole)
            try:
                FORGERIES[name](parts, rng)
            except IndexError:
                continue
            write(file, parts.members() | {name: whole[name] for name in ("complete.json", "map")})
            assert is_refused(verify(file)), name


def test_an_organization_whose_events_are_all_left_out_is_not_shown_absent(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", NOBODY)
    hidden = "group:g-3"

    def hide(parts: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        parts.manifest["organizations"] = parts.manifest["question"]["organizations"] = [hidden]
        complete["absent"][hidden] = complete["absent"].pop(NOBODY)

    assert is_refused(rewritten(file, hide))


def test_a_members_later_move_cannot_be_left_out_by_naming_the_organization_alone(tmp_path: Path) -> None:
    """The move away names another organization: only what the member's own events are tells of it."""
    history = city(4)
    about = {"effective_on": "2024-02-01", "member": "member:m"}
    said = [
        {**history[0], "id": "e", "type": "taizhang.member.enrolled.v1",
         "data": {**about, "standing": "full", "org": "group:g-1"}},
        {**history[0], "id": "t", "type": "taizhang.member.transferred.v1",
         "data": {**about, "from_org": "group:g-2", "to_org": "group:g-3"}},
    ]  # fmt: skip
    for each in said:
        each.pop("subject", None)
    rooted = state(log_of([*history, *said]), AFTER, tmp_path / "roots")
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1")
    assert not is_refused(verify(file))

    def leave_out(parts: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        parts.lines = [line for line in parts.lines if line["recorded"]["id"] != "t"]
        retie(parts, rooted)
        del complete

    found = rewritten(file, leave_out)
    assert isinstance(found, Report)
    assert any("that the events of" in fault.english for fault in found.faults)


@pytest.mark.parametrize("part", ["raw", "recorded", "blinding"])
def test_the_event_with_the_roots_is_checked_whole(rooted: Rooted, tmp_path: Path, part: str) -> None:
    def change(_: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        stated = complete["stated"]
        match part:
            case "raw":
                stated["raw"] = stated["raw"].replace('"entities":', '"entities":1', 1)
            case "recorded":
                stated["recorded"]["publisher"] = "/office"
            case _:
                stated["blinding"] = "0" * 64

    assert is_refused(rewritten(bundle(rooted, tmp_path / "e.zip", "group:g-1"), change))


def test_leaves_left_out_repeated_or_of_others_are_refused(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1", NOBODY)
    whole = file.read_bytes()
    around = json.loads(read(file)["complete.json"])["absent"][NOBODY]
    changes = (
        lambda shown: shown["present"].pop("group:g-1"),
        lambda shown: shown["absent"].pop("policy"),
        lambda shown: shown["present"].update({"group:g-1": shown["present"]["group:g-1"] + 1}),
        # A leaf claimed for two entities, for one too many, and for one that is not there.
        lambda shown: shown["present"].update({"group:g-7": shown["present"]["group:g-1"]}),
        lambda shown: shown["present"].update({"member:m": 0}),
        lambda shown: shown["present"].update({NOBODY: shown["absent"].pop(NOBODY)[0][0]}),
        lambda shown: shown["absent"].update({"group:g-1": around}),
        lambda shown: shown["absent"].update({"group:g-1": around, "present": shown["present"].pop("group:g-1")}),
        lambda shown: shown["absent"][NOBODY].pop(),
        lambda shown: shown["absent"][NOBODY].append(around[0]),
        lambda shown: shown["absent"][NOBODY][0].__setitem__(1, shown["absent"][NOBODY][0][2]),
        lambda shown: shown["absent"][NOBODY].reverse() or shown["absent"][NOBODY][0].__setitem__(0, 0),
        # Half a leaf, as if the organization had its part by its members alone.
        lambda shown: shown["lent"].update({"group:g-1": [shown["present"].pop("group:g-1"), around[0][1]]}),
        lambda shown: shown["lent"].update({"group:g-2": [0, around[0][1]]}),
    )
    for change in changes:
        file.write_bytes(whole)
        assert is_refused(rewritten(file, lambda _, complete, change=change: change(complete)))


def test_hashes_of_the_map_left_out_added_changed_or_in_another_order_are_refused(
    rooted: Rooted, tmp_path: Path
) -> None:
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1", NOBODY)
    members = read(file)
    proof = read_proof(members["map"])
    assert len(proof) > 2
    for made in (
        proof[1:], proof[:-1], [*proof, proof[0]], [*proof, bytes(32)], proof[::-1], [proof[1], proof[0], *proof[2:]],
        [bytes(32), *proof[1:]], [*proof[:-1], proof[-1][:31]], [],
    ):  # fmt: skip
        write(file, members | {"map": b"".join(made)})
        assert is_refused(verify(file))
    for name in ("map", "complete.json"):
        write(file, {each: content for each, content in members.items() if each != name})
        assert is_refused(verify(file))


def test_it_is_of_organizations_named_at_the_position_of_the_roots_alone(rooted: Rooted, tmp_path: Path) -> None:
    for question in (everything(AFTER, 21), Question(AFTER, 20, ["group:g-1"])):
        rooted.log.bundle(tmp_path / "e.zip", question, roots=roots_of(rooted))
        found = verify(tmp_path / "e.zip")
        assert isinstance(found, Report)
        assert any("completeness is shown of organizations named" in fault.english for fault in found.faults)


def test_without_it_the_statement_is_the_weaker_one(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1")
    members = read(file)
    del members["complete.json"], members["map"]
    members["tree"] = b"".join(shared_proof(rooted.log.leaves, [each["position"] - 1 for each in recorded(members)]))
    write(file, members)
    found = verify(file)
    assert isinstance(found, Report)
    assert (found.faults, found.statement, found.partial) == ([], "follows", True)


def test_the_log_is_another_one(tmp_path: Path, rooted: Rooted) -> None:
    """Roots of a log in which the organization is absent say nothing of this one."""
    other: MemoryLog = log_of(city(2))
    elsewhere = state(other, AFTER, tmp_path / "other")
    rooted.log.bundle(tmp_path / "e.zip", Question(AFTER, 21, ["group:g-1"]), roots=roots_of(rooted))
    foreign = tmp_path / "f.zip"
    other.bundle(foreign, Question(AFTER, elsewhere.stated.known_at, ["group:g-1"]), roots=roots_of(elsewhere))
    members = read(tmp_path / "e.zip") | {name: read(foreign)[name] for name in ("complete.json", "map")}
    write(tmp_path / "e.zip", members)
    assert is_refused(verify(tmp_path / "e.zip"))


JUDGED: dict[str, Any] = {"periods": 1, "term_years": {}, "members_for_branch_committee": 3, "vacant_days_max": 90}


def shown_in(file: Path) -> str:
    return read(file)["events.jsonl"].decode()


@pytest.mark.parametrize("kind", ["general", "branch_committee"])
def test_where_branches_are_judged_it_is_complete_of_an_organization_covered_with_others(
    tmp_path: Path, kind: str
) -> None:
    """Where a branch of few members owes less, it holds who is where the branch covers, and nobody's instructors."""
    history = [
        *city(),
        event("ap", "activity_policy.adopted", meetings={kind: {"least": 1, "per": "quarter"}}, **JUDGED),
        event("i", "instructor.assigned", org="group:g-1", instructor="person:p"),
        event("m", "member.enrolled", member="member:m", org="group:g-2", standing="full"),
        event("v", "member.enrolled", member="member:v", org="group:g-15", standing="full"),
    ]
    rooted = state(log_of(history), AFTER, tmp_path / "roots")
    file = bundle(rooted, tmp_path / "e.zip", "group:g-0")
    found = verify(file)
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "complete")
    assert ("member:m" in shown_in(file)) == (kind == "branch_committee")
    assert "person:p" not in shown_in(file)
    assert "member:v" not in shown_in(file)
    if kind == "branch_committee":

        def leave_out(parts: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
            parts.lines = [line for line in parts.lines if line["recorded"]["id"] != "m"]
            retie(parts, rooted)
            del complete

        assert is_refused(rewritten(file, leave_out))


def retie(parts: Spoiled, rooted: Rooted) -> None:
    """Let the events that are left be in the tree, and the answer theirs: what remains to be refused is the rest."""
    shown = [line["recorded"]["position"] - 1 for line in parts.lines]
    parts.tree = shared_proof(rooted.log.leaves, [*shown, rooted.stated.position - 1])
    parts.answer_again()


def test_a_branch_below_cannot_be_left_out_whole(tmp_path: Path) -> None:
    """A committee is in effect by a branch below it, which may cover nobody here: what puts it there is shown whole."""
    formed = {"name": "党委", "formation": "standalone", "region": "9901"}
    history = [
        *city(4),
        event("ap", "activity_policy.adopted", meetings={"general": {"least": 1, "per": "quarter"}}, **JUDGED),
        event("c", "branch.formed", branch="branch:c", tier="committee", covers=["group:g-3"], **formed),
        event("d", "branch.formed", branch="branch:d", tier="branch", covers=["group:g-2"], **formed),
        event("u", "branch.changed", branch="branch:d", parent="branch:c"),
    ]
    rooted = state(log_of(history), AFTER, tmp_path / "roots")
    file = bundle(rooted, tmp_path / "e.zip", "group:g-3")
    found = verify(file)
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "complete")
    assert json.loads(read(file)["answer.json"])["rows"][0]["effectively_covered"]

    def leave_out(parts: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        parts.lines = [line for line in parts.lines if line["recorded"]["id"] not in {"d", "u"}]
        retie(parts, rooted)
        assert not parts.answer["rows"][0]["effectively_covered"]
        complete["present"].pop("branch:d")

    assert is_refused(rewritten(file, leave_out))


def test_what_an_office_did_beside_the_ledger_is_not_handed_on(tmp_path: Path) -> None:
    about = {"visit": "visit:v", "survey": "survey:s", "grid": "grid:g", "org": "group:g-1"}
    history = [*city(4), event("w", "visit.made", **about, findings={})]
    rooted = state(log_of(history), AFTER, tmp_path / "roots")
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1")
    found = verify(file)
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "complete")
    assert "visit" not in shown_in(file)
