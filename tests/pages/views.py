"""Every page with an address that shows it filled, on the demo city; what all pages are held to runs over these."""

from typing import Final

VIEWS: Final[dict[str, str]] = {
    "overview": "/?as_of=2024-12-31",
    "overview-county": "/?as_of=2024-09-30&region=880107&rate=work_coverage",
    "overview-trade": "/?as_of=2024-09-30&kind=new_economic&by=industry",
    "nothing": "/?as_of=2019-01-01",
    "wrong": "/?as_of=2024-02-30",
}
"""By name; a page that needs an organization or a position of the log takes one that every city has."""


def in_language(path: str, lang: str) -> str:
    """The address of a view in a language."""
    return f"{path}{'&' if '?' in path else '?'}lang={lang}"
