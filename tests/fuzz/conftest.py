"""How long the fuzzing is: a moment in every run, and as long as it takes with `--fuzz` (`scripts/test --fuzz`)."""

import pytest


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether `--fuzz` was given."""
    return bool(request.config.getoption("--fuzz"))
