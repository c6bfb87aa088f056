"""A province of simulated cities with real trees: who lies in a report or rewrites a log is found when the file comes.

The suite has a few cities, `make test-province` a hundred, with the time and sizes that are promised for them.
"""

import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.events.envelope import read_event
from domain.events.facts import Event, standing_facts
from domain.ledger.rates import Counts, add
from domain.province.reports import brought, heads_of
from domain.province.sums import add_up
from services.province.checking import check
from services.province.taking import Brings, finding
from tests.histories import fits
from tests.provincial import POLICY, SmallCity, told
from tests.proving import RULES

pytestmark = pytest.mark.long

CITIES = int(os.environ.get("TAIZHANG_TEST_CITIES", "6"))
EDITED, REWRITTEN, LEFT_OUT = 2, 3, 4
BEFORE = date(2024, 3, 1)
DAY = date(2024, 3, 2)
NOW = datetime(2024, 3, 5, tzinfo=UTC)
#: For a hundred cities on two cores, and for one city's file.
SECONDS_MAX = 30.0
BYTES_MAX = 1_000_000


class Province:
    """Takes files as its service does, its events in memory."""

    def __init__(self, cities: list[SmallCity]) -> None:
        self.events: list[Event] = []
        self.seconds = 0.0
        for city in cities:
            self.say("city.joined", city=city.name, name=city.name, region="99", origin=city.log.key.name,
                     key=str(city.log.key.verifier))  # fmt: skip
        for n, day in enumerate((BEFORE, DAY)):
            self.say("report.asked", report=f"report:r{n}", title="月报", as_of=str(day), due_on="2024-03-10",
                     policy=POLICY, rulesets=[RULES])  # fmt: skip

    def say(self, name: str, /, **data: object) -> None:
        self.events.append(told(len(self.events) + 1, name, data, "2024-02-01"))

    def take(self, city: SmallCity, file: bytes) -> None:
        began = time.perf_counter()
        heads = heads_of(brought(standing_facts(self.of(city), fits)[0]), city.name)
        checked = check(file, city.log.key.verifier, heads)
        raw = finding(Brings(city.name, file, "office", "r"), checked, NOW)
        event = read_event(raw).event
        assert event is not None, read_event(raw).reasons
        self.events.append(
            Event(len(self.events) + 1, event.source, event.id, event.type, event.time_ns, event.data)
        )  # fmt: skip
        self.seconds += time.perf_counter() - began

    def of(self, city: SmallCity) -> list[Event]:
        return [each for each in self.events if each.data.get("city") == city.name]


def test_two_lies_are_found_with_the_file_and_the_third_is_in_no_file(tmp_path: Path) -> None:
    cities = [SmallCity(n, tmp_path, 9 + n % 5) for n in range(1, CITIES + 1)]
    province, honest, sizes = Province(cities), Counts(), list[int]()
    for city in cities:
        province.take(city, city.file(city.seal("assessment:before", as_of=BEFORE)))
    for each in cities:
        known, true_rows = each.head, each.groups + 4
        city = each.rewritten(2) if each.n == REWRITTEN else each
        city.grow(4)
        edit = {"organization_covered": city.groups} if city.n == EDITED else None
        left = [city.org(0), city.org(1)] if city.n == LEFT_OUT else ()
        sealed = city.seal("assessment:now", edit=edit, leave_out=left, as_of=DAY)
        file = city.file(sealed, known.size)
        sizes.append(len(file))
        province.take(city, file)
        if city.n not in (EDITED, REWRITTEN):
            honest = add(honest, Counts(registered=true_rows, organizations=true_rows))
    began = time.perf_counter()
    found = add_up(standing_facts(province.events, fits)[0], DAY, NOW.date())
    assert found is not None
    province.seconds += time.perf_counter() - began
    states = {each.city: each.state for each in found.gaps}
    assert states == {f"city:c{EDITED}": "figures_edited", f"city:c{REWRITTEN}": "log_rewritten"}
    assert not found.complete
    assert [each.counts for each in found.gaps] == [None, None]
    # Two rows that a city leaves out under a tree that is consistent in itself: what the files add up to lacks them.
    assert found.total["new_employment_group"].registered == honest.registered - 2
    before = add_up(standing_facts(province.events, fits)[0], BEFORE, NOW.date())
    assert before is not None
    assert [each.city for each in before.gaps] == [f"city:c{REWRITTEN}"]
    assert max(sizes) <= BYTES_MAX
    assert province.seconds <= SECONDS_MAX
    print(f"{CITIES} cities: {province.seconds:.2f} s, files of at most {max(sizes):,} bytes")  # noqa: T201 - measured
