"""The demo city's bodies and bases: who answers for whom, and each figure under its own name."""

from datetime import date

import pytest

from domain.ledger.bodies import Bodies
from domain.ledger.meaning import lifted, meant, without_levels
from domain.ledger.rates import Filters, Key, group, ratio
from services.demo_city import bodies
from services.demo_city.world import events
from tests.demo_city import DEADLINE, END, SPEECH, City

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
ECONOMIC = Filters(kind="new_economic")


@pytest.fixture(scope="module")
def city() -> City:
    return City(events(0.1, 1))


def counted(city: City, day: date, filters: Filters, *group_by: str) -> dict[Key, int]:
    folded = city.at(day)
    filters = meant(filters, folded.bodies, folded.bases)
    found = group(folded.rows(filters.counted), without_levels(group_by), filters)
    return {key: counts.organizations for key, counts in lifted(found, group_by, folded.bodies).items()}


@pytest.mark.parametrize(
    ("basis", "covered", "organizations", "value"),
    [
        (None, 3744, 5174, "0.7236"),
        ("without_sole_proprietors", 2588, 3369, "0.7682"),
        ("legal_units", 1944, 3369, "0.5770"),
    ],
)
def test_each_basis_gives_its_own_coverage_at_the_deadline(
    city: City, basis: str | None, covered: int, organizations: int, value: str
) -> None:
    folded = city.at(DEADLINE)
    filters = meant(ECONOMIC._replace(basis=basis), folded.bodies, folded.bases)
    (counts,) = group(folded.rows(filters.counted), (), filters).values()
    assert (counts.organization_covered, counts.organizations) == (covered, organizations)
    assert ratio(counts.organization_covered, counts.organizations) == value


def test_sums_over_the_parks_with_null_equal_the_whole(city: City) -> None:
    for day in (SPEECH, DEADLINE, END):
        by_park = counted(city, day, ECONOMIC, "body:park")
        assert sum(by_park.values()) == counted(city, day, ECONOMIC)[()]
        in_parks = sum(number for (body,), number in by_park.items() if body is not None)
        assert counted(city, day, ECONOMIC, "body:park:1")[(bodies.PARKS,)] == in_parks > 100


def test_the_logistics_park_s_firms_answer_to_the_industry_park_once_it_is_closed(city: City) -> None:
    before, after = (counted(city, day, ECONOMIC, "body:park") for day in (DEADLINE, END))
    assert before[(bodies.LOGISTICS_PARK,)] > 10
    assert (bodies.LOGISTICS_PARK,) not in after
    assert after[(bodies.INDUSTRY_PARK,)] > before[(bodies.INDUSTRY_PARK,)]
    assert not any(answers.waiting for answers in map(city.at(END).answers_to, city.at(END).organizations.values()))


def test_social_organizations_answer_to_bureaus_under_the_city_s(city: City) -> None:
    social = Filters(kind="new_social")
    of_bureaus = counted(city, END, social, "body:supervising_unit")
    assert of_bureaus[("none",)] > 5
    assert of_bureaus[(None,)] > 5
    tree: Bodies = city.at(END).bodies
    tops = counted(city, END, social, "body:supervising_unit:1")
    named = {body for (body,) in tops if body not in (None, "none")}
    assert named
    assert all(tree.existing[str(body)].parent is None for body in named)
