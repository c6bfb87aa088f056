"""Cities with logs in memory, real trees, sealed reports and the files that go to their province; and how one lies."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from domain.events.assessment import SEALED
from domain.events.envelope import read_event
from domain.events.facts import Event
from domain.province.reports import Head
from domain.province.sums import Sum, add_up
from domain.tree.entity_map import blinded
from domain.tree.proofs import consistency_proof, inclusion_proof
from services.assessment.assessments import SOURCE
from services.evidence.notes.notes import SignatureType, SignerKey
from services.evidence.roots import refold
from services.province.checking import check, key_of
from services.province.known import city_in, facts_of
from services.province.report_file import ReportFile, write
from services.province.taking import Brings, finding
from services.system.settings import SHANGHAI
from tests.forging import AFTER, MemoryLog
from tests.proving import RULES, Rooted, state
from tests.small_city import event

POLICY: dict[str, Any] = {
    "full_members_for_branch": 3, "employees_for_branch": 50, "formations_counted": ["standalone", "joint"],
    "members_counted": "here", "small_unit": 10,
}  # fmt: skip
Edit = dict[str, int]
MIDDAY = clock(12)


class Sealed(NamedTuple):
    """A report in a city's log, and the trees under it."""

    name: str
    position: int
    rooted: Rooted


class SmallCity:
    """A city of so many groups, half of them covered, in so many regions; number `n` tells it from others."""

    def __init__(self, n: int, folder: Path, groups: int = 12, regions: int = 3) -> None:
        self.name, self.n, self._folder, self._regions = f"city:c{n}", n, folder / str(n), regions
        self.log = MemoryLog(SignerKey(f"log.example/city-{n}", SignatureType.ED25519, n.to_bytes(2, "big") * 16))
        self.groups = 0
        self.grow(groups)

    def grow(self, groups: int) -> None:
        """So many groups more, and a branch that covers half of them."""
        first, self.groups = self.groups, self.groups + groups
        for k in range(first, self.groups):
            self.log.add(event(
                f"r{k}", "organization.registered", org=self.org(k), kind="new_employment_group", category="courier",
                name="站", region=f"99{self.n % 80 + 10}{k % self._regions + 1:02d}", employees=k,
            ))  # fmt: skip
        covers = [self.org(k) for k in range(first, first + groups // 2)]
        self.log.add(event(
            f"b{first}", "branch.formed", branch=f"branch:c{self.n}-{first}", name="支部", tier="branch",
            formation="joint", region=f"99{self.n % 80 + 10}", covers=covers,
        ))  # fmt: skip

    def org(self, k: int) -> str:
        return f"group:c{self.n}-{k}"

    def seal(  # noqa: PLR0917 - of a report
        self, name: str = "assessment:a", supersedes: str | None = None, edit: Edit | None = None,
        policy: Mapping[str, Any] = POLICY, as_of: date = AFTER, leave_out: Iterable[str] = (),
        group_by: tuple[str, ...] = ("kind", "region:6"),
    ) -> Sealed:  # fmt: skip
        """Seal a report at the log's end. It may lie: `edit` changes its total, `leave_out` the rows of the tree."""
        left, honest = set(leave_out), refold._rows

        def rows(ledger: Any, salt: bytes, *names: Any) -> Any:  # noqa: ANN401 - of the fold
            gone = {blinded(salt, org) for org in left}
            return [row for row in honest(ledger, salt, *names) if row.name not in gone]

        with patch.object(refold, "_rows", rows):
            rooted = state(self.log, as_of, self._folder / name.partition(":")[2])
        stated, regions = rooted.stated, rooted.trees.regions
        groups = [
            {"key": ["new_employment_group", key][: len(group_by)],
             "counts": stated.figure(node.counts, "new_employment_group")}
            for (digits, key), node in sorted(regions.items()) if digits == (6 if len(group_by) == 2 else 0)
        ]  # fmt: skip
        total = stated.figure(regions[0, ""].counts, None)
        data = {
            "effective_on": "2024-03-02", "assessment": name, "title": "考核", "office": "office:a",
            "campaign": "campaign:c", "as_of": as_of.isoformat(), "known_at": stated.known_at,
            "group_by": list(group_by), "segment": {}, "policy": dict(policy), "targets": [], "groups": groups,
            "total": total | (edit or {}), "root_hash": stated.root_hash.hex(), "ruleset": RULES, "checkpoint": "x",
        }  # fmt: skip
        if supersedes is not None:
            data |= {"supersedes": supersedes, "reason": "补报"}
        self.log.add({
            "specversion": "1.0", "id": name, "source": SOURCE, "type": SEALED, "time": "2024-03-02T08:00:00+08:00",
            "data": data,
        })  # fmt: skip
        return Sealed(name, len(self.log.stored), rooted)

    def file(self, sealed: Sealed, *since: int, regions: bool = True) -> bytes:
        """The file for the province, from the log as it is now."""
        leaves, note = self.log.leaves, self.log.note()
        stored = self.log.stored[sealed.position - 1]
        keys = sorted(key for digits, key in sealed.rooted.trees.regions if digits == 6) if regions else []
        figures = [sealed.rooted.figure(0, "", None, note)]
        figures += [sealed.rooted.figure(6, key, None, note) for key in keys]
        return write(ReportFile(
            stored.entry(), stored.raw, tuple(inclusion_proof(leaves, sealed.position - 1)),
            tuple(figures), {size: tuple(consistency_proof(leaves, size)) for size in since},
        ))  # fmt: skip

    @property
    def head(self) -> Head:
        checkpoint = self.log.head()
        return Head(checkpoint.size, checkpoint.root_hash.hex())

    def rewritten(self, at: int) -> "SmallCity":
        """The same city with another log from a position on, sealed by the same key."""
        other = SmallCity(self.n, self._folder.parent / "rewritten", 0, self._regions)
        other.log.stored, other.log.leaves, other.groups = [], [], self.groups
        for stored in self.log.stored:
            content = json.loads(stored.raw)
            if stored.position == at:
                content["data"]["employees"] = 9
            if content["type"].startswith("taizhang.organization") or content["type"].startswith("taizhang.branch"):
                other.log.add(content)
        return other


def told(position: int, name: str, data: Mapping[str, Any], day: str = "2024-03-05") -> Event:
    """An event of the province's own log."""
    type_ = f"taizhang.{name}.v1"
    return Event(position, "/province", f"p{position}", type_, position, {"effective_on": day, **data})


class Province:
    """Takes files as its service does, its events in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        #: What checking and adding up took, and how much of a core's time.
        self.seconds = self.computing = 0.0

    def say(self, name: str, /, day: str = "2024-01-01", **data: object) -> None:
        self.events.append(told(len(self.events) + 1, name, data, day))

    def join(self, city: SmallCity, day: str = "2024-01-01") -> None:
        self.say("city.joined", day, city=city.name, name=city.name, region="99", origin=city.log.key.name,
                 key=str(city.log.key.verifier))  # fmt: skip

    def ask(self, as_of: date, due_on: str = "2024-03-10") -> None:
        self.say("report.asked", report=f"report:r{as_of}", title="月报", as_of=str(as_of), due_on=due_on,
                 policy=POLICY, rulesets=[RULES])  # fmt: skip

    def take(self, city: SmallCity, file: bytes, today: date) -> None:
        with self._timed():
            # What the service reads by family from its projection is in memory here; a hundred cities' do not count.
            own = [each for each in self.events if each.data.get("city") == city.name]
            known = city_in(facts_of(own), city.name, today)
            checked = check(file, key_of(known.city.key), known.heads, known.doubted)
            raw = finding(Brings(city.name, file, "office", "r"), checked, datetime.combine(today, MIDDAY, SHANGHAI))
            event = read_event(raw).event
            assert event is not None, read_event(raw).reasons
            at = len(self.events) + 1
            self.events.append(Event(at, event.source, event.id, event.type, event.time_ns, event.data))

    def sum(self, as_of: date, today: date, known_at: int | None = None) -> Sum:
        with self._timed():
            found = add_up(facts_of(self.events[:known_at]), as_of, today)
        assert found is not None
        return found

    def registered(self, as_of: date, today: date, known_at: int | None = None) -> tuple[dict[str, str], int]:
        """The state of each city, and how many organizations the total has."""
        found = self.sum(as_of, today, known_at)
        states = {each.city: each.state + (", late" if each.late else "") for each in found.cities}
        return states, found.total["new_employment_group"].registered

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - began
        self.computing += time.process_time() - busy
