"""Charts: Vega-Lite specifications in one look, which services/serving/drawing.py makes SVG images of."""

from typing import Any, Final

from starlette.responses import Response

_HOUR_S: Final = 3_600
_INK, _SOFT, _LINE = "#1b1f24", "#565d66", "#e4e7eb"
_LEGEND: Final = {"labelColor": _INK, "labelFontSize": 12, "symbolStrokeWidth": 2}
_CONFIG: Final = {
    "background": "white",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {"labelColor": _SOFT, "titleColor": _SOFT, "gridColor": _LINE, "domainColor": _SOFT, "tickColor": _SOFT,
             "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "text": {"color": _INK, "fontSize": 12},
}  # fmt: skip


def themed(spec: dict[str, Any], legend_columns: int = 4) -> dict[str, Any]:
    """A Vega-Lite specification in the pages' look."""
    config = {**_CONFIG, "legend": {**_LEGEND, "columns": legend_columns}}
    return {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": config, **spec}


def svg(content: str, *, settled: bool) -> Response:
    """The image; `settled`: its address can only ever mean this image, so that browsers may keep it for an hour."""
    cache = f"private, max-age={_HOUR_S}" if settled else "no-store"
    # Who asks decides what is in sight.
    headers = {"cache-control": cache, "vary": "Cookie, Authorization"}
    return Response(content, media_type="image/svg+xml", headers=headers)
