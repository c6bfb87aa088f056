"""The table of faults names tests that are there, and says of each truly whether it asks the oracle."""

import ast
import re

import pytest

from tests.fix_service import ROOT

ROW = re.compile(r"^\| [^|]+ \| `(\S+)::(\w+)` \| (yes|no) \|([^|]*)\|$")
# What ends in `assert_nothing_lost`, as these files have it.
ORACLES = ("assert_nothing_lost(", "assert_right(", "assert_all_in(", "assert_whole(", "assert_rebuilt(")
ROWS = [line for line in (ROOT / "tests" / "faults.md").read_text(encoding="utf-8").splitlines() if ".py::" in line]


@pytest.mark.parametrize("line", ROWS)
def test_a_fault_has_its_test(line: str) -> None:
    found = ROW.match(line)
    assert found is not None, line
    file, name, oracle, instead = found.groups()
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    (test,) = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name == name]
    body = ast.unparse(test)
    assert any(each in body for each in ORACLES) == (oracle == "yes")
    assert bool(instead.strip()) == (oracle == "no")
