"""The worked examples of the specification, folded from scratch by the domain."""

import json
from datetime import date

import pytest

from domain.events.envelope import check_data, read_event
from domain.events.facts import Event
from domain.ledger.meaning import lifted, meant, without_levels
from domain.ledger.rates import Filters, group
from domain.ledger.rows import ledger
from tests.examples import EXAMPLES, Example, expected, told


def _fits(type_: str, data: object) -> bool:
    return not check_data(type_, data)


def _known(example: Example, known_after: int | str) -> list[Event]:
    deliveries = example["deliveries"]
    count = len(deliveries) if known_after == "all" else int(known_after)
    events: dict[tuple[str, str], Event] = {}
    for delivery in deliveries[:count]:
        event = read_event(json.dumps(delivery).encode()).event
        if event is not None:
            events.setdefault(event.key, event)
    return list(events.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["title"])
def test_the_fold_gives_the_expected_counts(example: Example) -> None:
    for question in example["questions"]:
        known = _known(example, question["known_after"])
        folded = ledger(known, date.fromisoformat(question["as_of"]), _fits)
        filters, group_by = Filters(**question["filters"]), tuple(question["group_by"])
        filters = meant(filters, folded.bodies, folded.bases)
        found = group(folded.rows(filters.counted), without_levels(group_by), filters)
        groups = [
            {"key": dict(zip(question["group_by"], key, strict=True)), "counts": told(counts._asdict(), question)}
            for key, counts in lifted(found, group_by, folded.bodies).items()
        ]
        assert groups == expected(question), question
