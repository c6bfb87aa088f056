"""A bundle that shows its events to be all: whoever leaves one out, or an organization's all, is refused."""

import base64
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


def roots_of(rooted: Rooted) -> Roots:
    return Roots(rooted.stated, rooted.trees)


def bundle(rooted: Rooted, file: Path, *orgs: str, as_of: date = AFTER) -> Path:
    rooted.log.bundle(file, Question(as_of, rooted.stated.known_at, orgs), roots=roots_of(rooted))
    return file


def rewritten(file: Path, change: Any) -> Report | str:  # noqa: ANN401 - a change of the parts
    """What the verifier says after a change of the bundle and of what shows it complete."""
    parts, complete = Spoiled(read(file)), json.loads(read(file)["complete.json"])
    change(parts, complete)
    write(file, parts.members() | {"complete.json": json.dumps(complete).encode()})
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
            write(file, parts.members() | {"complete.json": whole["complete.json"]})
            assert is_refused(verify(file)), name


def test_an_organization_whose_events_are_all_left_out_is_not_shown_absent(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", NOBODY)
    hidden = "group:g-3"

    def hide(parts: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        parts.manifest["organizations"] = parts.manifest["question"]["organizations"] = [hidden]
        complete["entities"][hidden] = complete["entities"].pop(NOBODY)

    assert is_refused(rewritten(file, hide))


def test_a_members_later_move_cannot_be_left_out_by_naming_the_organization_alone(tmp_path: Path) -> None:
    """The move away names another organization: only the member's own leaf tells of it."""
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
        parts.lines = [line for line in parts.lines if json.loads(line["entry"])["entry"]["id"] != "t"]
        parts.answer_again()
        del complete

    found = rewritten(file, leave_out)
    assert isinstance(found, Report)
    assert any("member:m" in fault.english for fault in found.faults)


@pytest.mark.parametrize("part", ["raw", "entry", "proof", "entities"])
def test_what_shows_it_complete_is_checked_whole(rooted: Rooted, tmp_path: Path, part: str) -> None:
    def change(_: Spoiled, complete: Any) -> None:  # noqa: ANN401 - JSON
        value = complete[part]
        match part:
            case "proof":
                value.pop()
            case "entities":
                value["group:g-1"][0]["place"] += 1
            case "raw":
                complete[part] = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
            case _:
                complete[part] = value.replace("/taizhang/evidence", "/office")

    assert is_refused(rewritten(bundle(rooted, tmp_path / "e.zip", "group:g-1"), change))


def test_leaves_left_out_repeated_or_of_others_are_refused(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1", NOBODY)
    whole = file.read_bytes()
    changes = (
        lambda entities: entities.pop("group:g-1"),
        lambda entities: entities.pop("policy"),
        lambda entities: entities["group:g-1"].clear(),
        lambda entities: entities["group:g-1"].append(entities["group:g-1"][0]),
        lambda entities: entities[NOBODY].pop(),
        lambda entities: entities.update({"group:g-1": entities[NOBODY]}),
        lambda entities: entities.update({"group:g-7": entities["group:g-1"]}),
    )
    for change in changes:
        file.write_bytes(whole)
        assert is_refused(rewritten(file, lambda _, complete, change=change: change(complete["entities"])))


def test_it_is_of_organizations_named_at_the_position_of_the_roots_alone(rooted: Rooted, tmp_path: Path) -> None:
    for question in (everything(AFTER, 21), Question(AFTER, 20, ["group:g-1"])):
        rooted.log.bundle(tmp_path / "e.zip", question, roots=roots_of(rooted))
        found = verify(tmp_path / "e.zip")
        assert isinstance(found, Report)
        assert any("completeness is shown of organizations named" in fault.english for fault in found.faults)


def test_without_it_the_statement_is_the_weaker_one(rooted: Rooted, tmp_path: Path) -> None:
    file = bundle(rooted, tmp_path / "e.zip", "group:g-1")
    members = read(file)
    del members["complete.json"]
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
    members = read(tmp_path / "e.zip") | {"complete.json": read(foreign)["complete.json"]}
    write(tmp_path / "e.zip", members)
    assert is_refused(verify(tmp_path / "e.zip"))


def test_where_branches_are_judged_it_is_complete_of_an_organization_covered_with_others(tmp_path: Path) -> None:
    """Whether the branch lives is decided by who is where it covers: of those organizations all is shown, too."""
    history = [
        *city(),
        event(
            "ap",
            "activity_policy.adopted",
            meetings={"general": {"least": 1, "per": "quarter"}},
            periods=1,
            term_years={},
            members_for_branch_committee=3,
            vacant_days_max=90,
        ),
        event("i", "instructor.assigned", org="group:g-1", instructor="person:p"),
        event("m", "member.enrolled", member="member:m", org="group:g-2", standing="full"),
    ]
    rooted = state(log_of(history), AFTER, tmp_path / "roots")
    file = bundle(rooted, tmp_path / "e.zip", "group:g-0")
    found = verify(file)
    assert isinstance(found, Report)
    assert (found.faults, found.statement) == ([], "complete")
    shown = [base64.b64decode(json.loads(line)["raw"]) for line in read(file)["events.jsonl"].splitlines()]
    assert any(b"person:p" in raw for raw in shown)
