"""The domain stands alone: its wheel, pydantic and python-stdnum are enough to fold a history."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
# What the wheel of the domain needs, with what that needs itself; everything else is out of reach.
WITHIN = (
    "domain", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "stdnum",
)  # fmt: skip
FOLDED = """
import pkgutil, sys
from importlib import import_module
from importlib.abc import MetaPathFinder

within = set(sys.argv[2].split())

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        ours = first in within or first in sys.stdlib_module_names or first.startswith("_sysconfigdata")
        if not ours:
            raise ModuleNotFoundError(f"{name} is not there", name=name)
        return None

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, sys.argv[1])
import domain
assert domain.__file__.startswith(sys.argv[1]), domain.__file__
for module in pkgutil.walk_packages(domain.__path__, "domain."):
    import_module(module.name)

from datetime import date
from domain.events.envelope import check_data, read_event
from domain.ledger.rates import group
from domain.ledger.rows import ledger

event = b'''{"specversion": "1.0", "id": "1", "source": "/r", "type": "taizhang.organization.registered.v1",
 "time": "2024-03-01T08:00:00+08:00", "data": {"effective_on": "2024-03-01", "org": "group:g-1",
 "kind": "new_employment_group", "category": "courier", "name": "n", "region": "99"}}'''
read = read_event(event).event
state = ledger([read], date(2024, 3, 1), lambda type_, data: not check_data(type_, data))
print(group(state.rows(), ("kind",))["new_employment_group",].registered)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The domain's own wheel, installed into a folder without what it depends on."""
    folder = tmp_path_factory.mktemp("domain")
    build = [sys.executable, "deploy/domain_wheel.py", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (found,) = (folder / "dist").glob("taizhang_domain-*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, str(folder / "site"), str(found)], check=True, capture_output=True)
    return folder / "site"


def test_the_domain_folds_a_history_with_nothing_but_what_its_wheel_asks_for(wheel: Path) -> None:
    command = [sys.executable, "-c", FOLDED, str(wheel), " ".join(WITHIN)]
    told = subprocess.run(command, cwd=wheel, check=False, capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("1\n", "")


def test_the_domains_wheel_asks_for_pydantic_and_stdnum_and_nothing_else(wheel: Path) -> None:
    (metadata,) = wheel.glob("taizhang_domain-*.dist-info/METADATA")
    needed = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist: ")]
    assert [line.split()[1].partition(">")[0] for line in needed] == ["pydantic", "python-stdnum"]
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"domain"}
