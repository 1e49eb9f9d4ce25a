"""What every test shares: options of the command line."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=3,
        metavar="N",
        help="how many times a crash test kills its process",
    )


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many times a test marked `crash` kills its process."""
    return request.config.getoption("--kills")
