"""The ledger at one pair of clocks, from one version of the projection: what a question is asked of."""

from datetime import date

from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, Filters
from domain.values.clocks import Clocks
from projections.ledger.columns.counts import Standing
from services.ledger.known import Evidence
from services.ledger.queries import Queries, Rates, chosen_rows
from services.ledger.sight import Sight
from services.ledger.view import View


class LedgerAt:
    """Pinned when it is made: all that is read of it is of one version, whatever is put in use meanwhile.

    Attributes:
        queries: the questions to that version, limited to what the caller may see.
        view: that version's tables and columns.
        clocks: the date, and the position of the state of knowledge.
    """

    def __init__(self, queries: Queries, as_of: date, known_at: int) -> None:
        self.queries = queries.pinned()
        self.view: View = self.queries.view.current
        self.clocks = Clocks(as_of, known_at)

    def as_known_at(self, position: int) -> "LedgerAt":
        """The same version and date, as known at another position."""
        return LedgerAt(self.queries, self.clocks.as_of, position)

    @property
    def policy(self) -> Policy:
        """The policy of the date."""
        return self.view.snapshot.policy(self.clocks.day, self.clocks.known_at)

    @property
    def is_judged(self) -> bool:
        """Whether an activity policy is in force on the date."""
        return self.view.snapshot.is_judged(self.clocks.day, self.clocks.known_at)

    @property
    def sight(self) -> Sight:
        """What of it is in sight."""
        return Sight(self.queries, *self.clocks)

    @property
    def evidence(self) -> Evidence:
        """What a stranger needs to check a figure of it."""
        return self.queries.evidence(self.clocks.known_at)

    def rates(self, group_by: tuple[str, ...] = (), filters: Filters = ANY) -> Rates:
        """Counts by group and in total."""
        return self.queries.rates(*self.clocks, group_by, filters)

    def rows(self, filters: Filters = ANY) -> Standing:
        """The rows in sight that the filters mean."""
        meant = self.queries.meaning(filters, *self.clocks)
        return chosen_rows(self.view.snapshot, *self.clocks, meant.policy, meant.filters)
