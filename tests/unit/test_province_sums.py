"""What a province adds up: laws over random facts, and each gap by its name."""

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.envelope import check_data
from domain.events.facts import Event, standing_facts
from domain.ledger.rates import Counts, add, count_row
from domain.ledger.rows import ledger
from domain.province.cities import cities
from domain.province.sums import COUNTED, ByKind, CityState, Sum, add_up, total_of
from domain.values.instants import parse_instant
from domain.values.terms import KINDS
from tests.forging import accepted
from tests.histories import deliveries, fits
from tests.provincial import POLICY, told

Said = tuple[str, dict[str, Any], str]
DAY = date(2024, 3, 1)
DUE = date(2024, 3, 10)
RULES, OTHERS = "5" * 64, "6" * 64


def joined(city: str, day: str = "2024-01-01", **more: Any) -> Said:  # noqa: ANN401 - any data
    key = f"log.example/{city[5:]}+01234567+{'A' * 44}"
    data = {"city": city, "name": city, "region": "99", "origin": f"log.example/{city[5:]}", "key": key}
    return "city.joined", {**data, **more}, day


def asked(**more: Any) -> Said:  # noqa: ANN401 - any data
    data = {"report": "report:r", "title": "月报", "as_of": "2024-03-01", "due_on": "2024-03-10", "policy": POLICY,
            "rulesets": [RULES]}  # fmt: skip
    return "report.asked", data | more, "2024-02-01"


def head(size: int, root: str = "a") -> dict[str, Any]:
    return {"size": size, "root_hash": root * 64}


def counts(n: int) -> list[dict[str, Any]]:
    return [{"kind": kind, "counts": dict.fromkeys(Counts._fields, n)} for kind in KINDS]


def reported(city: str, n: int = 1, day: str = "2024-03-05", **more: Any) -> Said:  # noqa: ANN401 - any data
    data = {
        "city": city, "assessment": "assessment:a", "sealed_at": 5, "as_of": "2024-03-01", "known_at": 4,
        "policy": POLICY, "ruleset": RULES, "counts": counts(n), "unproved": 0, "head": head(9), "extends": [],
        "file": "f" * 64, "brought_by": "office",
    }  # fmt: skip
    return "city.reported", data | more, day


def refused(city: str, ground: str, **more: Any) -> Said:  # noqa: ANN401 - any data
    data = {"city": city, "ground": ground, "words": "x", "assessment": "assessment:a", "as_of": "2024-03-01",
            "head": head(9, "b"), "file": "e" * 64, "brought_by": "office"}  # fmt: skip
    return "city.report_refused", data | more, "2024-03-05"


def events_of(*said: Said) -> list[Event]:
    found = [told(n, name, data, day) for n, (name, data, day) in enumerate(said, 1)]
    assert [(each.type, check_data(each.type, each.data)) for each in found if check_data(each.type, each.data)] == []
    return found


def summed(events: list[Event], today: date = DUE, as_of: date = DAY) -> Sum:
    found = add_up(standing_facts(events, fits)[0], as_of, today)
    assert found is not None
    return found


def only(*said: Said, today: date = DUE) -> CityState:
    (found,) = summed(events_of(joined("city:a"), asked(), *said), today).cities
    return found


def test_nothing_is_added_up_that_was_not_asked_for() -> None:
    facts = standing_facts(events_of(joined("city:a"), reported("city:a")), fits)[0]
    assert add_up(facts, DAY, DUE) is None


def test_a_report_that_holds_is_counted_and_the_sum_is_complete() -> None:
    found = summed(events_of(joined("city:a"), joined("city:b"), asked(), reported("city:a", 3), reported("city:b", 4)))
    assert found.complete
    assert found.total["new_social"].registered == 7


def test_without_any_city_nothing_is_complete() -> None:
    assert not summed(events_of(asked())).complete


def test_what_is_missing_is_null_and_late_from_the_day_after_it_was_due() -> None:
    before, after = only(today=DUE), only(today=date(2024, 3, 11))
    assert (before.state, before.counts, before.late) == ("missing", None, False)
    assert (after.state, after.counts, after.late) == ("missing", None, True)


def test_a_late_report_is_counted_and_told_to_be_late() -> None:
    found = only(reported("city:a", day="2024-04-10"), today=date(2024, 5, 1))
    assert (found.state, found.late) == (COUNTED, True)


def test_of_a_report_superseded_twice_the_last_is_counted_in_whatever_order_they_come() -> None:
    chain = [
        reported("city:a", 1, file="1" * 64),
        reported("city:a", 2, assessment="assessment:b", supersedes="assessment:a", sealed_at=6, file="2" * 64),
        reported("city:a", 3, assessment="assessment:c", supersedes="assessment:b", sealed_at=7, file="3" * 64),
    ]
    for order in (chain, chain[::-1], [chain[1], chain[2], chain[0]]):
        found = only(*order)
        assert found.state == COUNTED
        assert found.counts is not None
        assert found.counts["new_social"].registered == 3
        assert (found.reports, found.superseded) == (("assessment:c",), ("assessment:a", "assessment:b"))
    without_the_second = only(chain[0], chain[2])
    assert (without_the_second.state, without_the_second.counts) == ("contradicting", None)


def test_two_reports_for_one_date_contradict_where_they_differ() -> None:
    other: dict[str, Any] = {"assessment": "assessment:b", "sealed_at": 6, "file": "2" * 64}
    assert only(reported("city:a", 1), reported("city:a", 1, **other)).state == COUNTED
    found = only(reported("city:a", 1), reported("city:a", 2, **other))
    assert (found.state, found.counts) == ("contradicting", None)
    assert "neither supersedes the other" in found.words


@pytest.mark.parametrize(
    ("report", "state", "word"),
    [
        (reported("city:a", policy=POLICY | {"full_members_for_branch": 5}), "another_policy", "full_members"),
        (reported("city:a", policy=POLICY | {"members_counted": "here_and_elsewhere"}), "another_policy", "members"),
        (reported("city:a", ruleset=OTHERS), "other_rules", OTHERS),
        (reported("city:a", counts=counts(1)[:2]), "other_rules", "does not count"),
        (refused("city:a", "figures_edited"), "figures_edited", "x"),
        (refused("city:a", "log_rewritten"), "log_rewritten", "x"),
    ],
)
def test_what_cannot_be_added_is_a_gap_by_its_name(report: Any, state: str, word: str) -> None:  # noqa: ANN401
    found = only(report)
    assert (found.state, found.counts) == (state, None)
    assert word in found.words


def test_a_count_that_a_report_does_not_have_is_no_zero() -> None:
    lacking = counts(1)
    del lacking[0]["counts"]["eligible_standalone"]
    found = only(reported("city:a", counts=lacking))
    assert (found.state, found.counts) == ("other_rules", None)


def test_what_one_city_does_not_judge_has_no_total() -> None:
    silent = counts(1)
    for each in silent:
        del each["counts"]["effectively_covered"]
    said = [joined("city:a"), joined("city:b"), asked(), reported("city:a"), reported("city:b", counts=silent)]
    found = summed(events_of(*said))
    assert found.complete
    assert found.total["new_social"].organizations == 2
    assert found.total["new_social"].effectively_covered is None


def test_an_older_policy_is_read_with_what_its_silence_meant() -> None:
    older = {name: POLICY[name] for name in ("full_members_for_branch", "employees_for_branch", "formations_counted")}
    assert only(reported("city:a", policy=older | {"formations_counted": ["joint", "standalone"]})).state == COUNTED


def test_edited_figures_stand_against_a_city_until_a_report_supersedes_them() -> None:
    better = reported("city:a", 2, assessment="assessment:b", supersedes="assessment:a", sealed_at=7)
    assert only(refused("city:a", "figures_edited"), better).state == COUNTED


def test_a_rewritten_log_stands_against_every_date_until_both_heads_are_joined() -> None:
    good, forked = reported("city:a"), refused("city:a", "log_rewritten", as_of="2024-02-01")
    assert only(good, forked).state == "log_rewritten"
    joining = reported("city:a", extends=[head(9, "b")], head=head(20), file="2" * 64, as_of="2024-02-01")
    assert only(good, forked, joining).state == COUNTED


def test_a_city_is_asked_if_it_belongs_to_the_province_at_the_date() -> None:
    events = events_of(
        joined("city:a"), joined("city:later", "2024-03-02"), joined("city:gone"), asked(), reported("city:a"),
        ("city.left", {"city": "city:gone", "reason": "并入"}, "2024-03-01"),
    )  # fmt: skip
    assert [each.city for each in summed(events).cities] == ["city:a"]


def test_a_city_that_split_in_two_is_followed_by_both() -> None:
    said = [
        joined("city:old"), ("city.left", {"city": "city:old", "reason": "拆分"}, "2024-03-02"),
        joined("city:north", "2024-03-02"), joined("city:south", "2024-03-02"),
        asked(), asked(report="report:s", as_of="2024-04-01"), reported("city:old", 10),
        reported("city:north", 4, as_of="2024-04-01", file="1" * 64), reported("city:south", 6, as_of="2024-04-01"),
    ]  # fmt: skip
    for as_of, names in ((DAY, ["city:old"]), (date(2024, 4, 1), ["city:north", "city:south"])):
        found = summed(events_of(*said), as_of=as_of)
        assert ([each.city for each in found.cities], found.complete) == (names, True)
        assert found.total["new_economic"].registered == 10


def test_a_key_that_was_changed_holds_from_its_day_on() -> None:
    key = f"log.example/a+76543210+{'B' * 44}"
    said = events_of(joined("city:a"), ("city.changed", {"city": "city:a", "key": key}, "2024-02-01"))
    facts = standing_facts(said, fits)[0]
    assert [cities(facts, date(2024, month, 1))[0]["city:a"].key == key for month in (1, 2)] == [False, True]


def test_a_correction_of_the_list_holds_from_then_on() -> None:
    said = events_of(joined("city:a"), joined("city:b"), asked(), reported("city:a"))
    word = Event(9, "/province", "w", "taizhang.event.retracted.v1", 9,
                 {"retracts": {"source": "/province", "id": "p2"}, "reason": "误登"})  # fmt: skip
    assert [summed(events).complete for events in (said, [*said, word])] == [False, True]


CITIES = ["city:a", "city:b", "city:c"]


@st.composite
def worlds(draw: st.DrawFn) -> list[Event]:
    said = [joined(city) for city in CITIES] + [asked()]
    for n in range(draw(st.integers(0, 8))):
        city, name = draw(st.sampled_from(CITIES)), draw(st.sampled_from("abc"))
        more: dict[str, Any] = {"assessment": f"assessment:{name}", "file": f"{n:x}" * 64}
        if draw(st.booleans()):
            more["supersedes"] = f"assessment:{draw(st.sampled_from([x for x in 'abc' if x != name]))}"
        if draw(st.integers(0, 3)) == 0:
            ground = draw(st.sampled_from(["figures_edited", "log_rewritten"]))
            said.append(refused(city, ground, **more, head=head(draw(st.integers(1, 3)), "b")))
        else:
            said.append(reported(
                city, draw(st.integers(1, 3)), f"2024-03-{draw(st.integers(1, 20)):02d}", **more,
                sealed_at=draw(st.integers(1, 9)), ruleset=draw(st.sampled_from([RULES, RULES, OTHERS])),
                extends=[head(size, "b") for size in draw(st.sets(st.integers(1, 3)))],
            ))  # fmt: skip
    return events_of(*said)


def without_positions(found: Sum) -> Any:  # noqa: ANN401 - to be compared
    return found.asked, found.total, [each._replace(positions=()) for each in found.cities]


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_has_no_part_in_a_sum(events: list[Event], random: Any) -> None:  # noqa: ANN401
    shuffled = list(events)
    random.shuffle(shuffled)
    arrived = [Event(n, each.source, each.id, each.type, each.time_ns, each.data) for n, each in enumerate(shuffled, 1)]
    assert without_positions(summed(arrived)) == without_positions(summed(events))


@given(worlds())
def test_a_gap_is_null_and_never_zero_and_a_total_is_of_those_counted_alone(events: list[Event]) -> None:
    found = summed(events)
    assert [each.city for each in found.cities] == CITIES
    for each in found.cities:
        assert (each.counts is None) == (each.state != COUNTED)
    assert found.complete == (found.gaps == [])
    assert found.total == total_of(each.counts for each in found.cities if each.state == COUNTED)


@settings(max_examples=15)
@given(st.lists(deliveries(), min_size=2, max_size=3), st.integers(1, 29))
def test_a_total_is_the_fold_over_all_cities_events_put_together(histories: list[Any], day: int) -> None:
    """Each city's entities get names of its own, as they have in the world; then the logs are put into one."""
    as_of, together, said = date(2024, 2, day), list[Event](), [asked(as_of=f"2024-02-{day:02d}")]
    for n, history in enumerate(histories):
        own = [_of_city(each, n) for each in accepted(history) if "policy" not in each["type"]]
        events = [_event(each, len(together) + k) for k, each in enumerate(own, 1)]
        together += events
        said += [
            joined(f"city:c{n}"),
            reported(f"city:c{n}", as_of=f"2024-02-{day:02d}", counts=_counts(events, as_of)),
        ]
    found = summed(events_of(*said), as_of=as_of)
    assert found.complete
    assert found.total == _rows(together, as_of)


def _of_city(delivery: dict[str, Any], n: int) -> dict[str, Any]:
    """The same said of another city's organizations, members and branches, by sources of its own."""
    text = json.dumps(delivery)
    named = re.sub(r'"((?:uscc|group|member|branch|person|body):[^"]+)"', rf'"\1~{n}"', text)
    return json.loads(re.sub(r'"source": "([^"]+)"', rf'"source": "\1~{n}"', named))  # type: ignore[no-any-return]


def _fits(type_: str, data: object) -> bool:
    return fits(type_, json.loads(re.sub(r"~\d", "", json.dumps(data))))


def _event(delivery: dict[str, Any], position: int) -> Event:
    time_ns = parse_instant(delivery["time"])
    return Event(position, delivery["source"], delivery["id"], delivery["type"], time_ns, delivery["data"])


def _rows(events: list[Event], as_of: date) -> ByKind:
    found: ByKind = {kind: Counts() for kind in KINDS}
    for row in ledger(events, as_of, _fits).rows():
        found[row.attributes.kind] = add(found[row.attributes.kind], count_row(row))
    return found


def _counts(events: list[Event], as_of: date) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "counts": {name: count for name, count in each._asdict().items() if count is not None}}
        for kind, each in _rows(events, as_of).items()
    ]
