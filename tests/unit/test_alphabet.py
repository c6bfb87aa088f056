"""A page by identifier takes its rows from those that the alphabet picks."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.ledger.columns import names
from projections.ledger.columns.columns import Columns
from projections.ledger.columns.names import Alphabet


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=60), st.integers(1, 9), st.integers(0, 2**32))
def test_the_first_after_an_identifier_are_among_those_picked(numbers: list[int], limit: int, seed: int) -> None:
    random = Random(seed)
    orgs = [f"group:g-{number}" for number in numbers]
    picked, columns = Alphabet(), Columns()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(names, "_TAIL_MAX", 5)
        for first in range(0, len(orgs), 7):
            columns.add_organizations(orgs[first : first + 7])
            known = orgs[: first + 7]
            rows = np.array(sorted(random.sample(range(len(known)), random.randrange(len(known) + 1))), np.int32)
            after = random.choice([None, *known])
            indexes = picked.first(1, columns.snapshot(0), rows, after, limit)
            here = [known[n] for n in rows.tolist()]
            expected = sorted(org for org in here if after is None or org > after)[:limit]
            found = sorted(here[i] for i in indexes.tolist() if after is None or here[i] > after)
            assert found[:limit] == expected
            assert len(set(indexes.tolist())) == len(indexes)
