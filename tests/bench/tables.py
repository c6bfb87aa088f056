"""What a benchmark prints: markdown tables, with figures that a reader can take in."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg


def heading(database: str, scale: float, events: int) -> str:
    """Where and on what the figures were measured."""
    with psycopg.connect(database) as connection:
        server = connection.info.server_version // 10_000
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Demo city at scale {scale:.3g}: {events:,} events. {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, PostgreSQL {server} embedded, "
        f"all on one machine. {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.\n"
    )


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A markdown table; every column but the first is set to the right."""
    lines = [f"### {title}", "", _line(columns), _line(["---", *["---:"] * (len(columns) - 1)])]
    lines += [_line(row) for row in rows]
    if note:
        lines += ["", note]
    one, five, fifteen = os.getloadavg()
    lines += ["", f"Load average at the end: {one:.1f}, {five:.1f}, {fifteen:.1f}.", ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def per_second(count: int, seconds: float) -> str:
    """A rate, with three significant digits."""
    return f"{float(f'{count / seconds:.3g}'):,.0f}"


def ms(seconds: float) -> str:
    """A duration in milliseconds."""
    value = seconds * 1000
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×" if ratio >= 1 else f"{ratio:.2f}×"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of all do not exceed: the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)
