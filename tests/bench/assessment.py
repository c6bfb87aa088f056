"""The assessment office's questions over HTTP: what-if, contributions, ranking, targets, a report, a workbook."""

import random
from collections.abc import Sequence

from tests.bench.clients import Parameters
from tests.bench.rates import random_pairs
from tests.bench.tables import ms, percentile, table
from tests.bench.workshop import SEED, Workshop, caught_up, load, say
from tests.fix_service import Service

COUNT = 30
WARM_UP = 2
CAMPAIGN = "campaign:2024-coverage"
_BY_COUNTY: Parameters = (("group_by", "region:6"),)


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Every question at random pairs of clocks, one after the other."""
    with workshop.database() as database:
        say("assessment: filling the log")
        head = load(database, lines)
        with workshop.service(database) as service:
            caught_up(service, head)
            _seal(service)
            say("assessment: asking")
            latencies = {name: _ask(service, asked) for name, asked in _questions(head).items()}
    rows = [
        [name, str(len(each)), ms(percentile(each, 50)), ms(percentile(each, 99))] for name, each in latencies.items()
    ]
    note = f"With {head:,} events in the log. What-if takes a random policy each time, so that no cube can answer it."
    return table("Assessment over HTTP", ("question", "times", "p50, ms", "p99, ms"), rows, note)


def _seal(service: Service) -> None:
    body = {
        "assessment": "assessment:bench", "title": "bench", "office": "office:bench", "campaign": CAMPAIGN,
        "as_of": "2024-12-31", "group_by": ["kind", "region:6"],
    }  # fmt: skip
    answer = service.http.post("/v1/assessments", json=body)
    assert answer.status_code == 201, answer.text


def _questions(head: int) -> dict[str, list[tuple[str, Parameters]]]:
    rng = random.Random(SEED)
    pairs = random_pairs(head, COUNT)

    def at(number: int) -> list[tuple[str, str]]:
        as_of, known_at = pairs[number]
        return [("as_of", str(as_of)), ("known_at", str(known_at))]

    def other(number: int) -> list[tuple[str, str]]:
        as_of, known_at = pairs[number - 1]
        return [("other_as_of", str(as_of)), ("other_known_at", str(known_at))]

    numbers = range(COUNT)
    supposed = [[("full_members_for_branch", str(rng.randint(1, 9))), ("employees_for_branch", str(rng.randint(1, 99)))]
                for _ in numbers]  # fmt: skip
    return {
        "what-if, whole city": [("/v1/rates/what-if", [*at(n), *supposed[n]]) for n in numbers],
        "what-if by county": [("/v1/rates/what-if", [*at(n), *supposed[n], *_BY_COUNTY]) for n in numbers],
        "contributions by county": [("/v1/rates/contributions", [*at(n), *other(n), *_BY_COUNTY]) for n in numbers],
        "ranking by county": [("/v1/rates/ranking", [*at(n), *_BY_COUNTY]) for n in numbers],
        "series of 24 month ends by county": [
            ("/v1/rates/series", [("from", "2023-07-01"), ("to", "2025-06-30"), ("step", "month"), *_BY_COUNTY,
                                  ("known_at", str(pairs[n][1]))]) for n in numbers
        ],
        "a campaign's four targets": [
            (f"/v1/campaigns/{CAMPAIGN}", [("as_of", "2025-06-30"), ("known_at", str(head - n))]) for n in numbers
        ],
        "a sealed report rendered again": [("/v1/assessments/assessment:bench", [])] * 5,
        "rates by kind and county as a workbook": [
            ("/v1/rates/export", [*at(n), ("group_by", "kind"), *_BY_COUNTY, ("format", "xlsx")]) for n in range(10)
        ],
    }  # fmt: skip


def _ask(service: Service, questions: Sequence[tuple[str, Parameters]]) -> list[float]:
    seconds = []
    for number, (path, parameters) in enumerate([*questions[:WARM_UP], *questions]):
        answer = service.http.get(path, params=list(parameters))
        assert answer.is_success, answer.text
        if number >= WARM_UP:
            seconds.append(answer.elapsed.total_seconds())
    return seconds
