"""The pages' texts: each in both languages, with the same places, and each that a template names exists."""

import re
from pathlib import Path
from string import Formatter

import pytest

from api.site.base import NAVIGATION
from api.site.texts import TEXTS
from domain.events.types import EVENT_TYPES
from domain.inspection.row_changes import REASONS
from domain.ledger.rates import RATES, Counts
from domain.values import terms
from tests.fix_service import ROOT

TEMPLATES = sorted((ROOT / "api" / "site" / "templates").glob("*.html"))
CALLED = re.compile(r"""\bt\(\s*["']([^"']+)["'](\s*~)?""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_has_the_same_places_in_both_languages() -> None:
    for key, both in TEXTS.items():
        assert all(both.values()), key
        assert places(both["zh"]) == places(both["en"]), key


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_that_a_template_names_exists(template: Path) -> None:
    for key, joined in CALLED.findall(template.read_text(encoding="utf-8")):
        assert any(each.startswith(key) for each in TEXTS) if joined else key in TEXTS, key


def test_every_term_of_the_domain_has_its_words() -> None:
    named = {
        "kind": terms.KINDS, "category": terms.CATEGORIES, "measure": terms.MEASURES, "formation": terms.FORMATIONS,
        "standing": terms.STANDINGS, "excluded": terms.EXCLUSION_REASONS, "type": EVENT_TYPES,
        "anomaly": terms.ANOMALIES, "reason": REASONS, "rate": RATES, "count": Counts._fields,
        "nav": [name for name, _ in NAVIGATION],
    }  # fmt: skip
    for name, values in named.items():
        assert [value for value in values if f"{name}.{value}" not in TEXTS] == []
