"""A verifier in Go, written from services/evidence/evidence-format.md alone, says of every proof what ours says."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from domain.tree.sum_tree import LEVELS
from domain.values.terms import KINDS
from services.evidence.copies.copies import CopyError
from services.evidence.notes.key_history import LogKeys
from services.evidence.roots.figure_proof import read, write
from services.evidence.verifier.figure_check import verify_figure
from tests.forging import KEY, MemoryLog, log_of
from tests.proving import Rooted, forged, state
from tests.small_city import event

#: So many honest proofs, and as many forged ones.
PROOFS: Final = int(os.environ.get("TAIZHANG_TEST_FIGURES", "60"))
LINES_MAX: Final = 400
HERE: Final = Path(__file__).parents[1] / "go"
TOWNS: Final = ("990101001001", "990101001002", "990101002", "990102", "9902", "990203004005", "98", "990301001001")

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on this machine: no second verifier")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("go") / "figure"
    command = ["go", "build", "-o", str(made), "."]
    subprocess.run(command, cwd=HERE, check=True, env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"})
    return made


def answers(verifier: Path, folder: Path, files: list[bytes]) -> list[str]:
    """What the verifier says of each file, with the log's key."""
    names = [folder / f"{number}.proof.txt" for number in range(len(files))]
    for name, data in zip(names, files, strict=True):
        name.write_bytes(data)
    asked = "".join(f"{name}\n" for name in names)
    told = subprocess.run([str(verifier), str(KEY.verifier)], input=asked, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def ours(data: bytes, rooted: Rooted) -> str:
    """The same in our words."""
    try:
        report = verify_figure(data, LogKeys.follow(KEY.verifier, None)).report
        if report.faults:
            return "false"
    except CopyError:
        return "unreadable"
    proof, stated = read(data), rooted.stated
    counts = " ".join(f"{name}={count}" for name, count in stated.figure(proof.sums.counts, proof.kind).items())
    where = f"{proof.sums.digits} {proof.sums.key} {proof.kind or 'all'}"
    return f"holds {stated.as_of} {stated.known_at} {where} {counts}"


def towns(rng: random.Random, count: int) -> MemoryLog:
    """So many organizations in towns and villages, some with codes shorter than their neighbours'."""
    said = [
        event(f"r{n}", "organization.registered", org=f"group:g-{n}", kind="new_employment_group", category="courier",
              name="站", region=rng.choice(TOWNS), employees=rng.randrange(2000))
        for n in range(count)
    ]  # fmt: skip
    return log_of(said)


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> list[Rooted]:
    rng = random.Random(7)
    return [
        state(towns(rng, count), date(2024, 3, 1), tmp_path_factory.mktemp("roots")) for count in (0, 1, 2, 7, 40, 90)
    ]


def figures(cities: list[Rooted], rng: random.Random) -> Iterator[tuple[Rooted, bytes]]:
    while True:
        rooted = rng.choice(cities)
        digits, key = rng.choice(sorted(rooted.trees.regions))
        assert digits in LEVELS
        yield rooted, write(rooted.figure(digits, key, rng.choice([None, *KINDS])))


def test_it_is_short(verifier: Path) -> None:
    assert verifier.exists()
    assert len((HERE / "main.go").read_bytes().splitlines()) <= LINES_MAX


def test_it_agrees_on_every_honest_proof_and_every_figure(verifier: Path, cities: list[Rooted], tmp_path: Path) -> None:
    proofs = [each for each, _ in zip(figures(cities, random.Random(1)), range(PROOFS), strict=False)]
    due = [ours(data, rooted) for rooted, data in proofs]
    assert all(each.startswith("holds") for each in due)
    assert answers(verifier, tmp_path, [data for _, data in proofs]) == due


def test_it_refuses_every_forged_one_for_the_same_reason(verifier: Path, cities: list[Rooted], tmp_path: Path) -> None:
    rng, made = random.Random(2), []
    for (rooted, honest), _ in zip(figures(cities, rng), range(PROOFS), strict=False):
        name, data = forged(read(honest), rng)
        made.append((name, data, ours(data, rooted)))
    told = answers(verifier, tmp_path, [data for _, data, _ in made])
    for (name, data, due), answer in zip(made, told, strict=True):
        assert due in {"false", "unreadable"}, (name, data)
        assert answer.split(" ")[0] in {"false", "unreadable"}, (name, answer, data)
