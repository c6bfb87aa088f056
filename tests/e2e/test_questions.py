"""`taizhang series`, `compare` and `explain`, as a person in a shell uses them."""

import json
import subprocess

from tests.fix_service import shell
from tests.folding import World

RANGE = ("--from", "2024-01-01", "--to", "2024-05-15")


def run(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return shell(*arguments, url=world.service.url)


def test_a_series_is_a_table_or_the_services_own_answer(world: World) -> None:
    told = run(world, "series", *RANGE, "--group-by", "kind")
    assert told.returncode == 0, told.stderr
    assert "2024-01-31" in told.stdout
    assert "open" in told.stdout
    answer = json.loads(run(world, "series", *RANGE, "--group-by", "kind", "--json").stdout)
    asked = {"from": RANGE[1], "to": RANGE[3], "group_by": "kind"}
    assert answer == world.service.get("/v1/rates/series", **asked)


def test_a_comparison_shows_both_sides_and_the_points_between_them(world: World) -> None:
    clocks = ("--as-of", "2024-12-31", "--other-as-of", "2024-03-31")
    told = run(world, "compare", *clocks, "--group-by", "kind")
    assert told.returncode == 0, told.stderr
    answer = json.loads(run(world, "compare", *clocks, "--group-by", "kind", "--json").stdout)
    points = answer["total"]["differences"]["rates"]["work_coverage"]
    assert f"{points} pp" in told.stdout
    assert "total" in told.stdout


def test_an_explanation_names_organizations_and_positions(world: World) -> None:
    asked = ("explain", "--as-of", "2024-12-31", "--kind", "new_economic", "--count", "organization_covered")
    told = run(world, *asked, "--limit", "2")
    assert told.returncode == 0, told.stderr
    answer = json.loads(run(world, *asked, "--json", "--limit", "1000").stdout)
    first = answer["organizations"][0]
    assert first["row"]["org"] in told.stdout
    assert ", ".join(map(str, first["decided_by"]["formation"])) in told.stdout
    assert answer["next"] is None
    total = world.service.get("/v1/rates", as_of="2024-12-31", kind="new_economic")["total"]["counts"]
    assert (
        sum(each["counts"]["organization_covered"] for each in answer["organizations"])
        == (total["organization_covered"])
    )
    assert "larger --limit" in told.stderr


def test_a_wrong_key_or_step_is_told_in_words(world: World) -> None:
    told = run(world, "explain", "--key", "kind=new_economic")
    assert told.returncode == 1
    assert "region:N=CODE" in told.stderr
    told = run(world, "series", *RANGE, "--step", "decade")
    assert told.returncode == 1
    assert "query.step" in told.stderr
