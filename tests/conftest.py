"""Where the fixtures are, and the seeds in the header."""

import os
import random
import secrets
import signal
from importlib.util import find_spec

import hypothesis
import pytest

# One that another imports stands before it.
pytest_plugins = [
    "tests.fix_cluster",
    "tests.fix_kafka",
    "tests.fix_proxy",
    "tests.fix_outages",
    "tests.fix_service",
    "tests.fix_store",
    "tests.fix_worlds",
    "tests.fix_counties",
    "tests.fix_browser",
    "tests.fix_plain",
    "tests.fix_turn",
    "tests.fix_city",
]

# Its fixtures need the extra, which `make test` does without.
collect_ignore = [] if find_spec("pyarrow") and find_spec("duckdb") else ["archive"]

SEED_VARIABLE = "TAIZHANG_TEST_SEED"
SEED = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed for `random` and for hypothesis, so that a failed run can be had again."""
    chosen = os.environ.get(SEED_VARIABLE)
    config.stash[SEED] = seed = int(chosen) if chosen else secrets.randbelow(2**31)
    # A shell starts what it puts in the background deaf to SIGINT, and so would be what the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The workers of a run on several cores take the same seed.
    os.environ[SEED_VARIABLE] = str(seed)
    # A law holds or it does not; how long an example takes is the machine's business.
    hypothesis.settings.register_profile("laws", deadline=None)
    hypothesis.settings.load_profile("laws")
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(seed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each trial of a race is a test of its own, on a ledger of its own."""
    if metafunc.definition.get_closest_marker("race"):
        trials = int(os.environ.get("TURN_TRIALS", "1"))
        metafunc.fixturenames.append("trial")
        metafunc.parametrize("trial", range(trials) if trials > 1 else [pytest.param(0, id=pytest.HIDDEN_PARAM)])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Races that try by themselves, on one ledger, are races too."""
    for item in items:
        if "trials" in getattr(item, "fixturenames", ()):
            item.add_marker("race")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {SEED_VARIABLE}={config.stash[SEED]}, hypothesis: --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests recorded, such as how often random histories met what can go wrong."""
    for report in terminalreporter.getreports("passed"):
        for name, told in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {told}")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that depend on the run's seed and the test's name, not on the tests before it."""
    return random.Random(f"{request.config.stash[SEED]} {request.node.nodeid}")
