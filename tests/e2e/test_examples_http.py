"""The specification's worked examples, over HTTP against a running service."""

import pytest

from tests.examples import EXAMPLES, Example, expected
from tests.fix_service import Service

pytestmark = pytest.mark.long


def deliver(service: Service, example: Example) -> list[int]:
    """Post each delivery in order; element n is the log's last position once the first n had been delivered."""
    heads = [0]
    for delivery in example["deliveries"]:
        (result,) = service.publish(delivery)
        assert result["disposition"] in ("accepted", "duplicate", "quarantined")
        heads.append(max(heads[-1], result.get("position", 0)))
    return heads


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_every_question_gets_the_expected_counts(fresh_service: Service, example: Example) -> None:
    heads = deliver(fresh_service, example)
    for question in example["questions"]:
        count = len(heads) - 1 if question["known_after"] == "all" else int(question["known_after"])
        filters = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in question["filters"].items()
        }
        answer = fresh_service.get(
            "/v1/rates",
            as_of=question["as_of"],
            known_at=heads[count],
            group_by=question["group_by"],
            min_position=heads[-1],
            **filters,
        )
        assert answer["as_of"] == question["as_of"]
        assert answer["known_at"]["position"] == heads[count]
        # An example names the counts that there were when it was written.
        groups = expected(question)
        assert [group["key"] for group in answer["groups"]] == [group["key"] for group in groups], question
        for group, said in zip(answer["groups"], groups, strict=True):
            assert {name: group["counts"][name] for name in said["counts"]} == said["counts"], question
