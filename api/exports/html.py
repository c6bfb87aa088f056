"""A document as one HTML file, ready to print: no script, nothing from outside, the chart as SVG."""

from collections.abc import Callable
from typing import IO, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.exports.document import BARS_MAX, Chart, Column, Document, Table, Value, Withheld
from api.site.formats import NONE
from api.site.texts import TAGS, text

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("api.exports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Of the template, written at once.
_PIECES: Final = 100
_FONT: Final = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, sans-serif"


def to_html(document: Document, draw: Callable[[dict[str, Any]], str], file: IO[bytes]) -> None:
    """UTF-8; tables with captions and headings, evidence and notes behind them; `draw` makes the chart's SVG."""
    template = _ENVIRONMENT.get_template("document.html")
    stream = template.stream(
        document=document,
        tag=TAGS[document.lang],
        chart=Markup(_svg(document, draw)),  # noqa: S704 - made here, by the library, which escapes what it draws
        shown=_shown,
        t=lambda key: text(document.lang, key),
    )
    stream.enable_buffering(_PIECES)
    stream.dump(file, "utf-8")


def _shown(column: Column, value: Value) -> str:
    if value is None:
        return NONE
    if isinstance(value, Withheld):
        return value.mark
    if column.kind == "percent":
        # Exact: four places of a ratio are two of a percentage.
        digits = str(value).replace(".", "").lstrip("0").rjust(3, "0")
        return f"{digits[:-2]}.{digits[-2:]}%"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _svg(document: Document, draw: Callable[[dict[str, Any]], str]) -> str:
    table, chart = document.tables[0], document.chart
    values = [] if chart is None else _bars(table, chart)
    if chart is None or not values:
        return ""
    order = list(dict.fromkeys(each["label"] for each in values))
    kinds = [table.columns[at].title for at in chart.series]
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": chart.title,
        "title": chart.title,
        "width": 520,
        "height": {"step": 14 if len(kinds) > 1 else 18},
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 260}},
            "x": {
                "field": "ratio", "type": "quantitative", "title": None, "scale": {"domain": [0, 1]},
                "axis": {"format": ".0%"},
            },
            "yOffset": {"field": "series", "sort": kinds},
            "color": {
                "field": "series", "title": None, "sort": kinds, "legend": {"orient": "bottom"},
                "scale": {"range": ["#8c1d18", "#b8a06a", "#3b5b7d", "#6b7d3b"]},
            },
        },
        "config": {"font": _FONT, "view": {"stroke": None}},
    }  # fmt: skip
    return draw(spec)


def _bars(table: Table, chart: Chart) -> list[dict[str, Any]]:
    """One bar for each row and series; the first BARS_MAX rows, rows alike in name told apart by their number."""
    rows = table.listed[: table.first_total][:BARS_MAX]
    names = [str(row[chart.label]) for row in rows]
    labels = [name if names.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(names, 1)]
    return [
        {"label": label, "series": table.columns[at].title, "ratio": float(value)}
        for label, row in zip(labels, rows, strict=True)
        for at in chart.series
        if isinstance(value := row[at], str)
    ]
