"""Every rule by which something is refused has its words in both languages, in one catalogue."""

import ast
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from api.site.json_places import places
from api.site.raw_bytes import shown
from api.site.texts import TEXTS

ROOT = Path(__file__).parents[2]
# Where the rule stands among the arguments of what makes a reason.
MAKERS = {"Reason": 0, "CodeError": 0, "PydanticCustomError": 0, "invalid": 2}


def rules() -> dict[str, str]:
    """By rule a module that names it."""
    found = {}
    for layer in ("domain", "services", "api"):
        for file in (ROOT / layer).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                    at = MAKERS.get(name, -1)
                    rule = node.args[at] if 0 <= at < len(node.args) else None
                    if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
                        found[rule.value] = str(file.relative_to(ROOT))
    return found


def test_every_rule_has_its_words() -> None:
    found = rules()
    assert len(found) > 80
    assert {rule: where for rule, where in found.items() if f"rule.{rule}" not in TEXTS} == {}


def test_chinese_words_of_a_rule_are_chinese() -> None:
    for key, told in TEXTS.items():
        if key.startswith("rule."):
            assert sum("\u4e00" <= each <= "\u9fff" for each in told["zh"]) >= 6, key
            assert not any("\u4e00" <= each <= "\u9fff" for each in told["en"]), key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def pointers(value: object, at: str = "") -> dict[str, object]:
    found = {at: value}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= pointers(inner, f"{at}/{name.replace('~', '~0').replace('/', '~1')}")
    if isinstance(value, list):
        for number, inner in enumerate(value):
            found |= pointers(inner, f"{at}/{number}")
    return found


@given(JSON, st.sampled_from([None, 1]))
def test_each_value_of_a_text_stands_where_its_pointer_says(value: object, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    found = places(text)
    for at, inner in pointers(value).items():
        begin, end = found[at]
        assert json.loads(text[begin:end]) == inner


@given(st.text())
def test_what_is_no_json_is_shown_whole_and_nothing_of_it_is_marked_wrongly(text: str) -> None:
    raw = text.encode(errors="replace")
    parts = shown(raw, [("date", "/data/effective_on")]).text
    assert parts is not None
    assert shown(raw).text == ([("".join(part for part, _ in parts), False)] if parts else [])


def test_the_wrong_value_is_marked_and_a_name_that_should_not_be_with_it() -> None:
    raw = b'{"data": {"effective_on": "2026-6-1", "nmae": "x"}}'
    parts = shown(raw, [("date", "/data/effective_on"), ("extra_forbidden", "/data/nmae")]).text
    assert parts is not None
    assert [part for part, wrong in parts if wrong] == ['"2026-6-1"', '"nmae": "x"']
    assert "".join(part for part, _ in parts) == raw.decode()
