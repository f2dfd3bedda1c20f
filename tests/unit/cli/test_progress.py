"""What a command shows while it works."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.cli import progress
from airflow_provider_rcs.cli.progress import progress_of
from tests.unit.cli.terminal import Terminal

# Shown at once, so that no test waits two seconds.
PRUNING = """
import sys
from airflow_provider_rcs.cli import progress

progress._SECONDS_BEFORE_IT_IS_SHOWN = float(sys.argv[1])
with progress.progress_of("Pruning") as show:
    if sys.argv[1] == "0":
        sys.stdin.readline()
        show("Pruned so far: 7")
        sys.stdin.readline()
print("7 rows pruned")
"""
REMOVE_LINE = "\x1b[2K"


def test_a_terminal_shows_how_far_the_work_is_until_it_is_done() -> None:
    with Terminal(PRUNING, "0") as terminal:
        terminal.show_until("Pruning")
        terminal.type("\n")
        terminal.show_until("Pruned so far: 7")
        terminal.type("\n")
        shown = terminal.show_all()

    assert "0:00:0" in shown
    assert shown.rpartition("Pruned so far: 7")[2].count(REMOVE_LINE) >= 1
    assert shown.endswith("7 rows pruned\n")


def test_work_that_is_done_at_once_shows_nothing() -> None:
    with Terminal(PRUNING, "3600") as terminal:
        assert terminal.show_all() == "7 rows pruned\n"


def test_standard_output_of_a_program_on_a_terminal_has_no_progress() -> None:
    with Terminal(PRUNING, "0", is_piped=True) as terminal:
        terminal.show_until("Pruning")
        terminal.type("\n\n")
        shown = terminal.show_all()
        piped, _ = terminal.process.communicate()

    assert piped == b"7 rows pruned\n"
    assert "rows pruned" not in shown


def test_without_a_terminal_there_are_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of("Pruning") as show:
        show("Pruned so far: 7")

    assert capsys.readouterr() == ("", "Pruned so far: 7\n")


def test_what_libraries_print_meanwhile_does_not_get_among_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_of("Opening the store"):
        print("[warning] of Airflow")
    print("a row")

    assert capsys.readouterr() == ("a row\n", "[warning] of Airflow\n")


def test_an_error_ends_the_progress_and_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConnectionError), progress_of("Opening the store"):
        raise ConnectionError
    print("a row")

    assert capsys.readouterr().out == "a row\n"


def test_progress_is_shown_after_two_seconds() -> None:
    assert progress._SECONDS_BEFORE_IT_IS_SHOWN == 2.0
