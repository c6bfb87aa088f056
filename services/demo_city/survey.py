"""The survey of one district in ten days: every organization visited, a sample visited again."""

import random
from collections.abc import Iterable, Iterator
from typing import Final

from domain.fieldwork.surveys import Visit, sample
from domain.values.instants import parse_date
from services.demo_city.chance import CAMPAIGN, SPEECH, between, iso, stream
from services.demo_city.county import County
from services.demo_city.daily import messages
from services.demo_city.dirt import Line
from services.demo_city.facts import Data, Fact
from services.demo_city.organization import Organization
from services.demo_city.places import VILLAGES
from services.demo_city.plan import PARK_COUNTY

COUNTY: Final = PARK_COUNTY
NAME: Final = "survey:880107-2024"
DAYS: Final = 10
SEED: Final = "2024-10-18"
_SAMPLE_MIN: Final = 60
_SAMPLE_SHARE: Final = 0.03
_UNKNOWN: Final = 3
# Of the first visits: a head count written down wrongly; one that is right where the registry's is old.
_MISTAKEN: Final = 0.04
_OLD: Final = 0.02


class Watch:
    """The head counts that the registry gives, as the facts pass by on their way to the feed."""

    def __init__(self) -> None:
        self.employees: dict[str, tuple[int, int | None]] = {}

    def passing(self, facts: Iterable[Fact]) -> Iterator[Fact]:
        """The same facts."""
        for fact in facts:
            org, told = fact.data.get("org"), fact.data.get("employees")
            if fact.day <= CAMPAIGN and isinstance(org, str) and (told is None or isinstance(told, int)):
                registered = fact.type == "organization.registered"
                if (registered or "employees" in fact.data) and fact.day >= self.employees.get(org, (0, None))[0]:
                    self.employees[org] = (fact.day, told)
            yield fact


def lines(county: County, watch: Watch, seed: int) -> Iterator[Line]:
    """The survey's events; no dirt, since the office enters them itself."""
    rng = stream(seed, COUNTY, "survey")
    opened: Data = {
        "survey": NAME, "name": "高朗区新经济组织大起底大排查", "region": COUNTY, "kinds": ["new_economic"],
        "due_on": iso(CAMPAIGN + DAYS - 1), "office": f"office:county-{COUNTY}",
    }  # fmt: skip
    told: list[tuple[int, str, Data]] = [(SPEECH, "survey.opened", opened)]
    orgs = sorted((o for o in (*county.economic, *county.internet) if o.active(SPEECH)), key=lambda o: o.region)
    made: list[Visit] = []
    truths: dict[str, Data] = {}
    for number, org in enumerate(orgs):
        day = CAMPAIGN + number * DAYS // len(orgs)
        right = _findings(rng, org, watch.employees.get(org.org, (0, None))[1], day)
        said = _mistaken(rng, right) if rng.random() < _MISTAKEN else right
        visit = f"visit:880107-{number + 1:05d}"
        truths[visit] = right
        grid = f"grid:{org.region[:9]}-{org.region[9:] or '000'}"
        data: Data = {"visit": visit, "survey": NAME, "grid": grid, "org": org.org, "findings": said}
        told.append((day, "visit.made", data))
        made.append(Visit(visit, NAME, grid, org.org, None, parse_date(iso(day)), said, None, 0))
    told += [_unknown(rng, number) for number in range(_UNKNOWN)]
    for number, again in enumerate(sample(made, max(_SAMPLE_MIN, int(len(made) * _SAMPLE_SHARE)), SEED)):
        told.append(
            (CAMPAIGN + DAYS + 1 + number % 4, "visit.made",
             {"visit": f"visit:880107-again-{number + 1:04d}", "survey": NAME, "grid": "grid:880107-inspection",
              "org": again.org, "findings": truths[again.visit], "revisits": again.visit})
        )  # fmt: skip
    yield from messages("survey", told)


def _findings(rng: random.Random, org: Organization, registered: int | None, day: int) -> Data:
    """What there is to be found: closed ones are excluded later, and some head counts are not what the registry has."""
    closed = any(start > day for start, _ in org.excluded) or not org.active(day)
    employees = registered
    if registered is not None and rng.random() < _OLD:
        employees = registered + between(rng, 1, 9)
    members = sum(change for on, change in org.full_changes if on <= day)
    # Of those closed, every third is not even found.
    gone = "not_found" if day % 3 == 0 else "closed"
    return {
        "operation": {"clear": True, "value": gone if closed else "operating"},
        "employees": {"clear": employees is not None, **({} if employees is None else {"value": employees})},
        "members": {"clear": True, "value": members},
        "owner": {"clear": rng.random() < 0.97},
        "branch_work": {"clear": True},
        "problems": {"clear": rng.random() < 0.95},
    }


def _mistaken(rng: random.Random, right: Data) -> Data:
    return {**right, "employees": {"clear": True, "value": between(rng, 100, 900)}}


def _unknown(rng: random.Random, number: int) -> tuple[int, str, Data]:
    """An organization that no registry knows."""
    villages = [village for code, of in sorted(VILLAGES.items()) if code.startswith(COUNTY) for village in of]
    village = rng.choice(villages)
    clear = {name: {"clear": True} for name in ("operation", "employees", "members", "owner", "branch_work")}
    return (
        CAMPAIGN + between(rng, 0, DAYS - 1), "visit.made",
        {"visit": f"visit:880107-unknown-{number + 1}", "survey": NAME, "grid": f"grid:{village.code[:9]}-000",
         "unknown": {"name": f"{village.zh}无名作坊{number + 1}", "region": village.code,
                     "address": f"{village.zh}{between(rng, 1, 90)}号"},
         "findings": {**clear, "problems": {"clear": False, "value": "other"}}},
    )  # fmt: skip
