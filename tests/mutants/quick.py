"""A plugin of pytest for runs that ask only whether anything fails."""

import hypothesis


def pytest_configure() -> None:
    """A failure tells enough: what is the smallest example of it does not matter."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", deadline=None, database=None, phases=phases)
    hypothesis.settings.load_profile("mutants")
