"""A world over HTTP beside the same world folded from scratch."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from domain.events.facts import Event
from domain.ledger.rates import Counts, Filters, Key, group, rates
from domain.ledger.rows import Row, ledger, told
from tests.fix_service import Service
from tests.histories import as_events, fits


class World(NamedTuple):
    """A service, and the accepted events that it holds: as they are, and as they were delivered."""

    service: Service
    events: list[Event]
    told: list[dict[str, Any]]

    @property
    def head(self) -> int:
        return len(self.events)

    def rows(self, as_of: str, known_at: int) -> list[Row]:
        """The ledger's rows by the fold from scratch."""
        return ledger(self.events[:known_at], date.fromisoformat(as_of), fits).rows()

    def figures(self, rows: Iterable[Row], group_by: tuple[str, ...], filters: Filters) -> list[dict[str, Any]]:
        """The groups as /v1/rates would show them."""
        return figures(group(rows, group_by, filters), group_by)


def figures(groups: Mapping[Key, Counts], group_by: tuple[str, ...]) -> list[dict[str, Any]]:
    """Groups as /v1/rates shows them."""
    return [
        {
            "key": dict(zip(group_by, key, strict=True)),
            "counts": counts._asdict(),
            "rates": {name: rate._asdict() for name, rate in rates(counts).items()},
        }
        for key, counts in groups.items()
    ]


def publish(service: Service, deliveries: list[dict[str, Any]], before: World | None = None) -> World:
    """Publish deliveries of which some may be quarantined or repeats, and wait until all is projected.

    The log holds `before` and nothing else.
    """
    accepted = []
    head = before.head if before else 0
    for delivery, result in zip(deliveries, service.publish(deliveries), strict=True):
        if result["disposition"] == "accepted":
            accepted.append(delivery)
            assert result["position"] == head + len(accepted)
    service.get("/v1/rates", min_position=head + len(accepted))
    events = [replace(event, position=head + event.position) for event in as_events(accepted)]
    earlier, told = (before.events, before.told) if before else ([], [])
    return World(service, [*earlier, *events], [*told, *accepted])


def as_listed(row: Row, small_unit: int = 10) -> dict[str, Any]:
    """A row as lists show it: of a sole proprietor, and of fewer employees than so many, members are in bands."""
    employees, names = (
        row.attributes.employees,
        [name for name in Row._fields if name.endswith(("members", "elsewhere"))],
    )
    names.append("activists")
    small = row.attributes.category == "sole_proprietor" or (employees or small_unit) < small_unit or employees == 0
    if not small:
        return {**told(row), "bands": None}
    words = {name: ("none", "few", "few", "three")[min(getattr(row, name), 3)] for name in names}
    return {**told(row), **dict.fromkeys(names), "bands": {name: f"band_{word}" for name, word in words.items()}}


def in_full(service: Service, listed: Iterable[dict[str, Any]], **clocks: Any) -> dict[str, Any]:  # noqa: ANN401 - query parameters
    """By organization the rows of a list with what it tells of small units in bands, by their dossiers."""
    rows = {row["org"]: {name: value for name, value in row.items() if name != "bands"} for row in listed}
    in_bands = [org for org, row in rows.items() if row["full_members"] is None]
    return rows | {org: service.get(f"/v1/organizations/{org}", **clocks)["row"] for org in in_bands}
