"""What a list said, kept as an event beside its differences: that it came, of which part, and in which fields.

The rows themselves need no keeping. At the position of the statement the source's own facts, folded to the list's
date, say what the list said; only where they could not be made to agree does the statement hold the row itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from domain.events.facts import Event
from domain.events.lists import PAGES_MAX, REGIONS_MAX
from domain.values.codes import check_region
from domain.values.instants import parse_date

STATED: Final = "taizhang.list.stated.v1"


class Part(NamedTuple):
    """Which part of the source's stock a list is, the whole where nothing is given.

    Attributes:
        regions: it has all organizations of the regions that begin with one of these codes, and no others.
        page, pages: it is one of so many pieces, which together have all.
    """

    regions: tuple[str, ...] = ()
    page: int = 0
    pages: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is no part."""
        return not self.regions and not self.pages

    def covers(self, region: str | None) -> bool:
        """Whether a list of regions speaks for this one."""
        return region is not None and region.startswith(self.regions)

    def supersedes(self, other: "Part") -> bool:
        """Whether a list of this part takes the place of one of the other, of the same source and date."""
        if self.is_whole:
            return True
        if self.regions:
            return bool(other.regions) and all(self.covers(region) for region in other.regions)
        return other.pages not in (0, self.pages) or other == self

    def as_json(self) -> dict[str, Any] | None:
        """As events and answers show it; None for the whole."""
        if self.is_whole:
            return None
        return {"regions": list(self.regions)} if self.regions else {"page": self.page, "pages": self.pages}


WHOLE: Final = Part()


def read_part(shown: Mapping[str, Any] | None) -> Part:
    """A part as `Part.as_json` shows it."""
    if shown is None:
        return WHOLE
    return Part(tuple(sorted(set(shown.get("regions") or ()))), shown.get("page") or 0, shown.get("pages") or 0)


def read_declared(regions: Sequence[str], page: str) -> Part:
    """The part that whoever sends a list declares it to be.

    Args:
        regions: codes with which its regions begin.
        page: `N/M`, or empty.

    Raises:
        ValueError: naming the value, the rule and the remedy.
    """
    if regions and page:
        raise ValueError(f"page {page}: a part is of regions, or a page; leave one of both out")
    if len(regions) > REGIONS_MAX:
        raise ValueError(f"{len(regions)} regions: at most {REGIONS_MAX}; name larger ones")
    codes = tuple(sorted({check_region(region) for region in regions}))
    if not page:
        return Part(codes)
    number, _, of = page.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= PAGES_MAX):
        raise ValueError(f"page {page[:40]!r}: a page is N/M, the N-th of M, M up to {PAGES_MAX}; as 2/5")
    return Part((), int(number), int(of))


class Kept(NamedTuple):
    """A row of `otherwise`."""

    fields: Mapping[str, Any] | None
    settled: bool


class Statement(NamedTuple):
    """One list as it was stated; what it said is known at the position `until`, that of its last piece."""

    as_of: date
    part: Part
    digest: str
    fields: tuple[str, ...]
    reason: str
    rows: int
    until: int
    otherwise: Mapping[str, Kept]
    listed: frozenset[str]
    unread: tuple[str, ...] = ()


def statements(events: Iterable[Event], retracted: Iterable[tuple[str, str]] = ()) -> list[Statement]:
    """The statements of one source that stand: whole, put right by no other, retracted by nobody; by date and part."""
    gone = frozenset(retracted)
    pieces: dict[str, dict[int, Event]] = {}
    replaced: set[str] = set()
    for event in events:
        if event.type == STATED and event.source == event.data["list"] and event.key not in gone:
            pieces.setdefault(event.data["statement"], {})[event.data.get("piece", 1)] = event
    whole = {name: p for name, p in pieces.items() if len(p) == next(iter(p.values())).data.get("pieces", 1)}
    for found in whole.values():
        replaced.update(next(iter(found.values())).data.get("replaces", ()))
    made = (_statement(name, list(found.values())) for name, found in whole.items() if name not in replaced)
    return sorted(made, key=lambda each: (each.as_of, each.part))


def _statement(name: str, pieces: list[Event]) -> Statement:
    data = pieces[0].data
    return Statement(
        parse_date(data["effective_on"]), read_part(data.get("part")), name, tuple(data["fields"]), data["reason"],
        data["rows"], max(piece.position for piece in pieces),
        {
            row["org"]: Kept(row["fields"], row.get("settled", False))
            for piece in pieces for row in piece.data.get("otherwise", ())
        },
        frozenset(org for piece in pieces for org in piece.data.get("listed", ())), tuple(data.get("unread", ())),
    )  # fmt: skip
