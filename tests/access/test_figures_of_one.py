"""A figure of a group that is a single organization is a look at that organization, and leaves its trail."""

import pytest

from tests.fix_counties import HERE, Counties


def looks(counties: Counties) -> int:
    answer = counties.ask("auditor", "/v1/readings?action=figures&limit=1000")
    assert answer.is_success, answer.text
    return len(answer.json()["readings"])


@pytest.mark.parametrize(
    ("path", "is_of_one"),
    [
        ("/v1/rates?as_of=2024-01-01&group_by=region:6", True),
        (f"/v1/rates?as_of=2024-01-01&region={HERE}", True),
        ("/v1/rates?as_of=2024-04-30&group_by=kind", False),
        ("/v1/rates?as_of=2023-01-01&group_by=kind", False),
    ],
)
def test_a_rate_of_one_organization_is_recorded_and_of_many_is_not(
    counties: Counties,
    path: str,
    is_of_one: bool,  # noqa: FBT001 - a parameter
) -> None:
    before = looks(counties)
    answer = counties.ask("assessment", path)
    assert answer.is_success, answer.text
    assert (looks(counties) - before == 1) == is_of_one
