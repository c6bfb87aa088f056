"""What a set of lists means: the same ledger in whatever order they come, and what each list says on its own date."""

import json
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fieldwork.list_said import Said
from domain.fieldwork.list_sets import lists_of, settle
from domain.fieldwork.list_statements import WHOLE, Part, Statement
from domain.fieldwork.lists import GONE, Listed, as_bytes, made_for
from domain.ledger.rows import Row, ledger
from services.lists.reconcile import Report
from tests.full_lists import CODES, REGISTERED, SOURCE, Rows, content, own, planned, taken
from tests.histories import fits

pytestmark = pytest.mark.long

DAYS = ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]
OTHER = "/registry/other"
REGIONS = ["880107", "880108"]


class Log:
    """A log to which lists are published."""

    def __init__(self, folder: str, events: Iterable[dict[str, Any]] = ()) -> None:
        self.events = list(events)
        self._folder = Path(folder)

    def send(self, day: str, rows: Rows, part: Part = WHOLE, source: str = SOURCE) -> Report:
        """Publish a list; what it says beside the source."""
        report, published, _ = planned(self._folder, content(rows), day, taken(self.events), part, source=source)
        assert report.refusals == []
        self.events += published
        return report

    def sent_again(self, day: str, rows: Rows, part: Part = WHOLE) -> list[dict[str, Any]]:
        """What the same list would publish again."""
        return planned(self._folder, content(rows), day, taken(self.events), part)[1]

    def rows(self, day: str) -> list[Row]:
        return ledger(taken(self.events), date.fromisoformat(day), fits).rows()

    def said(self, day: str) -> dict[int, tuple[str, str, str]]:
        """What the ledger says, as a list would."""
        return {
            CODES.index(row.org[5:]): (
                row.attributes.name, row.attributes.region,
                "" if row.attributes.employees is None else str(row.attributes.employees),
            )
            for row in self.rows(day)
        }  # fmt: skip


row = st.tuples(st.sampled_from(["甲", "乙"]), st.sampled_from(REGIONS), st.sampled_from(["3", "60"]))
worlds = st.dictionaries(st.integers(0, 5), row, min_size=1)
uncounted = worlds.map(lambda rows: {n: (name, region, "") for n, (name, region, _) in rows.items()})
sets = st.dictionaries(st.sampled_from(DAYS), st.one_of(worlds, uncounted), min_size=2)


@settings(max_examples=25)
@given(sets, st.data())
def test_the_ledger_after_a_set_of_lists_is_the_same_in_every_order(
    lists: dict[str, Rows], data: st.DataObject
) -> None:
    before = [own(n, "2023-11-01", "registered", **REGISTERED) for n in data.draw(st.sets(st.integers(0, 5)))]
    other = data.draw(st.permutations(sorted(lists)))
    with tempfile.TemporaryDirectory() as folder:
        in_order, out_of_order = Log(folder, before), Log(folder, before)
        for day in sorted(lists):
            in_order.send(day, lists[day])
        for day in other:
            out_of_order.send(day, lists[day])
        for day in [*DAYS, "2024-06-30"]:
            assert out_of_order.rows(day) == in_order.rows(day)
        for day, rows in lists.items():
            counted = any(count for _, _, count in rows.values())
            assert {n: (*each[:2], each[2] if counted else "") for n, each in out_of_order.said(day).items()} == rows
            assert out_of_order.sent_again(day, rows) == []


@settings(max_examples=20)
@given(sets, st.data())
def test_a_list_put_right_leaves_nothing_of_the_wrong_one(lists: dict[str, Rows], data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(sorted(lists)))
    wrong = data.draw(worlds)
    before = [own(n, "2023-11-01", "registered", **REGISTERED) for n in data.draw(st.sets(st.integers(0, 5)))]
    with tempfile.TemporaryDirectory() as folder:
        right, put_right = Log(folder, before), Log(folder, before)
        for each in sorted(lists):
            right.send(each, lists[each])
        put_right.send(day, wrong)
        for each in data.draw(st.permutations(sorted(lists))):
            put_right.send(each, lists[each])
        for each in [*DAYS, "2024-06-30"]:
            assert put_right.rows(each) == right.rows(each)
        # To and fro: what was taken back comes back.
        put_right.send(day, wrong)
        put_right.send(day, lists[day])
        for each in DAYS:
            assert put_right.rows(each) == right.rows(each)


@settings(max_examples=20)
@given(worlds, worlds, st.data())
def test_parts_of_a_list_say_together_what_the_whole_says(first: Rows, second: Rows, data: st.DataObject) -> None:
    by_region = [(Part((code,)), {n: r for n, r in second.items() if r[1] == code}) for code in REGIONS]
    pages = data.draw(st.integers(1, 3))
    by_page = [(Part((), p + 1, pages), {n: r for n, r in second.items() if n % pages == p}) for p in range(pages)]
    parts = data.draw(st.sampled_from([by_region, by_page]))
    with tempfile.TemporaryDirectory() as folder:
        whole, in_parts = Log(folder), Log(folder)
        for log in (whole, in_parts):
            log.send(DAYS[0], first)
        whole.send(DAYS[1], second)
        for part, rows in data.draw(st.permutations(parts)):
            in_parts.send(DAYS[1], rows, part)
        for day in DAYS:
            assert in_parts.rows(day) == whole.rows(day)
        for part, rows in parts:
            assert in_parts.sent_again(DAYS[1], rows, part) == []


def test_what_lies_outside_its_part_is_left_alone() -> None:
    rows = {n: ("甲", REGIONS[n % 2], "3") for n in range(6)}
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        log.send(DAYS[0], rows)
        report = log.send(DAYS[1], {0: rows[0], 2: rows[2]}, Part((REGIONS[0],)))
        assert report.active == 3
        assert (report.differences["deregistered"], report.differences["unchanged"]) == (1, 2)
        assert sorted(log.said(DAYS[1])) == [0, 1, 2, 3, 5]
        report = log.send(DAYS[2], {0: rows[0]}, Part((), 1, 2))
        assert report.differences == {"unchanged": 1}
        refused, _, _ = planned(Path(folder), content({1: rows[1]}), DAYS[2], taken(log.events), Part((REGIONS[0],)))
        assert [(each.rule, each.row) for each in refused.refusals] == [("outside_part", 2)]


def test_a_fact_of_the_registry_that_comes_late_gives_way_to_the_lists_after_it() -> None:
    rows = {0: ("甲", REGIONS[0], "80"), 1: ("甲", REGIONS[0], "80")}
    late = own(0, "2024-01-15", "changed", employees=90)
    with tempfile.TemporaryDirectory() as folder:
        log, other = Log(folder), Log(folder, [own(0, "2023-11-01", "registered", **REGISTERED), late])
        log.events.append(own(0, "2023-11-01", "registered", **REGISTERED))
        log.send(DAYS[0], rows)
        log.send(DAYS[1], rows)
        log.events.append(late)
        assert log.said("2024-01-31")[0][2] == "90"
        log.send(DAYS[2], rows)
        for day in DAYS[:3]:
            other.send(day, rows)
        for day in (*DAYS, "2024-01-20"):
            assert log.rows(day) == other.rows(day)


def _word(target: dict[str, Any], number: int, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - an event's data
    name = "corrected" if "replacement" in data else "retracted"
    verb = "corrects" if "replacement" in data else "retracts"
    return {
        "specversion": "1.0", "id": f"word-{number}", "source": "/steward", "time": "2024-05-01T09:00:00+08:00",
        "type": f"taizhang.event.{name}.v1",
        "data": {verb: {"source": target["source"], "id": target["id"]}, "reason": "looked at on the spot", **data},
    }  # fmt: skip


@pytest.mark.parametrize("retracts", [True, False])
def test_a_list_sent_again_does_not_undo_what_a_person_has_put_right(*, retracts: bool) -> None:
    rows = {0: ("甲", REGIONS[0], "80"), 1: ("甲", REGIONS[0], "80")}
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        log.send(DAYS[0], rows)
        target = next(e for e in log.events if e["data"].get("org") == f"uscc:{CODES[0]}")
        log.events.append(
            _word(target, 1, **({} if retracts else {"replacement": {**target["data"], "employees": 55}}))
        )
        assert log.sent_again(DAYS[0], rows) == []
        stands = log.said(DAYS[0]).get(0)
        # Nor does one put right in another row; the next month's list does.
        log.send(DAYS[0], {**rows, 1: ("乙", REGIONS[0], "80")})
        log.send(DAYS[0], {**rows, 1: ("乙", REGIONS[0], "81")})
        assert log.said(DAYS[0]) == {**({} if stands is None else {0: stands}), 1: ("乙", REGIONS[0], "81")}
        log.send(DAYS[1], rows)
        assert log.said(DAYS[1]) == rows


def test_an_organization_that_another_source_has_stays_when_one_leaves_it_out() -> None:
    rows = dict.fromkeys(range(4), ("甲", REGIONS[0], "3"))
    rest = {n: rows[n] for n in range(1, 4)}
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        log.send(DAYS[0], rows)
        log.send(DAYS[1], {0: rows[0]}, source=OTHER)
        report = log.send(DAYS[1], rest)
        assert report.plan is not None
        assert (report.plan.elsewhere, report.differences["deregistered"]) == (1, 0)
        assert log.sent_again(DAYS[1], rest) == []
        assert sorted(log.said(DAYS[2])) == [0, 1, 2, 3]
        # Once neither has it, it ends.
        log.send(DAYS[2], {}, Part((REGIONS[1],)), source=OTHER)
        assert 0 in log.said(DAYS[2])
        log.send(DAYS[3], {1: rows[1]}, source=OTHER)
        assert sorted(log.said(DAYS[3])) == [1, 2, 3]


def test_a_list_names_what_the_ledger_lacks_and_the_remedy_it_names_mends_it() -> None:
    rows = dict.fromkeys(range(4), ("甲", REGIONS[0], "3"))
    rest = {n: rows[n] for n in range(1, 4)}
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        log.send(DAYS[0], rows)
        log.send(DAYS[1], rest)
        report = log.send(DAYS[1], {0: rows[0]}, source=OTHER)
        assert report.plan is not None
        (lacking,) = report.plan.lacking
        assert lacking.org == f"uscc:{CODES[0]}"
        assert lacking.ended.source == SOURCE
        assert f"that list of {SOURCE} again" in lacking.remedy()
        assert 0 not in log.said(DAYS[2])
        log.send(DAYS[1], rest)
        assert sorted(log.said(DAYS[2])) == [0, 1, 2, 3]
        assert log.send(DAYS[1], {0: rows[0]}, source=OTHER).plan.lacking == []  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize("left_out", DAYS[1:])
@pytest.mark.parametrize("brought", DAYS)
def test_moved_between_registries_it_stays_or_its_lack_is_named(left_out: str, brought: str) -> None:
    """Whichever list comes first, the ledger has the organization, or the list that brings it says that it has not."""
    rows = dict.fromkeys(range(4), ("甲", REGIONS[0], "3"))
    rest = {n: rows[n] for n in range(1, 4)}
    had: dict[bool, list[bool]] = {}
    for brought_first in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            log = Log(folder)
            log.send(DAYS[0], rows)
            if brought_first:
                log.send(brought, {0: rows[0]}, source=OTHER)
            log.send(left_out, rest)
            if not brought_first:
                report = log.send(brought, {0: rows[0]}, source=OTHER)
                assert report.plan is not None
                named = [each.org for each in report.plan.lacking]
                lacks = any(0 not in log.said(day) for day in DAYS if day >= brought)
                assert named == ([f"uscc:{CODES[0]}"] if lacks else [])
                log.send(left_out, rest)
            had[brought_first] = [0 in log.said(day) for day in DAYS]
    assert had[True] == had[False] == [day < left_out or brought <= left_out or day >= brought for day in DAYS]


both = st.fixed_dictionaries({
    source: st.dictionaries(st.sampled_from(DAYS), st.sets(st.integers(0, 2)), min_size=1) for source in (SOURCE, OTHER)
})  # fmt: skip


@settings(max_examples=4)
@given(both, st.randoms())
def test_of_two_registries_the_lists_sent_once_more_give_one_ledger_in_every_order(
    lists: dict[str, dict[str, set[int]]], random: Random
) -> None:
    """A list that came too soon for another's is told so; sent again, it is as if it had come after."""
    every = sorted((day, source, here) for source, days in lists.items() for day, here in days.items())
    ledgers = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            log = Log(folder)
            for day, source, here in [*random.sample(every, len(every)), *every, *every]:
                log.send(day, dict.fromkeys([*here, 5], ("甲", REGIONS[0], "3")), source=source)
            ledgers.append([log.said(day) for day in DAYS])
    assert ledgers[0] == ledgers[1]


def test_what_its_own_source_leaves_out_later_is_not_said_to_be_lacking() -> None:
    rows = dict.fromkeys(range(4), ("甲", REGIONS[0], "3"))
    rest = {n: rows[n] for n in range(1, 4)}
    with tempfile.TemporaryDirectory() as folder:
        log = Log(folder)
        log.send(DAYS[0], rows)
        log.send(DAYS[2], rest, source=OTHER)
        log.send(DAYS[3], rest)
        report = log.send(DAYS[1], rows, source=OTHER)
        assert report.plan is not None
        assert report.plan.lacking == []


def test_a_row_that_calls_its_organization_over_keeps_its_reason_where_lists_come_late() -> None:
    active = Listed(f"uscc:{CODES[0]}", {"category": "private_enterprise", "name": "甲", "region": "880107"})
    over = Listed(active.org, {GONE: "revoked"})
    log: list[dict[str, Any]] = []
    stated: list[Statement] = []

    def send(day: str, row: Listed) -> None:
        new = Statement(date.fromisoformat(day), WHOLE, day, ("category", "name", "region"), "dissolved", 1, 0, {},
                        frozenset())  # fmt: skip
        lists, _ = lists_of(SOURCE, stated, new, fits)
        events = taken(log)
        words = [e for e in events if not e.is_fact]
        said = [Said(e, tuple(w for w in words if w.target == e.key), made_for(e)) for e in events if e.is_fact]
        found = settle(lists, active.org, said, row)
        log.extend(json.loads(as_bytes(each)) for each in found.events)
        kept = {} if found.row is None else {active.org: found.row}
        stated.append(new._replace(until=len(log), otherwise=kept))

    for day, row in ((DAYS[0], active), (DAYS[2], over), (DAYS[1], active)):
        send(day, row)
    (ended,) = [e for e in log if e["type"].endswith("deregistered.v1")]
    assert (ended["data"]["effective_on"], ended["data"]["reason"]) == (DAYS[2], "revoked")
    send("2024-01-05", over)
    assert [e["data"]["reason"] for e in log if e["type"].endswith("deregistered.v1")] == ["revoked", "revoked"]
