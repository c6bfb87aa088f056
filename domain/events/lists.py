"""How a source's full lists are read: the column profile kept for the source, as an office's act (list.profiled)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.listing import list_cells
from domain.listing.list_columns import ListField, is_personal, plain_heading
from domain.listing.list_words import Status
from domain.values.fields import SOURCE_LENGTH_MAX, Data, FactData, OrganizationId, RegionCode
from domain.values.reach import Reach
from domain.values.terms import CATEGORIES, DeregistrationReason

REQUIRED_FIELDS: Final[tuple[ListField, ...]] = ("org", "category", "name", "region")
PLACE_FIELDS: Final[tuple[ListField, ...]] = ("region", "town", "village")
HEADING_LENGTH_MAX: Final = 200
WORDS_MAX: Final = 2_000

Heading = Annotated[str, StringConstraints(min_length=1, max_length=HEADING_LENGTH_MAX)]
Word = Annotated[str, StringConstraints(max_length=HEADING_LENGTH_MAX)]
# Here, since a field of the profile is called `list`.
Headings = Annotated[list[Heading], Field(default=[], max_length=200)]
Percent = Annotated[int, Field(ge=0, le=100)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]
Constant = Literal["category", "region", "industry", "supervisor"]
Defaulted = Literal["category", "region", "industry", "employees", "supervisor", "address"]
Mapped = Literal["org", "name", "region", "town", "village", "industry", "employees", "supervisor", "address"]


def _each_once(words: dict[str, Any]) -> dict[str, Any]:
    """The words as cells are compared with them, in one width and without blanks; none means two things."""
    found: dict[str, Any] = {}
    for word, meant in words.items():
        if found.setdefault(list_cells.seen(word), meant) != meant:
            raise _wrong("word_twice", f"{word} is the same word as another one that means something else")
    return found


Words = AfterValidator(_each_once)


class ListProfiled(FactData):
    """The profile of one source's lists, whole; the last one effective stands.

    Attributes:
        list: the source whose lists it describes.
        columns: by field the heading of its column; fields left out are not compared, unless a constant states them.
            `town` and `village` are names of divisions below `region`; `status` is the state of registration.
        constants: by field what holds for every row of the list.
        defaults: by field what an empty cell means.
        categories: by the list's own words the category that they mean.
        statuses: by the list's own words whether the organization is active, or why it is over; "" for an empty cell.
        values: by field and the list's own words the value that they mean, null for nothing; "" for an empty cell.
        set_aside: headings of columns that are left unread on purpose.
        digits: by field how many digits its codes have, so that lost leading zeros can be given back.
        deregistered_percent_max: of the source's active organizations; a list that would deregister a larger share
            is held until a person confirms the number.
        deregistered_reason: what a deregistration gives as its reason where the list only leaves a row out.
    """

    identifier = "list"
    reach = Reach.WHOLE_CITY
    list: Source
    columns: dict[ListField, Heading]
    constants: Annotated[dict[Constant, Heading], Field(default={})]
    defaults: Annotated[dict[Defaulted, Heading], Field(default={})]
    categories: Annotated[dict[Heading, Heading], Field(default={}, max_length=200), Words]
    statuses: Annotated[dict[Word, Status], Field(default={}, max_length=200), Words]
    values: Annotated[
        dict[Mapped, Annotated[dict[Word, Word | None], Field(max_length=WORDS_MAX), Words]], Field(default={})
    ]
    set_aside: Headings
    digits: Annotated[dict[Literal["region", "industry"], Annotated[int, Field(ge=2, le=12)]], Field(default={})]
    deregistered_percent_max: Percent = 5
    deregistered_reason: DeregistrationReason = "dissolved"

    @model_validator(mode="after")
    def _complete(self) -> "ListProfiled":
        missing = [f for f in REQUIRED_FIELDS if f not in self.columns and f not in self.constants]
        if missing == ["region"] and ("town" in self.columns or "village" in self.columns):
            missing = []
        if missing:
            raise PydanticCustomError(
                "column_missing", "a profile names a column or a constant for {fields}", {"fields": ", ".join(missing)}
            )
        return self

    @model_validator(mode="after")
    def _distinct(self) -> "ListProfiled":
        """One column is read for one field, none that holds personal data, none that is set aside."""
        seen: dict[str, str] = {plain_heading(heading): "set_aside" for heading in self.set_aside}
        for field, heading in self.columns.items():
            plain = plain_heading(heading)
            if not plain:
                raise _wrong("heading", f"the heading for {field} is blank; write it as it stands in the list")
            if plain in seen:
                raise _wrong("column_twice", f"the column {heading} is named for {field} and for {seen[plain]}")
            if is_personal(plain):
                raise _wrong("personal", f"the column {heading} holds personal data, which is never read")
            seen[plain] = field
        return self

    @model_validator(mode="after")
    def _known(self) -> "ListProfiled":
        """Nothing is mapped to what is no value of its field."""
        for word, meant in self.categories.items():
            if meant not in CATEGORIES:
                raise _wrong(
                    "category_unknown",
                    f"categories: {word} is to mean {meant}, which is none of {', '.join(CATEGORIES)}",
                )
        for where, given in (("constants", self.constants), ("defaults", self.defaults)):
            for field, value in given.items():
                _check(f"{where}: {field}", field, value, self.categories)
        for mapped, words in self.values.items():
            for word, meaning in words.items():
                if meaning is not None:
                    _check(f"values: {mapped}: {word}", mapped, meaning, self.categories)
        return self

    @model_validator(mode="after")
    def _of_use(self) -> "ListProfiled":
        """Nothing is said of a field that no column gives, and no column beside a constant that holds for every row."""
        both = self.columns.keys() & self.constants.keys()
        if both:
            raise _wrong("constant", f"both a column and a constant are named for {', '.join(sorted(both))}; name one")
        said: dict[str, set[str]] = {
            "defaults": {*self.defaults}, "values": {*self.values}, "digits": {*self.digits},
            "statuses": {"status"} if self.statuses else set(),
        }  # fmt: skip
        for where, fields in said.items():
            idle = sorted(fields - self.columns.keys())
            if idle:
                raise _wrong("column_missing", f"{where} speaks of {', '.join(idle)}, for which no column is named")
        return self


def _wrong(rule: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("profile", "{reason}", {"reason": message, "rule": rule})


def _check(where: str, field: str, value: str, categories: Mapping[str, str]) -> None:
    readers: dict[str, Any] = {
        "category": lambda cell: list_cells.category(cell, categories), "region": list_cells.region,
        "town": list_cells.region, "village": list_cells.region, "industry": list_cells.industry,
        "employees": list_cells.employees, "address": list_cells.address,
        "org": lambda cell: list_cells.organization(cell, group=cell.startswith("group:")),
    }  # fmt: skip
    try:
        found = readers.get(field, list_cells.text)(value)
    except list_cells.CellError as error:
        raise _wrong(error.rule, f"{where} is to mean {value}: {error}") from None
    if found is None:
        raise _wrong("nothing", f"{where} is to mean {value}, which is nothing; write null")


REGIONS_MAX: Final = 200
PAGES_MAX: Final = 1_000
ROWS_A_PIECE: Final = 200
# Rows of one list that its source's facts cannot be made to say, and rows of a page.
KEPT_ROWS_MAX: Final = 20_000
PIECES_MAX: Final = 2 * KEPT_ROWS_MAX // ROWS_A_PIECE

StatedField = Literal["category", "name", "region", "industry", "employees", "supervisor", "address"]
KeptField = StatedField | Literal["gone"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Count = Annotated[int, Field(ge=1, le=PAGES_MAX)]


class PartData(Data):
    """A part: regions, or one of several pages."""

    regions: Annotated[list[RegionCode], Field(min_length=1, max_length=REGIONS_MAX)] | None = None
    page: Count | None = None
    pages: Count | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "PartData":
        paged = self.page is not None and self.pages is not None and self.page <= self.pages
        if (self.page is None) != (self.pages is None) or paged == (self.regions is not None):
            raise PydanticCustomError("part", "a part is of regions, or page N of M with N up to M; one of both")
        return self


class RowKept(Data):
    """A row that the source's facts do not say after the list: `fields` as listed, null where the list leaves it out.

    `gone` instead of the others: the list calls it over, for this reason.

    `settled`: a person's word after an equal list stands against it, and goes on standing.
    """

    org: OrganizationId
    fields: dict[KeptField, Any] | None
    settled: bool = False


StatedFields = Annotated[list[StatedField], Field(min_length=1, max_length=7)]
Digests = Annotated[list[Digest], Field(default=[], max_length=PAGES_MAX)]
RowsKept = Annotated[list[RowKept], Field(default=[], max_length=ROWS_A_PIECE)]
OrganizationsListed = Annotated[list[OrganizationId], Field(default=[], max_length=ROWS_A_PIECE)]


class ListStated(FactData):
    """A list of the end of `effective_on` was published, and what it said; or one piece of such a statement.

    Attributes:
        list: the source whose list it is.
        statement: names the statement; its pieces share it.
        fields: what the list had a column or a constant for.
        reason: with which it deregisters whom it leaves out.
        rows: how many organizations it had.
        sha256: of the file.
        replaces: statements of the same date that this one puts right.
        otherwise: rows that the facts do not say after it.
        listed: of a page, the organizations on it.
        unread: columns that were not read, with which whoever published it agreed.
    """

    identifier = "list"
    reach = Reach.WHAT_IT_NAMES
    list: Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]
    statement: Digest
    piece: Annotated[int, Field(ge=1, le=PIECES_MAX)] = 1
    pieces: Annotated[int, Field(ge=1, le=PIECES_MAX)] = 1
    part: PartData | None = None
    fields: StatedFields
    reason: DeregistrationReason
    rows: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    replaces: Digests
    otherwise: RowsKept
    listed: OrganizationsListed
    unread: Headings
