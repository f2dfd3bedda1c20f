"""``--output``: rows for people on a terminal and in a pipe, and for programs."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from enum import StrEnum

import pytest
import yaml

from airflow_provider_rcs.api.tables import Column, Row
from airflow_provider_rcs.cli.output import OUTPUTS, print_note, print_rows
from tests.unit.cli.terminal import Terminal

MADRID = timezone(timedelta(hours=2))


class Colour(StrEnum):
    RED = "red"


ROWS = [
    {"name": "spring", "sent": 1200, "at": datetime(2026, 5, 1, 14, 0, tzinfo=MADRID), "by": {"RCS": 2, "": 1}},
    {"name": "el otoño [red]\n", "sent": 7, "at": None, "by": {}},
]
COLUMNS = [Column("name", "name", lambda row: row["name"].strip()), Column("sent", "sent"), Column("at", "at (UTC)")]

ON_A_TERMINAL = """
import argparse
from airflow_provider_rcs.api.tables import Column
from airflow_provider_rcs.cli.output import print_rows, print_styled

columns = [Column(key, key) for key in ("name", "sent", "reason")]
rows = [{"name": "[red]spring", "sent": 1200, "reason": "a reason that is long enough to be broken into two lines"}]
print_rows(argparse.Namespace(output="table"), columns, rows, styles={"sent": lambda row: "yellow"})
print_styled("failed", "bold red", "   store")
"""


def printed(capsys: pytest.CaptureFixture[str], output: str, rows: list[Row]) -> str:
    print_rows(argparse.Namespace(output=output), COLUMNS, rows)
    return capsys.readouterr().out


def test_a_table_in_a_pipe_is_plain_text_with_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "table", [*ROWS]).splitlines() == [
        "name             sent  at (UTC)",
        "--------------  -----  ----------------",
        "spring          1,200  2026-05-01 14:00",
        "el otoño [red]      7  -",
    ]


def test_json_has_all_keys_and_moments_in_iso_8601_and_utc(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, "json", [*ROWS])) == [
        {"name": "spring", "sent": 1200, "at": "2026-05-01T12:00:00+00:00", "by": {"RCS": 2, "": 1}},
        {"name": "el otoño [red]\n", "sent": 7, "at": None, "by": {}},
    ]


def test_yaml_has_what_json_has(capsys: pytest.CaptureFixture[str]) -> None:
    as_json = printed(capsys, "json", [*ROWS])

    assert yaml.safe_load(printed(capsys, "yaml", [*ROWS])) == json.loads(as_json)


def test_plain_text_has_a_line_for_each_row_with_keys_above(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "plain", [*ROWS]).splitlines() == [
        "name            sent  at                         by",
        "spring          1200  2026-05-01T12:00:00+00:00  RCS=2,-=1",
        "el otoño [red]     7  -                          -",
    ]


@pytest.mark.parametrize(("output", "nothing"), [("json", "[]\n"), ("yaml", "[]\n"), ("plain", "")])
def test_a_program_can_read_that_there_are_no_rows(
    capsys: pytest.CaptureFixture[str], output: str, nothing: str
) -> None:
    print_rows(argparse.Namespace(output=output), COLUMNS, [], nothing="No campaign.")

    assert capsys.readouterr() == (nothing, "No campaign.\n")


def test_a_person_reads_that_there_are_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(argparse.Namespace(output="table"), COLUMNS, [], nothing="No campaign.")

    assert capsys.readouterr() == ("No campaign.\n", "")


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_note_is_printed_where_no_program_takes_it_for_a_row(capsys: pytest.CaptureFixture[str], output: str) -> None:
    print_note(argparse.Namespace(output=output), "\nReports are overdue.")

    expected = ("\nReports are overdue.\n", "") if output == "table" else ("", "Reports are overdue.\n")
    assert capsys.readouterr() == expected


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_an_enum_is_its_value(capsys: pytest.CaptureFixture[str], output: str) -> None:
    print_rows(argparse.Namespace(output=output), (), [{"level": Colour.RED}])

    assert yaml.safe_load(capsys.readouterr().out) == [{"level": "red"}]


@pytest.mark.slow
@pytest.mark.parametrize("output", ["json", "yaml", "table"])
def test_rows_are_printed_before_all_of_them_are_read(capsys: pytest.CaptureFixture[str], output: str) -> None:
    def broken() -> Iterator[Row]:
        for number in range(3_000):
            yield {"name": f"campaign {number}", "sent": number, "at": None}
        raise ConnectionError

    with pytest.raises(ConnectionError):
        print_rows(argparse.Namespace(output=output), COLUMNS, broken())

    assert "campaign 999" in capsys.readouterr().out


def test_a_table_on_a_terminal_has_colours_and_breaks_texts_alone() -> None:
    with Terminal(ON_A_TERMINAL, columns=50) as terminal:
        shown = terminal.show_all()

    assert "\x1b[33m1,200\x1b[0m" in shown
    assert "\x1b[1;31mfailed\x1b[0m   store" in shown
    assert "[red]spring" in shown
    assert "a reason that is long enough to be broken into two lines" not in shown


def test_a_terminal_that_is_too_narrow_gets_names_and_numbers_whole() -> None:
    with Terminal(ON_A_TERMINAL, columns=12) as terminal:
        shown = terminal.show_all()

    assert re.search(r"\[red\]spring +\x1b\[33m1,200\x1b\[0m +a reason", shown)


def test_a_pipe_of_a_program_on_a_terminal_gets_neither_colours_nor_broken_lines() -> None:
    with Terminal(ON_A_TERMINAL, columns=50, is_piped=True) as terminal:
        piped, _ = terminal.process.communicate()

    assert piped.decode().splitlines() == [
        "name          sent  reason",
        "-----------  -----  --------------------------------------------------------",
        "[red]spring  1,200  a reason that is long enough to be broken into two lines",
        "failed   store",
    ]
