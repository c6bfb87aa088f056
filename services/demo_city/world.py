"""The whole city: every county's facts, through the dirt, in order of arrival."""

from collections.abc import Iterator

from services.demo_city import (
    across,
    bodies,
    branches,
    campaign,
    contradictions,
    daily,
    divisions,
    exclusions,
    facts,
    groups,
    living,
    people,
    population,
    registries,
    stories,
    survey,
)
from services.demo_city.chance import OPENING, stream
from services.demo_city.county import County
from services.demo_city.dirt import Feed, Line, in_order_of_arrival
from services.demo_city.facts import Fact
from services.demo_city.groups import Group
from services.demo_city.organization import eligible_spans
from services.demo_city.plan import CountyPlan, counties

EVENTS_AT_SCALE_1 = 454_000
"""About so many lines, for progress bars."""


def events(scale: float, seed: int) -> Iterator[bytes]:
    """The city's events as lines of JSON in order of arrival, each with its newline.

    The same scale and seed give the same bytes on every version of Python. Broken messages are
    lines too, and no JSON at all some of them.

    Args:
        scale: 1 is the city of the speech; from `plan.SCALE_MIN` to `plan.SCALE_MAX`.
        seed: any integer.

    Raises:
        ValueError: the scale is out of range.
    """
    plans = counties(scale)
    return in_order_of_arrival(_lines(plans, groups.city_groups(scale, seed), seed))


def _lines(plans: list[CountyPlan], city_groups: list[Group], seed: int) -> Iterator[Line]:
    """County by county, so that memory holds one county's plan at a time."""
    borders = across.Borders()
    for plan in plans:
        county = County(plan)
        feed = Feed(county, stream(seed, plan.code, "dirt"))
        if plan.number == 0:
            yield from feed.lines([facts.policy_adopted(OPENING)])
        of_county = [g for g in city_groups if g.organization.org.startswith(f"group:{plan.code}-")]
        watch = survey.Watch()
        of_branches = living.Watch()
        yield from feed.lines(of_branches.passing(watch.passing(_facts(county, of_county, seed))))
        yield from feed.lines(living.life(county, of_branches, seed))
        borders.seen(county, of_branches)
        if plan.code == survey.COUNTY:
            yield from survey.lines(county, watch, seed)
        if plan.code == divisions.MERGED:
            yield from divisions.recoded(county, seed)
        yield from bodies.of_county(county, seed)
    yield from campaign.lines()
    yield from daily.lines()
    yield from divisions.lines()
    yield from bodies.lines()
    yield from living.lines()
    yield from borders.lines()


def _facts(county: County, of_county: list[Group], seed: int) -> Iterator[Fact]:
    """One county's true facts. Members come before coverage, which must know who is eligible."""
    plan = county.plan
    registrar = population.Registrar(plan, stream(seed, plan.code, "organizations"))
    firms = stories.firms(county, registrar)
    county.economic = firms + population.segment(
        registrar.rng, plan.economic.organizations - len(firms), registrar.economic
    )
    county.internet = population.segment(registrar.rng, plan.internet.organizations, registrar.internet)
    county.social = population.segment(registrar.rng, plan.social.organizations, registrar.social)
    county.groups = [group.organization for group in of_county]
    county.workplaces = [o for o in county.organizations if o.category != "sole_proprietor"]

    yield from people.full_members(county, stream(seed, plan.code, "members"))
    yield from people.recruits(county, stream(seed, plan.code, "recruits"))
    yield from stories.tell(county, stream(seed, plan.code, "stories"))
    for org in county.organizations:
        org.eligible = eligible_spans(org)

    rng = stream(seed, plan.code, "coverage")
    branches.until_speech(county, rng)
    yield from exclusions.exclusions(county, stream(seed, plan.code, "exclusions"))
    branches.campaign(county, rng)
    branches.after_deadline(county, rng)

    rng = stream(seed, plan.code, "registries")
    registrar.rng = rng
    for org in (*county.economic, *county.internet, *county.social):
        yield from registries.life(org, registrar)
    for group in of_county:
        yield from groups.head_counts(rng, group)
    yield from branches.branches(county, stream(seed, plan.code, "branches"))
    yield from people.instructors(county, stream(seed, plan.code, "instructors"))
    yield from contradictions.contradictions(county, stream(seed, plan.code, "contradictions"))
