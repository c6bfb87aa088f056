"""What may be published at one pair of clocks, of any group of organizations (domain/figures/publication.py)."""

from datetime import date

from domain.figures.publication import (
    GROUP_BY,
    Parts,
    Publication,
    parts_by_group,
    publication,
    tells_of_people,
    with_cells,
)
from domain.ledger.rates import ANY, Filters, Key
from services.ledger.queries import Queries
from services.system.errors import InvalidValueError


class Withholding:
    """The publication of one pair of clocks, and what groups have in its cells.

    Raises:
        InvalidValueError: asked for by a caller who does not see the whole ledger.
    """

    def __init__(self, queries: Queries, as_of: date, known_at: int) -> None:
        if queries.scope is not None:
            raise InvalidValueError(
                "what may be published is decided over all regions, of which you see some; ask an office that sees all"
            )
        self._queries = queries
        self._clocks = as_of, known_at
        self.publication: Publication = publication(queries.rates(*self._clocks, GROUP_BY).groups)

    def parts(self, group_by: tuple[str, ...], filters: Filters = ANY) -> dict[Key, Parts]:
        """What each group has in each cell.

        Raises:
            InvalidValueError: the grouping or a filter tells of organizations' people.
        """
        telling = tells_of_people(group_by, filters)
        if telling:
            raise InvalidValueError(
                f"for publication figures may not be grouped or filtered by {', '.join(telling)}, by which what "
                "follows from organizations' people could be told; leave it away, or take the document without "
                "publication"
            )
        return parts_by_group(group_by, self._queries.rates(*self._clocks, with_cells(group_by), filters).groups)
