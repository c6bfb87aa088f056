"""The other questions over HTTP: dossiers, explanations, series, the ledger's pages; and the memory that they take."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import Connection, sql

from services.postgres.database import connect
from tests.bench.clients import Getter, Parameters
from tests.bench.rates import GROUP_BY, random_pairs, schema_in_use
from tests.bench.tables import ms, percentile, table
from tests.bench.workshop import SEED, Workshop, caught_up, load, peak_memory, say
from tests.fix_service import Service

COUNT = 200
SERIES_COUNT = 20
WARM_UP = 5
MIB = 1 << 20

_ORGS = """
SELECT org, min(position) FROM {0}.entry JOIN {0}.organization USING (org_no) GROUP BY org ORDER BY org
"""
_SERIES: Parameters = (("from", "2023-07-01"), ("to", "2025-06-30"), ("step", "month"), ("group_by", "region:6"))

Question = tuple[str, Parameters]


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """All on one service, which is then asked for its peak memory."""
    with workshop.database() as database:
        say("questions: filling the log")
        head = load(database, lines)
        with workshop.service(database) as service, connect(database, "bench") as connection:
            caught_up(service, head)
            say("questions: asking")
            latencies = ask(service, connection, head)
            memory = peak_memory(service)
    rows = [
        [name, str(len(each)), ms(percentile(each, 50)), ms(percentile(each, 99))] for name, each in latencies.items()
    ]
    asked = table("Questions over HTTP", ("question at a random pair", "times", "p50, ms", "p99, ms"), rows)
    sizes = [[name, f"{size / MIB:,.0f}"] for name, size in memory.items()]
    return asked + "\n" + table("Peak memory", ("process", "VmHWM, MiB"), sizes, f"With {head:,} events in the log.")


def ask(service: Service, connection: Connection[Any], head: int) -> dict[str, list[float]]:
    """Seconds of each question, one after the other."""
    client = Getter(service.port)
    asked: dict[str, list[Question]] = {
        "dossier": _dossiers(connection, head),
        "explain, 50 organizations of a kind in a county": _explanations(client, head),
        "page of 100 organizations": [("/v1/organizations", _at(*pair)) for pair in random_pairs(head, COUNT)],
        "series of 24 month ends by county": [
            ("/v1/rates/series", [*_SERIES, ("known_at", str(known_at))])
            for _, known_at in random_pairs(head, SERIES_COUNT)
        ],
    }
    latencies = {}
    for name, questions in asked.items():
        for question in questions[:WARM_UP]:
            client.get(*question)
        latencies[name] = [client.get(*question)[0] for question in questions]
    client.close()
    return latencies


def _at(as_of: date, known_at: int) -> list[tuple[str, str]]:
    return [("as_of", str(as_of)), ("known_at", str(known_at))]


def _dossiers(connection: Connection[Any], head: int) -> list[Question]:
    """Organizations that some event known then speaks of."""
    query = sql.SQL(_ORGS).format(sql.Identifier(schema_in_use(connection)))
    orgs = connection.execute(query).fetchall()
    rng = random.Random(SEED)
    questions: list[Question] = []
    for as_of, _ in random_pairs(head, COUNT):
        org, first = rng.choice(orgs)
        questions.append((f"/v1/organizations/{org}", _at(as_of, rng.randint(first, head))))
    return questions


def _explanations(client: Getter, head: int) -> list[Question]:
    """Groups of the rates by kind and county, each at the pair that it was seen at."""
    rng = random.Random(SEED)
    questions: list[Question] = []
    for pair in random_pairs(head, COUNT):
        at = _at(*pair)
        _, answer = client.get("/v1/rates", [*at, *(("group_by", name) for name in GROUP_BY)])
        if answer["groups"]:
            key = rng.choice(answer["groups"])["key"]
            questions.append(("/v1/rates/explain", [*at, *((name, key[name] or "null") for name in GROUP_BY)]))
    return questions
