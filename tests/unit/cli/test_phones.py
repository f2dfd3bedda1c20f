"""Phones given to a command by its arguments, a pipe or a terminal."""

from __future__ import annotations

import io

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.phones import phones_given, read_phone_given


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_dash_stands_for_the_lines_of_a_pipe_that_are_not_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n\n 2 \n"))

    assert list(phones_given(["0", "-", "3"])) == ["0", "1", "2", "3"]


def test_an_empty_line_ends_what_is_typed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("1\n2\n\n3\n")
    monkeypatch.setattr("sys.stdin", terminal)

    assert list(phones_given(["-"])) == ["1", "2"]


def test_one_phone_is_read_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("600 000 001\n"))

    assert read_phone_given("phone", "-", "ES") == "+34600000001"


def test_a_phone_that_cannot_be_read_is_masked_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("600000001\n"))

    with pytest.raises(RcsInputError, match=r"^phone: '\*{6}001': .* Write it with \+ and the country code\.$"):
        read_phone_given("phone", "-", None)


def test_an_empty_pipe_is_a_missing_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    with pytest.raises(RcsInputError, match="^phone: '': it is missing"):
        read_phone_given("phone", "-", "ES")
