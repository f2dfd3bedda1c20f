"""The summary that a soak ends with, also where it ran in a process of its own."""

from __future__ import annotations

import pytest

SUMMARY = "soak"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for report in reports:
        for name, text in report.user_properties:
            if name == SUMMARY:
                terminalreporter.section(name)
                terminalreporter.write_line(str(text))
