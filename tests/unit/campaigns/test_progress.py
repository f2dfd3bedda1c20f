from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.campaigns.progress import shown_progress
from airflow_provider_rcs.sending.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Shell:
    """The part of a kernel's shell that shows something below the cell."""

    def __init__(self, *, is_closed: bool = False) -> None:
        self.kernel = object()
        self.display_pub = self
        self.published: list[tuple[str, str, bool]] = []
        self._is_closed = is_closed

    def publish(self, data: dict[str, str], *, transient: dict[str, str], update: bool) -> None:
        if self._is_closed:
            raise OSError("closed")
        self.published.append((data["text/html"], transient["display_id"], update))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    in_kernel(monkeypatch, shell)
    return shell


def in_kernel(monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def accept(progress: Progress, messages: int) -> None:
    progress.settled([Outcome("+34600000001", MessageState.ACCEPTED)] * messages)


def test_a_script_that_nobody_watches_has_its_progress_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.sending.progress.SECONDS_BETWEEN_LINES", 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    with caplog.at_level(logging.INFO), shown_progress("spring") as show:
        accept(Progress("spring", 3, show), 2)

    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Campaign spring: 2 of 3 recipients processed: 2 accepted; ")


def test_a_terminal_has_a_bar_and_no_lines_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.sending.progress.SECONDS_BETWEEN_LINES", 0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")

    with caplog.at_level(logging.INFO), shown_progress("[red]spring") as show:
        accept(Progress("[red]spring", 3, show), 2)

    assert "Campaign [red]spring: 2 of 3 recipients processed: 2 accepted" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert caplog.messages == []


def test_a_kernel_has_one_bar_that_is_updated(shell: Shell) -> None:
    with shown_progress("<spring>") as show:
        progress = Progress("<spring>", 3, show)
        accept(progress, 1)
        accept(progress, 1)

    (first, its_id, first_updates), (last, last_id, last_updates) = shell.published
    text = "Campaign &lt;spring&gt;: {0} of 3 recipients processed: {0} accepted"
    assert first == f'<progress value="1" max="3"></progress> {text.format(1)}'
    assert last == f'<progress value="3" max="3"></progress> {text.format(2)}'
    assert its_id == last_id
    assert (first_updates, last_updates) == (False, True)


def test_the_bar_of_a_send_that_was_interrupted_stays_where_it_was(shell: Shell) -> None:
    with suppress(KeyboardInterrupt), shown_progress("spring") as show:
        accept(Progress("spring", 3, show), 2)
        raise KeyboardInterrupt

    assert '<progress value="2" max="3">' in shell.published[-1][0]


def test_a_bar_that_cannot_be_shown_does_not_stop_the_send(monkeypatch: pytest.MonkeyPatch) -> None:
    in_kernel(monkeypatch, Shell(is_closed=True))

    with shown_progress("spring") as show:
        progress = Progress("spring", 3, show)
        accept(progress, 2)

    assert progress.processed == 2


def test_ipython_in_a_terminal_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    in_kernel(monkeypatch, SimpleNamespace())
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    with shown_progress("spring") as show:
        assert show is None
