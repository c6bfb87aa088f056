"""What a spreadsheet might take for a formula, also behind characters that nobody sees."""

import pytest

from api.exports.document import looks_like_formula


@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u2066", "\u00ad", "\u3164",
                                    "\u034f", "\ufe0f", "\u3000", "\x00", "\u200b \u2060"])  # fmt: skip
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＠"])
def test_nothing_invisible_hides_a_formula(before: str, sign: str) -> None:
    assert looks_like_formula(f"{before}{sign}1+1")
    assert not looks_like_formula(f"{before}单位{sign}")


@pytest.mark.parametrize("text", ["", " ", "\u200b", "甲=乙", "a@b"])
def test_other_text_is_none(text: str) -> None:
    assert not looks_like_formula(text)
