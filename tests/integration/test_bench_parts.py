"""Parts of the bench that reach into the product still fit it."""

import pytest

from tests.bench import cost, tree
from tests.bench.workshop import Workshop, city

pytestmark = pytest.mark.long


def test_what_the_evidence_costs_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cost, tree):
        monkeypatch.setattr(module, "ROUNDS", 1)
    with Workshop.open() as workshop:
        told = tree.run(workshop, city(0.02)[:3_000])
    assert [line.count("|") for line in told.splitlines() if line.startswith(("| decided", "| applied", "| both"))] == [
        5
    ] * 3
