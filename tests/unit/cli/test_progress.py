"""What a command shows while it works."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli import progress
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.cli.terminal import Terminal
from tests.unit.store.given import ANA, BEA, dispatched, suppress

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


@pytest.mark.slow
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


@pytest.fixture
def unseen() -> Iterator[list[str]]:
    """The statements that a command runs while it shows nothing."""
    statements: list[str] = []

    def look(_: object, __: object, statement: str, *___: Any) -> None:
        # While progress is shown, standard output goes to standard error.
        if sys.stdout is not sys.stderr:
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    yield statements
    sa.event.remove(sa.Engine, "before_cursor_execute", look)


@pytest.mark.parametrize(
    "command",
    [
        "migrate",
        "campaigns",
        "campaigns --output json",
        "accounts list",
        "check --repair",
        "cancel spring --reason 'the price is wrong'",
        "resolve spring",
        "resolve spring --as accepted --because 'seen in the panel'",
        "resolve spring --credentials-fixed",
        "refold",
        "refused list",
        "refused retry",
        "suppress add +34600000003 --reason 'said STOP'",
        "suppress remove +34600000002",
        "suppress list",
        "suppress list --show-phones",
        "erase --phone +34600000002 --yes",
        "prune --older-than 180d",
        "prune --older-than 180d --dry-run",
    ],
)
@pytest.mark.slow
def test_a_command_shows_that_it_works_whenever_it_waits_for_the_store(
    command: str, engine: sa.Engine, store_url: str, unseen: list[str]
) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    suppress(engine, BEA)
    unseen.clear()

    assert main([*shlex.split(command), "--store-url", store_url]) == 0

    assert unseen == []
