"""`make bench`: every benchmark beside its peers, in one run; markdown on standard output.

`make bench SCALE=1` takes another size of the demo city, `make bench ARGS="intake rates"` only some of the parts.
"""

import os
import sys

from tests.bench import (
    assessment,
    catch_up,
    cost,
    freshness,
    intake,
    kafka_intake,
    lists,
    pages,
    questions,
    rates,
    tree,
    verify,
)
from tests.bench.tables import heading
from tests.bench.workshop import Workshop, city, say

PARTS = {
    "intake": intake.run,
    "cost": cost.run,
    "kafka": kafka_intake.run,
    "tree": tree.run,
    "catch-up": catch_up.run,
    "rates": rates.run,
    "questions": questions.run,
    "assessment": assessment.run,
    "freshness": freshness.run,
    "pages": pages.run,
    "verify": verify.run,
    "lists": lists.run,
}
SCALE = 0.1


def main(names: list[str]) -> None:
    """Run the parts named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    scale = float(os.environ.get("SCALE", SCALE))
    say(f"the demo city at scale {scale:g}")
    lines = city(scale)
    with Workshop.open() as workshop:
        with workshop.database() as database:
            sys.stdout.write(heading(database, scale, len(lines)) + "\n")
        for name, part in PARTS.items():
            if name in names or not names:
                sys.stdout.write(part(workshop, lines) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
