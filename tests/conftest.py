"""What every test shares: options of the command line, and the broker."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kafka.broker import Broker, KafkaUnavailable
from tests.registry.server import RegistryServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=3,
        metavar="N",
        help="how many times a crash test kills its process",
    )
    parser.addoption(
        "--kafka-min-pass",
        type=int,
        default=0,
        metavar="N",
        help="fail where fewer tests marked `kafka` pass, or one of them is skipped",
    )
    parser.addoption(
        "--minutes",
        type=float,
        default=1.0,
        metavar="M",
        help="how long a test under load goes on",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Makes slow what `make check` leaves out: of a test marked `thorough` all parameters but the
    first, and comparisons of a function with an oracle on thousands of rows."""
    seen: set[str] = set()
    for item in items:
        function = item.nodeid.partition("[")[0]
        again = item.get_closest_marker("thorough") is not None and function in seen
        seen.add(function)
        if again or "compare" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Counts what passed on Kafka: a broker that is not there must not look like success."""
    least = session.config.getoption("--kafka-min-pass")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not least or reporter is None:
        return
    passed, skipped = (
        sum(
            "kafka" in r.keywords and r.when in ("setup", "call") for r in reporter.getreports(kind)
        )
        for kind in ("passed", "skipped")
    )
    # Of a test that passes only the call is counted as passed.
    reporter.write_line(f"\nkafka: {passed} passed")
    if passed < least or skipped:
        reporter.write_line(f"kafka: {least} have to pass, and none may be skipped ({skipped} are)")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many times a test marked `crash` kills its process."""
    return request.config.getoption("--kills")


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    """How long a test under load goes on."""
    return request.config.getoption("--minutes")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka broker that tests marked `kafka` share; who stops it starts it again."""
    try:
        started = Broker(tmp_path_factory.mktemp("kafka"))
    except KafkaUnavailable as error:
        if os.environ.get("STREAMSQL_REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(f"no Kafka here: {error}")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A schema registry that tests marked `kafka` share."""
    try:
        started = RegistryServer(tmp_path_factory.mktemp("registry"))
    except KafkaUnavailable as error:
        if os.environ.get("STREAMSQL_REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(f"no schema registry here: {error}")
    yield started
    started.stop()
