"""Which answers rest on instants that the database's clock got wrong, as operators have stated it."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import Connection

from domain.events.clock import FAMILY
from domain.events.envelope import check_data
from domain.events.facts import standing_facts
from domain.events.types import CORRECTED, RETRACTED
from domain.inspection.wrong_clock import WrongClock, wrong_clocks
from services.log.reader import LogReader

if TYPE_CHECKING:
    from services.ledger.queries import Queries

_FOUND_WRONG: Final = f"taizhang.{FAMILY}.found_wrong.v1"
_RECORDED_AT: Final = "SELECT notification_id, recorded_at FROM taizhang.log WHERE notification_id = ANY(%s)"
# The version of the projection, and the position that it has reached.
_Key = tuple[int, int]


class Stated(NamedTuple):
    """A statement that stands, and the instant of its last position.

    Events that came while the clock had not passed that instant got it too: the statement speaks of them as well.
    """

    clock: WrongClock
    until: datetime

    def speaks_of(self, until: int, recorded_at: datetime | None) -> bool:
        """Whether it speaks of any position of a range, or of a position alone.

        Args:
            until: the last position of the range.
            recorded_at: of its first position; None for 0, of which nothing is stated.
        """
        return self.clock.first <= until and recorded_at is not None and recorded_at <= self.until


class WrongClocks:
    """What has been stated, kept for the position that it was read at; any number of threads may ask."""

    def __init__(self) -> None:
        self._kept: tuple[_Key, list[Stated]] | None = None

    def kept(self, queries: "Queries") -> list[Stated] | None:
        """What was read of the view in use, without asking the database; None: it has gone on since."""
        kept = self._kept
        return kept[1] if kept is not None and kept[0] == _key(queries) else None

    def stated(self, queries: "Queries") -> list[Stated]:
        """Every statement that stands as the ledger knows it now, whatever state of knowledge is asked for.

        A clock is found wrong afterwards: nobody who asks for what was known then would ever be told.
        """
        kept = self.kept(queries)
        if kept is not None:
            return kept
        key, everywhere = _key(queries), queries.everywhere()
        if not key[0]:  # right after the start there is no version of the projection yet
            return []
        clocks = wrong_clocks(everywhere.office_facts((FAMILY,), date.max, key[1]))
        until: dict[int, datetime] = {}
        if clocks:
            with everywhere.cursor() as cursor:
                until = dict(cursor.execute(_RECORDED_AT, ([each.last for each in clocks],)).fetchall())
        found = [Stated(each, until[each.last]) for each in clocks]
        self._kept = key, found
        return found


def stated_in(connection: Connection[Any], size: int) -> list[Stated]:
    """Every statement that stands by the first `size` events, read from the log alone."""
    log = LogReader(connection)
    told = log.of_types((_FOUND_WRONG,), 0, size)
    if not told:
        return []
    keys = {each.key for each in told}
    words = log.of_types((CORRECTED, RETRACTED), told[0].position, size)
    ours = [*told, *(each for each in words if each.target in keys)]
    facts, _ = standing_facts(ours, lambda type_, data: not check_data(type_, data))
    clocks = wrong_clocks(facts)
    until = dict(connection.execute(_RECORDED_AT, ([each.last for each in clocks],)).fetchall())
    return [Stated(each, until[each.last].astimezone(UTC)) for each in clocks]


def _key(queries: "Queries") -> _Key:
    view = queries.view.current
    return view.version.number, view.snapshot.position
