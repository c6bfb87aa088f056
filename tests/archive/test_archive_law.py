"""The law: the service, the archive on DuckDB and the fold from scratch give one answer to every question."""

from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from domain.ledger.rates import Counts, group
from services.archive.figures import Counted, Question, answer, question
from services.archive.folding import replay
from services.archive.opening import ArchivedLog
from services.archive.rates import rates
from services.evidence.bundles.answers import fold, no_garbage_collection
from services.intake.intake import Intake
from services.log.messages import Message, Publisher
from services.postgres.database import migrate
from tests.archive.archiving import asked, opened, write
from tests.archive.conftest import City
from tests.fix_service import Service
from tests.fix_store import Databases
from tests.histories import Delivery, worlds
from tests.histories import Question as Drawn
from tests.oracle import facts as oracle_facts
from tests.oracle import rates as oracle_rates
from tests.oracle import rows as oracle_rows
from tests.versions import project

pytestmark = [pytest.mark.archive, pytest.mark.timeout(1800)]
QUESTIONS = 20


def test_service_archive_and_fold_give_the_same_answers(city: City, city_served: Service, rng: Random) -> None:
    logs = opened(city.archive)
    events = list(logs[0].events(logs[0].size))
    for _ in range(QUESTIONS):
        wanted, call = asked(rng, logs)
        from_archive = rates(wanted)
        assert from_archive == city_served.get("/v1/rates", **call)
        with no_garbage_collection():
            state = fold(events[: wanted.logs[0][1].position], wanted.as_of)
            groups = group(state.rows(), wanted.dimensions, wanted.filters)
        counted = Counted(groups, state.activity_policy is not None)
        assert from_archive == answer(wanted, [counted])


def test_the_replay_folds_what_the_archive_holds_and_nothing_else(city: City, rng: Random) -> None:
    wanted, _ = asked(rng, opened(city.archive))
    assert replay(wanted) == rates(wanted)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(world=worlds(to_come=True))
def test_random_histories_are_answered_as_the_oracle_answers(
    databases: Databases, keys: Path, world: tuple[list[Delivery], list[Drawn]]
) -> None:
    history, drawn = world
    with databases.like("migrated", _migrate) as conninfo:
        accepted = _publish(conninfo, history)
        own = Path(mkdtemp(dir=keys))
        folder = own / "archive"
        write(conninfo, own / "keys", folder, 16)
        logs = opened(folder)
        for each in filter(_of_the_archive, drawn):
            wanted = _wanted(logs, each._replace(known_at=min(each.known_at, len(accepted))))
            found = rates(wanted)
            assert found == replay(wanted)
            assert _counts(found) == _by_the_oracle(accepted[: wanted.logs[0][1].position], each)


def _migrate(conninfo: str) -> None:
    migrate(conninfo)


def _publish(conninfo: str, history: list[Delivery]) -> list[Delivery]:
    """Those that were accepted."""
    intake = Intake.open(conninfo, "test")
    try:
        coordinates = {"channel": "http", "request": "law"}
        messages = [
            Message(orjson.dumps(each), {**coordinates, "index": n}, Publisher("law")) for n, each in enumerate(history)
        ]
        receipts = intake.admit(messages)
    finally:
        intake.close()
    project(conninfo)
    told = zip(history, receipts, strict=True)
    return [each for each, receipt in told if receipt.disposition == "accepted"]


def _wanted(logs: list[ArchivedLog], drawn: Drawn) -> Question:
    filters = {name: "null" if value is None else value for name, value in drawn.filters.items()}
    return question(logs, drawn.as_of.isoformat(), str(drawn.known_at), drawn.group_by, filters)


def _of_the_archive(drawn: Drawn) -> bool:
    """An archive is not asked by body or basis."""
    return not any(name.startswith("body") or name == "basis" for name in (*drawn.group_by, *drawn.filters))


def _counts(found: dict[str, Any]) -> list[tuple[dict[str, str | None], dict[str, Any]]]:
    return [(each["key"], each["counts"]) for each in found["groups"]]


def _by_the_oracle(known_then: list[Delivery], drawn: Drawn) -> list[tuple[dict[str, str | None], dict[str, Any]]]:
    known, _ = oracle_facts.known_facts(known_then)
    state, rows, _ = oracle_rows.ledger(known, drawn.as_of)
    told = oracle_rates.grouped(state, rows, drawn.group_by, drawn.filters)
    return [(key, {name: counts[name] for name in Counts._fields}) for key, counts in told]
