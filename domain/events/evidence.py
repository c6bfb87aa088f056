"""What the service states of its own log: the roots of the trees under the figures of a date (spec/evidence.md)."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from domain.events.assessment import Count, Hash
from domain.values.fields import CalendarDate, FactData
from domain.values.reach import Reach
from domain.values.terms import Kind

FAMILY: Final = "evidence"
ROOTED: Final = "taizhang.evidence.rooted.v1"
#: Of the two trees and their hashes (services/evidence/evidence-format.md).
FORMAT: Final = "taizhang-roots/1"
COUNTS_MAX: Final = 64

CountName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class EvidenceRooted(FactData):
    """The roots of the sum tree and of the entity map, as folded from the log up to `known_at`, by `ruleset`.

    `counts` names what each node of the sum tree counts, for each of `kinds` in turn; `entities` is how many the map
    has; `root_hash` is that of the log's own tree of the first `known_at` events.
    """

    reach = Reach.THE_SERVICE
    format: Literal["taizhang-roots/1"]
    as_of: CalendarDate
    known_at: Count
    root_hash: Hash
    ruleset: Hash
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=3)]
    counts: Annotated[list[CountName], Field(min_length=1, max_length=COUNTS_MAX)]
    sums: Hash
    entities: Count
    map: Hash
