"""How the demo city's branches live, and what crosses its counties' borders; no other figure knows of either."""

from collections import Counter
from datetime import date

import pytest

from domain.ledger.living import life_of, term
from domain.ledger.rows import Row
from services.demo_city import across, living
from services.demo_city.world import events
from tests.demo_city import DEADLINE, City

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
OUT, EVE = (date.fromordinal(living.SHELLS_OUT - back) for back in (0, 1))
# What is said of how branches live, and what the department arranges across the counties' borders.
OF_LIVES = ("branch.meeting_held", "branch.term_", "branch.secretary_reported", "activity_policy")


@pytest.fixture(scope="module")
def city() -> City:
    return City(events(0.05, 1))


def alive(city: City, day: date) -> set[str]:
    return {name for name, lives in city.at(day).in_effect().items() if lives}


def test_forty_shells_that_never_met_fall_out_of_effect_on_one_day(city: City) -> None:
    met = {fact.data["branch"] for fact in city.facts() if fact.type == "taizhang.branch.meeting_held.v1"}
    branches = city.at(OUT).branches
    fallen = alive(city, EVE) - alive(city, OUT) - met
    young = {name for name in fallen if DEADLINE.toordinal() - branches[name].formed_on in range(61)}
    assert living.SHELLS <= len(young) < living.SHELLS * 1.5
    covered = {org for name in young for org in branches[name].covers}
    lost = [row.org for row in city.rows(EVE) if row.org in covered and row.effectively_covered]
    kept = [row.org for row in city.rows(OUT) if row.org in lost and row.effectively_covered]
    assert len(kept) < len(lost)


def test_some_branches_lack_each_thing_and_terms_end_in_2025(city: City) -> None:
    ledger = city.at(OUT)
    lives = [life for state in ledger.branches.values() if (life := life_of(state)) is not None]
    policy = ledger.activity_policy
    assert policy is not None
    terms = [term(life, policy) for life in lives]
    assert Counter(date.fromordinal(each.last).year for each in terms if each.last)[2025] > 20
    assert any(each.last is not None and each.last < OUT.toordinal() for each in terms)
    assert any(each.first > life.formed_on for each, life in zip(terms, lives, strict=True))
    assert any(life.extended_to for life in lives)
    assert any(life.vacant_since for life in lives)
    assert 0.7 < len(alive(city, OUT)) / len(lives) < 0.97


def test_nobody_is_judged_before_the_policy_of_2025(city: City) -> None:
    assert {row.effectively_covered for row in city.rows(DEADLINE)} == {None}
    assert None not in {row.effectively_covered for row in city.rows(EVE)}


def test_members_move_between_counties_and_branches_of_a_trade_cover_firms_of_several(city: City) -> None:
    county = {row.org: row.attributes.region[:6] for row in city.rows(OUT)}
    moves = [fact for fact in city.facts() if fact.effective_on == date.fromordinal(across.MOVED_ON)]
    moved = [fact.data for fact in moves if fact.type == "taizhang.member.transferred.v1"]
    crossing = [data for data in moved if data["from_org"] and data["to_org"]]
    assert sum(county.get(data["from_org"]) != county.get(data["to_org"]) for data in crossing) > 20
    for branch, _ in across.TRADES:
        assert len({county[org] for org in city.at(OUT).branches[branch].covers}) >= 4


def test_no_other_figure_knows_of_them(city: City) -> None:
    """Without them every row is the same but for who is effectively covered."""
    without = City(())
    without.events = [
        event
        for event in city.events
        if not event.id.startswith(("across-", "activity-"))
        and not event.type.removeprefix("taizhang.").startswith(OF_LIVES)
    ]
    assert len(without.events) < len(city.events)

    def plain(found: list[Row]) -> list[Row]:
        return [row._replace(effectively_covered=None) for row in found]

    assert plain(without.rows(OUT)) == plain(city.rows(OUT))
