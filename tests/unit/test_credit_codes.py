"""Unified social credit codes: both check characters, the outer one against python-stdnum."""

import random

import pytest
from stdnum.cn import uscc

from domain.values.codes import CodeError, check_character, check_organization, organization_code_check_holds

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_the_check_character_is_the_one_of_stdnum(rng: random.Random) -> None:
    for _ in range(2_000):
        body = "".join(rng.choices(ALPHABET, k=17))
        assert check_character(body) == uscc.calc_check_digit(body)


def test_any_one_wrong_character_is_found(rng: random.Random) -> None:
    body = "91" + "".join(rng.choices("0123456789", k=6)) + "".join(rng.choices(ALPHABET, k=9))
    code = body + check_character(body)
    assert check_organization(f"uscc:{code}") == f"uscc:{code}"
    for place in range(2, 8):
        other = code[:place] + str((int(code[place]) + 1) % 10) + code[place + 1 :]
        with pytest.raises(CodeError, match="check character of GB 32100-2015 should be"):
            check_organization(f"uscc:{other}")


@pytest.mark.parametrize(("code", "holds"), [("91110000600037341L", True), ("91110000600037342L", False)])
def test_the_inner_digit_is_that_of_gb_11714(code: str, holds: bool) -> None:  # noqa: FBT001  # a case of the table
    assert organization_code_check_holds(f"uscc:{code}") is holds
