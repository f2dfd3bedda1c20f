"""A sandbox and a report listener for the tests of the sandbox itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.report_listener import ReportListener
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    """One sandbox with default options, shared by tests that leave no faults behind."""
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def listener() -> Iterator[ReportListener]:
    with ReportListener() as listener:
        yield listener
