"""The growth of cost with the size of the log, as PNG and SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PANELS: Final = (
    (
        "rates by kind and county, ms",
        1000.0,
        {"rates_p50": "p50", "rates_p99": "p99", "sql_p50": "SQL with GiST ranges, p50"},
    ),
    (
        "other questions, p99, ms",
        1000.0,
        {"dossier_p99": "dossier", "explain_p99": "explain", "series_p99": "series of 24 months", "page_p99": "page"},
    ),
    (
        "events/s",
        1.0,
        {
            "rebuild_per_s": "cold rebuild",
            "catch_up_per_s": "catch-up",
            "load_per_s": "intake",
            "runner_per_s": "ProjectionRunner",
        },
    ),
    ("peak memory, MiB", 1 / (1 << 20), {"service_memory": "service", "projector_memory": "projector"}),
)
# Where the peer is tens of times as slow, a linear scale would show it alone.
LOGARITHMIC: Final = frozenset((PANELS[0][0],))


def draw(measured: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write growth.png and growth.svg; the same figures give the same bytes."""
    mpl.rcParams["svg.hashsalt"] = "taizhang"
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (title, factor, lines) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        _panel(axes, measured, title, factor, lines)
    figure.savefig(folder / "growth.png", dpi=120, metadata={"Software": None})
    figure.savefig(folder / "growth.svg", metadata={"Date": None})


def _panel(
    axes: Axes, measured: Sequence[Mapping[str, float]], title: str, factor: float, lines: Mapping[str, str]
) -> None:
    for name, label in lines.items():
        found = [(each["events"] / 1e6, each[name] * factor) for each in measured if name in each]
        if found:
            axes.plot(*zip(*found, strict=True), marker="o", label=label)
    axes.set_title(title)
    axes.set_xscale("log")
    axes.set_xticks([each["events"] / 1e6 for each in measured], [f"{each['events'] / 1e6:.2g}" for each in measured])
    axes.set_xlabel("million events")
    if title in LOGARITHMIC:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.xaxis.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
