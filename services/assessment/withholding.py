"""What may be published at one pair of clocks, of any group of organizations (domain/figures/publication.py)."""

from datetime import date

from domain.figures.publication import GROUP_BY, Parts, Publication, publication, tells_of_people
from domain.ledger.rates import ANY, Counts, Filters, Key
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
                f"for publication figures may not be grouped or filtered by {', '.join(telling)}, which follows from "
                "organizations' people; leave it away, or take the document without publication"
            )
        whole = tuple(dict.fromkeys((*group_by, *GROUP_BY)))
        found: dict[Key, dict[Key, Counts]] = {}
        for key, counts in self._queries.rates(*self._clocks, whole, filters).groups.items():
            cell = tuple(key[whole.index(name)] for name in GROUP_BY)
            found.setdefault(key[: len(group_by)], {})[cell] = counts
        return dict(found)
