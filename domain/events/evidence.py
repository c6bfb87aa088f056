"""What the service states of its own log (spec/evidence.md): roots of trees, its key, what hides its leaves."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from domain.events.assessment import Count, Hash
from domain.values.fields import CalendarDate, FactData
from domain.values.reach import Reach
from domain.values.terms import Kind

FAMILY: Final = "evidence"
#: Why a log signs with another key: the old one signs the change too, or nobody may rely on it any more.
Because = Literal["rotated", "lost", "leaked", "restored"]
KEY_CHANGED: Final = "taizhang.evidence.key_changed.v1"
ROOTED: Final = "taizhang.evidence.rooted.v1"
BLINDED: Final = "taizhang.evidence.blinded.v1"
ERASED: Final = "taizhang.evidence.erased.v1"
#: How many positions one event says of that their values were erased.
ERASED_MAX: Final = 10_000
#: Of the two trees and their hashes (services/evidence/evidence-format.md).
FORMAT: Final = "taizhang-roots/1"
COUNTS_MAX: Final = 64
EPOCHS_MAX: Final = 10_000

#: A verifier key, or a signature line, as C2SP signed-note writes them.
NoteLine = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=600)]
Position = Annotated[int, Field(ge=1, le=2**53 - 1)]
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


class EvidenceKeyChanged(FactData):
    """From this event on the log signs with another key, in its epoch of that number; the first key's epoch is 1.

    `size` and `root_hash` are of the log's tree before the event: the old key signs none that is larger. `signatures`
    are lines of C2SP signed-note over what services/evidence/notes/key_history.py writes: by the old key and the new
    one where it was `rotated`, else by the new one alone. A log `restored` with losses has a new origin in `new_key`.
    """

    reach = Reach.THE_SERVICE
    epoch: Annotated[int, Field(ge=2, le=EPOCHS_MAX)]
    because: Because
    old_key: NoteLine
    new_key: NoteLine
    size: Count
    root_hash: Hash
    signatures: Annotated[list[NoteLine], Field(min_length=1, max_length=2)]


class EvidenceBlinded(FactData):
    """From this event on, its own included, the leaves of the log are blinded (domain/tree/leaf.py)."""

    reach = Reach.THE_SERVICE


class EvidenceErased(FactData):
    """The blinding values at these earlier positions were erased: what stands there the tree proves no more."""

    reach = Reach.THE_SERVICE
    positions: Annotated[list[Position], Field(min_length=1, max_length=ERASED_MAX)]
