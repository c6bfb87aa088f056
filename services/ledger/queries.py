"""The point-in-time questions, answered from the ledger in memory and its tables.

Every answer is bound to one version of the projection at one position; `as_of` is a date,
`known_at` a position that the projection has reached.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import date, datetime
from functools import reduce
from typing import Final, NamedTuple, Self

import numpy as np
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from domain.events.facts import Fact
from domain.ledger.meaning import lifted, scope_meant, without_levels
from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, Counts, Filters, Key, add, answerable, nothing, unjudged
from domain.values.scope import Scope, by_body, by_region
from projections.ledger.columns.choosing import ByOrganization
from projections.ledger.columns.columns import Snapshot
from projections.ledger.columns.counts import Standing, matching, standing
from projections.ledger.columns.coverings import BranchCoverings, Covering
from projections.ledger.columns.cubes import Shape
from projections.ledger.columns.grouping import group
from projections.ledger.columns.home_regions import Homes
from projections.ledger.columns.names import Alphabet
from services.ledger.bodies_below import BodiesBelow, ever
from services.ledger.known import Evidence, Known, doubted
from services.ledger.meaning import Meaning, bodies_at, meaning
from services.ledger.office_facts import OfficeFacts
from services.ledger.version_differences import VersionDifferences
from services.ledger.view import LedgerView, PinnedView, View
from services.ledger.wrong_clocks import Stated, WrongClocks
from services.log import tree
from services.log.reader import KeptEvents
from services.postgres.database import open_pool
from services.postgres.reader import ScopedConnections
from services.system.errors import NotFoundError, StoreUnavailableError

_INSTANTS: Final = """
SELECT recorded_at, coalesce(learned_at, recorded_at), CASE WHEN learned_at IS NULL THEN 'recorded' ELSE 'said' END
  FROM taizhang.log WHERE notification_id = %s
"""
# Of so many positions what the log says is kept: it never changes.
_KNOWN_MAX: Final = 10_000
# Scopes by bodies as meant at some clocks: one question asks of many organizations at the same.
_MEANT_MAX: Final = 100


class Pools(NamedTuple):
    """Connections for callers who see everything, and for those limited to regions or bodies."""

    whole: "ConnectionPool[Connection[TupleRow]]"
    scoped: ScopedConnections


class Rates(NamedTuple):
    """Counts by group, sorted by key with null last, and of all rows that the filters mean."""

    groups: dict[Key, Counts]
    total: Counts
    policy: Policy

    def of(self, key: Key) -> Counts:
        """The counts of a group, of one that nobody is in too."""
        return self.groups.get(key) or nothing(judged=self.total.judged)


class Queries:
    """The questions. Make it by `open`, which starts the ledger in memory."""

    def __init__(self, pools: Pools, view: LedgerView | PinnedView, scope: Scope = None) -> None:
        self._pools = pools
        self.view = view
        self.scope = scope
        self.by_organization = ByOrganization()
        self.homes = Homes()
        self._office_facts = OfficeFacts()
        self._coverings = BranchCoverings()
        self.alphabet = Alphabet()
        self._known: dict[int, Known] = {}
        self._wrong = WrongClocks()
        self._kept = KeptEvents()
        self._differences = VersionDifferences()
        self._bodies_below = BodiesBelow()
        self._meant: dict[tuple[int, Scope, date, int], Scope] = {}

    def _like(self, view: LedgerView | PinnedView, scope: Scope) -> "Queries":
        made = copy(self)
        made.view, made.scope = view, scope
        return made

    def pinned(self) -> "Queries":
        """The same questions, all answered from the version in use now, from an answer's first read to its last."""
        return self._like(PinnedView(self.view), self.scope)

    def following(self) -> "Queries":
        """The same questions, each answered from the version in use when it is asked: for answers without an end."""
        return self._like(self.view.live, self.scope)

    def within(self, scope: Scope, view: PinnedView | None = None) -> "Queries":
        """The same questions, answered from what lies within these regions, and from a view that is pinned already."""
        return self._like(view or self.view, scope)

    def everywhere(self) -> "Queries":
        """The same questions without a limit.

        For figures of the whole ledger, for what the log says of a position (its instant, its root), and where what is
        out of sight only decides whether something is told; never for single organizations.
        """
        return self._like(self.view, None)

    @property
    def kept(self) -> KeptEvents | None:
        """Events read before; None where these questions are limited to regions, since the database decides there."""
        return self._kept if self.scope is None else None

    def narrowed(self, filters: Filters) -> Filters:
        """The filters, within what these questions are limited to; at clocks they are meant (`meaning`) before use."""
        return filters if self.scope is None else filters._replace(scope=self.scope)

    def scope_at(self, as_of: date, known_at: int) -> Scope:
        """What these questions are limited to, each body with all that are below it at the clocks."""
        if not by_body(self.scope):
            return self.scope
        key = self.view.current.version.number, self.scope, as_of, known_at
        kept = self._meant.get(key)
        if kept is None:
            kept = scope_meant(self.scope, bodies_at(self.everywhere(), as_of, known_at))
            # Of what the view has not reached, a later event may be read under this key.
            if known_at <= self.position:
                if len(self._meant) >= _MEANT_MAX:
                    self._meant.clear()
                self._meant[key] = kept
        return kept

    @classmethod
    @contextmanager
    def open(cls, conninfo: str, *, cubes: bool = True) -> Iterator[Self]:
        """Open the database and start to follow the projection; without `cubes` for who asks for no rates."""
        view = LedgerView(conninfo, cubes=cubes)
        with (
            open_pool(conninfo, "queries") as whole,
            ScopedConnections.open(conninfo, whole) as scoped,
        ):
            view.start()
            try:
                yield cls(Pools(whole, scoped), view)
            finally:
                view.close()

    @property
    def position(self) -> int:
        """The position up to which answers are complete."""
        return self.view.position

    @contextmanager
    def connection(self) -> Iterator[Connection[TupleRow]]:
        """A connection for reading; where these questions are limited to regions, behind row-level security."""
        pools, scope = self._pools, self.scope
        with pools.whole.connection() if scope is None else pools.scoped.connection(self._walled(scope)) as connection:
            yield connection

    def _walled(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """What the database lets these questions see: at any clocks, so each body with all that were ever below it."""
        if not by_body(scope):
            return scope
        with self.everywhere().connection() as connection:
            below = self._bodies_below.at(connection, self.view.current)
        return (*by_region(scope), *sorted({each for _, body in by_body(scope) for each in ever(body, below)}))

    @contextmanager
    def cursor(self) -> Iterator[Cursor[TupleRow]]:
        """A cursor of such a connection."""
        with self.connection() as connection, connection.cursor() as cursor:
            yield cursor

    def office_facts(self, families: Sequence[str], as_of: date, known_at: int) -> list[Fact]:
        """The acts of offices of these families that stand, effective by the date, in canonical order."""
        with self.connection() as connection:
            return self._office_facts.at(connection, self.view.current, self.scope, families, as_of, known_at)

    def differing(self, label: str, view: View) -> frozenset[str] | None:
        """The organizations in sight that differ between the version of a mark and a view; None: all may."""
        with self.cursor() as cursor:
            return self._differences.between(cursor, label, view, self.scope)

    def covering(self, view: View, day: int, known_at: int) -> Covering:
        """What every branch covers on a day (an ordinal), as known at a position.

        Of all branches, in sight or not: whoever asks tells of those alone of which all is in sight.
        """
        with self.everywhere().cursor() as cursor:
            return self._coverings.at(view.version.number, view.reading.schema, view.snapshot, cursor, day, known_at)

    def known(self, position: int) -> Known | None:
        """What was kept of a position, without asking the database."""
        kept, stated = self._known.get(position), self._wrong.kept(self)
        return None if kept is None or stated is None else doubted(kept, stated)

    def learn(self, position: int) -> Known:
        """When a position was recorded and learned and the root there: whoever needs the one needs the other next.

        Raises:
            NotFoundError: the log is not that far; nothing of it is kept, since the event may come any moment.
        """
        return doubted(self._known.get(position) or self._learned(position), self._wrong.stated(self))

    def learned_by(self, position: int) -> Known:
        """As `learn`, of a position that an instant led to: a wrong clock right after it makes that doubtful too."""
        known, stated = self.learn(position), self._wrong.stated(self)
        right_after = tuple(each.clock for each in stated if each.clock.first == position + 1)
        return known._replace(wrong=known.wrong + right_after)

    def learned_since(self, since: int, known: Known) -> Known:
        """A state of knowledge with the statements about any position after `since` and up to it."""
        if since >= known.position:
            return known
        begun = self.learn(since + 1).recorded_at
        wrong = tuple(each.clock for each in self._wrong.stated(self) if each.speaks_of(known.position, begun))
        return known._replace(wrong=wrong)

    def _learned(self, position: int) -> Known:
        with self.everywhere().connection() as connection, connection.cursor() as cursor:
            found = cursor.execute(_INSTANTS, (position,), prepare=True).fetchone()
            if found is None and position > 0:
                raise NotFoundError(f"no event is at position {position} yet; ask as known at one that the log has")
            root = tree.LOG.root_at(connection, position)
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        recorded_at, learned_at, basis = found or (None, None, "recorded")
        known = self._known[position] = Known(position, recorded_at, learned_at, basis, root.hex())
        return known

    def wrong_clocks(self) -> list[Stated]:
        """Where the database's clock was wrong, as stated up to now."""
        return self._wrong.stated(self)

    def recorded_at(self, position: int) -> datetime | None:
        """When the event at a position was recorded; None for position 0."""
        return self.learn(position).recorded_at

    def evidence(self, position: int) -> Evidence:
        """The tree of the first `position` events and the rule set of the version that answers."""
        view = self.view.current
        return Evidence(position, self.learn(position).root_hash, view.version.ruleset, view.read_by)

    def ruleset_to_seal(self) -> str:
        """The rule set that made these figures, whole.

        Raises:
            StoreUnavailableError: two did: after an upgrade, until the ledger is rebuilt.
        """
        view = self.view.current
        if view.read_by is not None:
            raise StoreUnavailableError(
                f"rule set {view.version.ruleset} made the ledger's rows and {view.read_by} reads them, so figures "
                "could not be sealed under either: a rebuild is under way, seal once /health/ready names one"
            )
        return view.version.ruleset

    def meaning(
        self,
        filters: Filters,
        as_of: date,
        known_at: int,
        group_by: tuple[str, ...] = (),
        keys: Mapping[str, str] | None = None,
    ) -> Meaning:
        """What filters mean, within the regions that these questions are limited to; of bodies all are looked at."""
        policy = self.view.current.snapshot.policy(as_of.toordinal(), known_at)
        return meaning(self.everywhere(), policy, self.narrowed(filters), as_of, known_at, group_by, keys)

    def rates(self, as_of: date, known_at: int, group_by: tuple[str, ...], filters: Filters = ANY) -> Rates:
        """Counts by group and in total."""
        view, day = self.view.current, as_of.toordinal()
        policy, filters, bodies = self.meaning(filters, as_of, known_at, group_by)
        judged, by = view.snapshot.is_judged(day, known_at), without_levels(group_by)
        if not answerable(filters, judged=judged):
            return Rates({}, nothing(judged=judged), policy)
        shape = Shape(by, filters, policy)
        groups = view.cubes.counts(view.snapshot, shape, day, known_at)
        if groups is None:
            rows = chosen_rows(view.snapshot, as_of, known_at, policy, filters)
            groups = group(view.snapshot, rows, by)
        found = rates_of(lifted(groups, group_by, bodies), policy, judged=judged)
        if isinstance(self.view, PinnedView) and any(
            each.registered == 1 for each in (*found.groups.values(), found.total)
        ):
            self.view.told_of_one = True
        return found

    def require_organization(self, org: str, as_of: date, known_at: int) -> int:
        """The number of an organization that some event known then speaks of.

        Raises:
            NotFoundError: none does, or it lies outside the regions that these questions are limited to. Both are
                told in the same words after the same steps.
        """
        if not self.in_sight(org, as_of, known_at):
            raise _unspoken(org, known_at)
        with self.cursor() as cursor:
            reading = self.view.current.reading
            number = reading.org_no(cursor, org)
            if number is not None and (
                reading.mentions(cursor, [org], known_at) or reading.org_entries(cursor, number, known_at)
            ):
                return number
        raise _unspoken(org, known_at)

    def in_sight(self, org: str, as_of: date, known_at: int) -> bool:
        """Whether an organization lies within the regions that these questions are limited to, from memory alone."""
        if self.scope is None:
            return True
        view = self.view.current
        number = self.homes.number(view.version.number, view.snapshot, org)
        scope = self.scope_at(as_of, known_at)
        seen = self.homes.within(view.version.number, view.snapshot, as_of.toordinal(), known_at, scope)
        return number is not None and number < len(seen) and bool(seen[number])


def _unspoken(org: str, known_at: int) -> NotFoundError:
    return NotFoundError(f"no event known at position {known_at} speaks of {org}; check the identifier")


def rates_of(groups: dict[Key, Counts], policy: Policy, *, judged: bool) -> Rates:
    """Counts by group and in total; `judged`: an activity policy is in force."""
    if not judged:
        groups = {key: unjudged(counts) for key, counts in groups.items()}
    return Rates(groups, reduce(add, groups.values(), nothing(judged=judged)), policy)


def chosen_rows(snapshot: Snapshot, as_of: date, known_at: int, policy: Policy, filters: Filters) -> Standing:
    """The rows that the filters mean."""
    day = as_of.toordinal()
    rows = standing(snapshot, day, known_at, policy)
    if filters == ANY:
        return rows
    if not answerable(filters, judged=snapshot.is_judged(day, known_at)):
        return rows.where(np.zeros(len(rows), np.bool_))
    return rows.where(matching(snapshot, rows, filters))
