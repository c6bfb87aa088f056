"""The cities of a province and what was found of their reports, as events of the province's own log.

What an office says: which cities there are, and for which date it asks reports. What the service says itself: a report
that was checked, one whose figures or log do not hold, and the very file, so that anybody can check it again.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.events.access import HolderName
from domain.events.assessment import Count, CountsByName, Hash, SealedPolicy
from domain.values.fields import (
    AssessmentId,
    CalendarDate,
    Data,
    FactData,
    Name,
    Reason,
    RegionCode,
    at_least_one,
    given,
)
from domain.values.reach import Reach
from domain.values.terms import Kind

CITY: Final = "city"
REPORT: Final = "report"
JOINED: Final = "taizhang.city.joined.v1"
CHANGED: Final = "taizhang.city.changed.v1"
LEFT: Final = "taizhang.city.left.v1"
REPORTED: Final = "taizhang.city.reported.v1"
REFUSED: Final = "taizhang.city.report_refused.v1"
ASKED: Final = "taizhang.report.asked.v1"
FILE_KEPT: Final = "taizhang.file.kept.v1"
#: What the service alone says, of what it has checked.
FOUND: Final = frozenset((REPORTED, REFUSED, FILE_KEPT))
#: A file's base64 within an event, which has at most 1 MiB.
CONTENT_LENGTH_MAX: Final = 1_000_000
HEADS_MAX: Final = 1_000
RULESETS_MAX: Final = 20

#: What a checked file shows against a city, by the city's own signature.
Ground = Literal["log_rewritten", "figures_edited"]

CityId = Annotated[str, StringConstraints(pattern=r"^city:[A-Za-z0-9_-]{1,64}$")]
ReportId = Annotated[str, StringConstraints(pattern=r"^report:[A-Za-z0-9_-]{1,64}$")]
# A verifier key, as C2SP signed-note writes it: name, id and public key, with + between.
LogKey = Annotated[str, StringConstraints(pattern=r"^[!-*,-~]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{42,60}={0,2}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^[!-*,-~]{1,128}$")]
Content = Annotated[
    str, StringConstraints(min_length=4, max_length=CONTENT_LENGTH_MAX, pattern=r"^[A-Za-z0-9+/]+={0,2}$")
]


class CityJoined(FactData):
    """A city of the province from `effective_on` on: its log goes by `origin`, and `key` signs for it."""

    identifier = "city"
    reach = Reach.WHOLE_CITY
    city: CityId
    name: Name
    region: RegionCode
    origin: Origin
    key: LogKey

    @model_validator(mode="after")
    def _key_is_the_origins(self) -> "CityJoined":
        if self.key.partition("+")[0] != self.origin:
            raise PydanticCustomError("key_of_another_log", "a log's key has the log's origin as its name")
        return self


class CityChanged(FactData):
    """Another name, or another key of the same log from `effective_on` on."""

    identifier = "city"
    reach = Reach.WHOLE_CITY
    city: CityId
    name: Name | None = None
    key: LogKey | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "CityChanged":
        at_least_one(self, "name", "key")
        given(self, "name", "key")
        return self


class CityLeft(FactData):
    """No city of the province from `effective_on` on: merged, split, or moved to another."""

    identifier = "city"
    reach = Reach.WHOLE_CITY
    city: CityId
    reason: Reason


class ReportAsked(FactData):
    """What every city is to report: of which date, until when, under which policy and rules; said again, it changes."""

    identifier = "report"
    reach = Reach.WHOLE_CITY
    report: ReportId
    title: Name
    as_of: CalendarDate
    due_on: CalendarDate
    policy: SealedPolicy
    rulesets: Annotated[list[Hash], Field(min_length=1, max_length=RULESETS_MAX)]


class Head(Data):
    """The head of a city's log."""

    size: Count
    root_hash: Hash


class KindCounts(Data):
    """The counts of the organizations of one kind."""

    kind: Kind
    counts: CountsByName


class CityReported(FactData):
    """A city's sealed report that was checked and holds.

    `sealed_at` is its position in the city's log; `unproved` how many of its groups no proof shows; `head` that of the
    file, `extends` those known before to which a proof of consistency joins it; `file` the file's SHA-256.
    """

    identifier = "city"
    reach = Reach.THE_SERVICE
    city: CityId
    assessment: AssessmentId
    sealed_at: Count
    as_of: CalendarDate
    known_at: Count
    policy: SealedPolicy
    ruleset: Hash
    counts: Annotated[list[KindCounts], Field(min_length=1, max_length=3)]
    supersedes: AssessmentId | None = None
    unproved: Count
    head: Head
    extends: Annotated[list[Head], Field(max_length=HEADS_MAX)]
    file: Hash
    brought_by: HolderName


class CityReportRefused(FactData):
    """A file that a city signed and that does not hold: on which ground, and in words where."""

    identifier = "city"
    reach = Reach.THE_SERVICE
    city: CityId
    ground: Ground
    words: Reason
    assessment: AssessmentId
    as_of: CalendarDate
    supersedes: AssessmentId | None = None
    head: Head
    file: Hash
    brought_by: HolderName


class FileKept(FactData):
    """A file that somebody brought, whole; `file` is its SHA-256."""

    identifier = "file"
    reach = Reach.THE_SERVICE
    file: Hash
    content: Content
