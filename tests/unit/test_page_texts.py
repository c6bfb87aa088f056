"""The pages' texts: each in both languages, with the same places, and each that a template names exists."""

import ast
import re
from pathlib import Path
from string import Formatter
from typing import get_args

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
        "export.note": RATES, "relation": get_args(terms.Relation),
        "body_kind": terms.BODY_KINDS,
        "nav": [name for name, _ in NAVIGATION],
    }  # fmt: skip
    for name, values in named.items():
        assert [value for value in values if f"{name}.{value}" not in TEXTS] == []


REFUSING = {"CellError", "CodeError", "ListRefusedError", "ScanError", "Refusal", "Fault"}
READERS = [ROOT / "domain" / "fieldwork" / "lists.py", *(ROOT / "domain" / "listing").glob("*.py"),
           *(ROOT / "services" / "lists").glob("*.py")]  # fmt: skip


def _rules(file: Path) -> set[str]:
    """The rules by which a module refuses a row or a file: the first word in small letters that it is called with."""
    calls = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Call)]
    found = set()
    for call in calls:
        if getattr(call.func, "id", getattr(call.func, "attr", "")) in REFUSING:
            words = [
                each.value
                for argument in call.args[:4]
                for each in ast.walk(argument)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            found |= {word for word in words if re.fullmatch(r"[a-z]+(_[a-z]+)*", word)}
    return found


def test_every_rule_by_which_a_list_is_refused_has_its_words() -> None:
    rules = set().union(*map(_rules, READERS)) - {"org", "region"} | {"region", "uscc_form", "uscc_check_character"}
    others = {"error", "formula", "msg"}  # of faults, which are refused as formula_error and formula_not_stored
    assert len(rules) > 40
    assert sorted(rule for rule in rules - others if f"list.rule.{rule}" not in TEXTS) == []
