"""Archives to be asked: a city's with the odd cases added, and those of random histories."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import psycopg

from domain.ledger.rates import DIMENSIONS
from services.archive.figures import Question, question
from services.archive.opening import ArchivedLog, open_archive
from services.archive.writing import Written, archive_log
from services.demo_city.world import events
from services.evidence.notes.signing import signer_for
from services.intake.intake import Intake
from services.log.messages import Message, Publisher
from services.postgres.database import migrate
from tests.small_city import event
from tests.versions import project

SEGMENT_EVENTS = 4096
COUNTIES = ["990101", "990102", "990103", "990201", "990202"]
ORGS = [f"group:odd-{county}" for county in COUNTIES]
REGIONS = [None, None, "8801", "880102", "99"]


def odd_cases() -> list[dict[str, Any]]:
    """A branch over five counties, a member who goes from one to another, a fact that is moved; two policies."""
    registered = [
        event(
            f"odd-{org}", "organization.registered", org=org, kind="new_employment_group", category="courier",
            name=org, region=f"{county}001", employees=40,
        )
        for org, county in zip(ORGS, COUNTIES, strict=True)
    ]  # fmt: skip
    member = {"member": "member:odd-1"}
    between = {"from_org": ORGS[0], "to_org": ORGS[3], "effective_on": "2024-05-02"}
    moved = {"effective_on": "2024-04-01", "member": "member:odd-3", "standing": "full", "org": ORGS[4]}
    corrected = {
        **event("odd-corrected", "event.corrected"),
        "data": {
            "corrects": {"source": registered[0]["source"], "id": "odd-enrolled-2"}, "replacement": moved,
            "reason": "the entry of another person",
        },
    }  # fmt: skip
    policy = {"full_members_for_branch": 4, "employees_for_branch": 30, "formations_counted": ["standalone", "joint"]}
    activity = {
        "meetings": {"general": {"least": 1, "per": "quarter"}}, "periods": 1, "term_years": {"branch": 3},
        "members_for_branch_committee": 7, "vacant_days_max": 60,
    }  # fmt: skip
    branch = {"name": "联合支部", "tier": "branch", "formation": "joint", "region": "99", "covers": ORGS}
    return [
        *registered,
        event("odd-enrolled-1", "member.enrolled", standing="full", org=ORGS[0], **member),
        event("odd-enrolled-2", "member.enrolled", standing="full", org=ORGS[1], member="member:odd-2"),
        event("odd-formed", "branch.formed", branch="branch:odd", **branch),
        event("odd-moved", "member.transferred", **member, **between),
        corrected,
        event("odd-policy", "policy.adopted", **{**policy, "effective_on": "2024-10-01"}),
        event("odd-activity", "activity_policy.adopted", **{**activity, "effective_on": "2024-07-01"}),
        event("odd-met", "branch.meeting_held", branch="branch:odd", kind="general", quorate=True),
    ]


def fill(conninfo: str, scale: float) -> None:
    """The demo city as an import that others recorded, then the odd cases, all projected."""
    migrate(conninfo)
    lines = [*events(scale, 1), *map(orjson.dumps, odd_cases())]
    intake = Intake.open(conninfo, "test")
    try:
        for begin in range(0, len(lines), 2_000):
            batch = lines[begin : begin + 2_000]
            intake.admit([_message(line, begin + n) for n, line in enumerate(batch)])
    finally:
        intake.close()
    project(conninfo)


def _message(line: bytes, index: int) -> Message:
    return Message(line, {"channel": "http", "request": "city", "index": index, "import": "city"}, Publisher("city"))


def write(conninfo: str, keys: Path, folder: Path, segment_events: int = SEGMENT_EVENTS) -> Written:
    """Archive the log of a database; its key is kept in the folder of keys."""
    keys.mkdir(exist_ok=True)
    key_file = keys / "log.key"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        signer = signer_for(key_file, None)
        return archive_log(connection, conninfo, signer.key(connection), signer, folder, segment_events=segment_events)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def asked(random: Random, logs: Sequence[ArchivedLog]) -> tuple[Question, dict[str, Any]]:
    """A random pair of clocks, groups and filters; and the same as the service's call takes it."""
    (log,) = logs
    position = random.randrange(1, log.size + 1)
    learned_at = log.known(position).learned_at
    assert learned_at is not None
    known_at = random.choice([str(position), str(log.size), learned_at.isoformat()])
    as_of = (date(2024, 1, 1) + timedelta(days=random.randrange(600))).isoformat()
    group_by = random.sample(DIMENSIONS, random.randrange(4))
    filters: dict[str, Any] = {
        "region": random.choice(REGIONS),
        "kind": random.choice([None, None, "new_economic", "new_social"]),
        "industry": random.choice([None, None, None, "I", "null"]),
        "formation": random.choice([None, None, None, "joint", "null"]),
        "measure": random.choice([None, None, None, "combine", "instruct"]),
        "work_covered": random.choice([None, None, None, True, False]),
        "eligible": random.choice([None, None, None, True]),
        "effectively_covered": random.choice([None, None, None, True, False]),
    }
    call = {"as_of": as_of, "known_at": known_at, "group_by": group_by, **filters}
    return question(logs, as_of, known_at, group_by, filters), call


def opened(folder: Path) -> list[ArchivedLog]:
    """The logs of an archive, by the keys that lie in it."""
    return open_archive(folder)
