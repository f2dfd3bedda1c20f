"""The fixtures of the chaos tests, and the summary that they end with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sizes import FULL
from tests.chaos.stores import DIALECTS, Store, Stores
from tests.sandbox_process import SandboxProcess

_COUNTS = (
    "kills",
    "kills of the database",
    "faults",
    "messages asked for",
    "accepted",
    "twice",
    "lost",
    "in doubt before the reports",
    "in doubt after the reports",
)
_PROPERTY = "chaos"
_NOTE = "chaos note"


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    stores = Stores(lambda: tmp_path_factory.mktemp("store"))
    yield stores
    stores.close()


@pytest.fixture(params=DIALECTS)
def store(request: pytest.FixtureRequest, stores: Stores) -> Store:
    return stores.get(request.param)


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    # One report for each message is enough: these tests are not about the statuses that follow.
    with SandboxProcess(latency=0.02, only_sent_share=1, failed_share=0, report_jitter=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    yield running_sandbox
    running_sandbox.release_reports()
    running_sandbox.wait_until_reports_are_pushed()
    assert running_sandbox.statistics()["twice"] == 0


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Counts for the summary."""
    counts: Counter[str] = Counter()
    yield counts
    # Properties are passed on with a test's report, also from the processes of pytest-xdist.
    request.node.user_properties.append((_PROPERTY, dict(counts)))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Adds a line to the summary, such as the seed of a random choice."""
    return lambda text: request.node.user_properties.append(
        (_NOTE, f"{request.node.nodeid.rpartition('::')[2]}: {text}")
    )


@pytest.fixture
def campaign(store: Store, sandbox: SandboxProcess, tally: Counter[str]) -> Callable[..., CampaignUnderTest]:
    """Creates a campaign whose reports are held back until they are released."""

    def make(people: int = 100, **task: Any) -> CampaignUnderTest:
        return CampaignUnderTest(store, sandbox, tally, people, **task)

    return make


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total: Counter[str] = Counter()
    notes = []
    for name, value in _properties(terminalreporter):
        if name == _PROPERTY:
            total.update(value)
        elif name == _NOTE:
            notes.append(value)
    if total:
        terminalreporter.section(f"chaos, {'full' if FULL else 'small'} size")
        for note in notes:
            terminalreporter.write_line(note)
        for name in _COUNTS:
            terminalreporter.write_line(f"{total[name]:>9,}  {name}")


def _properties(terminalreporter: Any) -> Iterator[tuple[str, Any]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                yield from report.user_properties
