"""Reminders on a real broker: each measure that is due or overdue is told once, whoever asks and how often."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from services.contract.documents import REMINDERS, documents
from tests.fix_kafka import Stage, end
from tests.fix_service import Service
from tests.kafka.published import read
from tests.sending import envelope

pytestmark = pytest.mark.kafka
OFFICE = "office:county-9901"
ENDED_S_MAX = 240  # a busy machine starts programs slowly


def world() -> list[dict[str, Any]]:
    """Three groups with three full members each, uncovered: due on 2024-06-30, 2024-07-15, and one without members."""
    told: list[tuple[str, dict[str, Any]]] = [
        ("measure.deadlines_adopted", {"effective_on": "2024-01-01", "establish_days": 90}),
        ("measure.assigned", {"effective_on": "2024-01-01", "office": OFFICE, "region": "9901"}),
    ]
    for number, day in enumerate(("2024-04-01", "2024-04-16", "2024-04-16")):
        told.append(
            ("organization.registered",
             {"effective_on": day, "org": f"group:r-{number}", "kind": "new_employment_group", "category": "courier",
              "name": f"站点{number}", "region": "9901"})
        )  # fmt: skip
        told += [
            ("member.enrolled",
             {"effective_on": day, "member": f"member:r-{number}-{n}", "standing": "full", "org": f"group:r-{number}"})
            for n in range(3 if number < 2 else 0)
        ]  # fmt: skip
    return [envelope(f"r-{n}", name, data, "/office/test") for n, (name, data) in enumerate(told)]


def test_each_reminder_is_told_once(stage: Stage, tmp_path: Path) -> None:
    topic = f"{stage.topic}.reminders"

    def remind(as_of: str) -> None:
        spawned = stage.spawn(
            "-m", "services.commands.cli", "reminders", "--as-of", as_of, TAIZHANG_KAFKA_REMINDER_TOPIC=topic
        )
        assert spawned.wait(ENDED_S_MAX) == 0

    def told() -> list[tuple[str, str]]:
        events = [json.loads(each.value) for each in read(stage.broker, topic)]
        for each in events:
            jsonschema.validate(each, documents()[f"schemas/{REMINDERS}.json"])
        return sorted((each["data"]["org"], each["type"].split(".")[2]) for each in events)

    def shown_as_sent(service: Service, as_of: str) -> list[bool]:
        """What the page of a day says of each reminder, first due first."""
        html = service.http.get("/daily/reminders", params={"as_of": as_of, "lang": "en"}).text
        return [cell != "not yet" for cell in re.findall(r'<td data-label="Sent">(.*?)</td>', html)]

    with Service(tmp_path, "--dev", database_url=stage.conninfo, kafka_reminder_topic=topic) as service:
        position = service.publish(world())[-1]["position"]
        service.get("/v1/rates", min_position=position)
        remind("2024-05-31")
        assert stage.broker.ends(topic) == {}
        assert shown_as_sent(service, "2024-06-01") == [False]
        remind("2024-06-01")
        remind("2024-06-01")
        assert told() == [("group:r-0", "due")]
        assert shown_as_sent(service, "2024-06-01") == [True]
        assert shown_as_sent(service, "2024-07-01") == [False, False], "overdue is another reminder"
        together = [
            stage.spawn(
                "-m", "services.commands.cli", "reminders", "--as-of", "2024-07-01", TAIZHANG_KAFKA_REMINDER_TOPIC=topic
            )
            for _ in range(2)
        ]
        assert [each.wait(ENDED_S_MAX) for each in together] == [0, 0]
        assert told() == [("group:r-0", "due"), ("group:r-0", "overdue"), ("group:r-1", "due")]
        # Killed on the way and asked again: nothing is left out.
        killed = stage.spawn(
            "-m", "services.commands.cli", "reminders", "--as-of", "2024-08-01", TAIZHANG_KAFKA_REMINDER_TOPIC=topic
        )
        end(killed, signal.SIGKILL)
        remind("2024-08-01")
        assert ("group:r-1", "overdue") in told()
        by_key = {each.key for each in read(stage.broker, topic)}
        assert by_key == {OFFICE.encode()}
