"""`make bench-evidence`: what a stranger is handed at full scale, how large it is and how long the checking takes.

The demo city goes in by intake, and so many organizations of other cities besides. Their roots are folded and stated
as after a sealed report. Then the proofs of random regions of each level, of each kind, and bundles of single
organizations are made, and verified by the verifier's own functions; what `taizhang verify FILE` takes from the start
of Python on is measured apart.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg

from domain.tree.sum_tree import LEVELS
from domain.values.terms import KINDS
from projections.ledger.columns.rows import LedgerReading
from services.demo_city import world
from services.evidence.bundles.bundle import Contents, Question, Roots, write_bundle
from services.evidence.bundles.relevant import relevant_in
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes.key_history import LogKeys
from services.evidence.notes.signing import CheckpointSigner
from services.evidence.roots.proving import Figure, prove
from services.evidence.roots.rooting import Asked as Clocks
from services.evidence.roots.rooting import state_roots
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_bundle
from services.evidence.verifier.figure_check import verify_figure
from services.ledger import rebuild, versions
from services.postgres.database import connect
from tests.bench.tables import median, table
from tests.bench.workshop import SEED, Workshop, load, say, well_formed
from tests.sending import as_bytes, envelope

AS_OF: Final = date(2025, 6, 30)
ABSENT: Final = "group:of-nobody"
_ORGANIZATIONS: Final = "SELECT org FROM {schema}.organization ORDER BY random() LIMIT %s"


def elsewhere(count: int, rng: random.Random) -> Iterator[bytes]:
    """So many organizations of a province's other cities, each in a village."""
    for number in range(count):
        region = f"99{rng.randint(2, 14):02d}{rng.randint(1, 14):02d}{rng.randint(1, 25):03d}{rng.randint(1, 15):03d}"
        data = {
            "effective_on": "2024-01-05", "org": f"group:e-{number}", "kind": "new_employment_group",
            "category": "courier", "name": f"站点{number}", "region": region, "employees": rng.randrange(200),
        }  # fmt: skip
        yield as_bytes(envelope(f"e-{number}", "organization.registered", data, "/registry/elsewhere"))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what the work gave."""
    began = time.perf_counter()
    given = work()
    return time.perf_counter() - began, given


class Bench:
    """One log with its roots stated."""

    def __init__(self, conninfo: str, folder: Path, samples: int) -> None:
        self._conninfo, self._folder, self._samples = conninfo, folder, samples
        self._rng = random.Random(SEED)
        self._signer = CheckpointSigner(folder / "log.key", "log.example/bench")

    def figures(self, connection: psycopg.Connection[Any], roots: Roots) -> list[list[str]]:
        """A row for each level: proofs of random regions, of every kind and of all."""
        keys = LogKeys.follow(self._signer.verifier, None)
        made = []
        for digits in LEVELS:
            regions = [key for of, key in roots.trees.regions if of == digits]
            sizes, seconds = list[int](), list[float]()
            for key in self._rng.sample(regions, min(self._samples, len(regions))):
                for kind in (None, *KINDS):
                    figure = Figure(digits, key, kind)
                    file = prove(roots.stated, figure, self._folder / "roots", connection, self._conninfo, self._signer)
                    took, verified = timed(lambda file=file: verify_figure(file, keys))  # type: ignore[misc]
                    if verified.report.faults or verified.report.statement != "complete":
                        raise RuntimeError(verified.report.faults)
                    sizes.append(len(file))
                    seconds.append(took)
            made.append(_row(f"figure of a region of {digits} digits", sizes, seconds))
        (self._folder / "figure.txt").write_bytes(file)
        return made

    def bundles(self, connection: psycopg.Connection[Any], roots: Roots) -> list[list[str]]:
        """Bundles of single organizations that show that their events are all, and of one that is not there."""
        with connect(self._conninfo, "bench") as ready:
            schema = versions.ensure(ready).tables.schema
        reading = LedgerReading(schema)
        found = connection.execute(_ORGANIZATIONS.format(schema=schema).encode(), (10 * self._samples,)).fetchall()
        rows = [self._bundles("all events of one organization", connection, roots, reading, [org for (org,) in found])]
        return [*rows, self._bundles("that there are none of one", connection, roots, reading, [ABSENT])]

    def _bundles(
        self, name: str, connection: psycopg.Connection[Any], roots: Roots, reading: LedgerReading, orgs: list[str]
    ) -> list[str]:
        sizes, seconds = list[int](), list[float]()
        file = self._folder / "bundle.zip"
        for org in orgs:
            question = Question(roots.stated.as_of, roots.stated.known_at, [org])
            events = relevant_in(connection, reading, [org], roots.stated.known_at)
            content = BytesIO()
            with closing(DatabaseLog(self._conninfo)) as log:
                write_bundle(connection, self._signer, log, Contents(question, [org], events, roots), content)
            file.write_bytes(content.getvalue())
            took, report = timed(lambda: audit_bundle(file, Asked(log_key=self._signer.verifier)))
            if report.faults or report.statement != "complete":
                raise RuntimeError(f"{org}: {report.faults}")
            sizes.append(len(content.getvalue()))
            seconds.append(took)
        return _row(name, sizes, seconds)

    def command(self) -> float:
        """Seconds of `taizhang verify FILE` as a whole, starting Python and all."""
        arguments = [
            sys.executable, "-I", "-m", "services.commands.cli", "verify", str(self._folder / "figure.txt"),
            "--log-key", str(self._signer.verifier),
        ]  # fmt: skip
        return min(timed(lambda: subprocess.run(arguments, check=True, capture_output=True))[0] for _ in range(3))

    def run(self) -> list[list[str]]:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            self._signer.checkpoint(connection)
            roots = Roots.last(connection, self._folder / "roots")
            return self.figures(connection, roots) + self.bundles(connection, roots)


def _row(name: str, sizes: list[int], seconds: list[float]) -> list[str]:
    return [
        name, str(len(sizes)), f"{median(list(map(float, sizes))) / 1000:.1f}", f"{max(sizes) / 1000:.1f}",
        f"{median(seconds) * 1000:.1f}", f"{max(seconds) * 1000:.1f}",
    ]  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", type=float, default=1.0, help="scale of the demo city, 1 being 55,000 organizations")
    parser.add_argument("--elsewhere", type=int, default=0, help="organizations of other cities besides")
    parser.add_argument("--events", type=int, help="of the city, at most")
    parser.add_argument("--samples", type=int, default=10, help="regions of each level")
    given = parser.parse_args()
    lines = well_formed(line.rstrip(b"\n") for line in world.events(given.city, SEED))
    with Workshop.open() as workshop, workshop.database() as conninfo, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("evidence: loading")
        took, head = timed(lambda: load(conninfo, _all(lines, given.events, given.elsewhere)))
        say(f"evidence: {head:,} events in {took:.0f} s; folding the roots")
        own = time.process_time()
        folded, stated = timed(lambda: state_roots(conninfo, folder / "roots", Clocks(AS_OF, head)))
        own = time.process_time() - own
        say(f"evidence: roots in {folded:.1f} s, {own:.1f} s of a CPU; the ledger's tables")
        with connect(conninfo, "bench") as connection:
            versions.ensure(connection)
            rebuild.rebuild(connection, lambda _position, _head: None)
        bench = Bench(conninfo, folder, given.samples)
        rows = bench.run()
        names = stated.counts
        note = (
            f"{head:,} events, {stated.map.size:,} entities, {len(names)} counts of each kind; roots folded and stated "
            f"in {folded:.1f} s, {own:.1f} s of a CPU. `taizhang verify` of one figure, from the start of Python: "
            f"{bench.command():.2f} s."
        )
        columns = ("what", "files", "kB, median", "kB, largest", "ms to verify, median", "slowest")
        sys.stdout.write(table("What a stranger is handed", columns, rows, note))


def _all(lines: Iterator[bytes], limit: int | None, besides: int) -> Iterator[bytes]:
    yield from islice(lines, limit)
    yield from elsewhere(besides, random.Random(SEED))


if __name__ == "__main__":
    main()
