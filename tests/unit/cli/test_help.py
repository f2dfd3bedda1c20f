"""The help of each command and action ends with an example, which can be typed."""

from __future__ import annotations

import argparse
import shlex
from importlib import import_module

import pytest

from airflow_provider_rcs.cli.main import COMMANDS, main


def actions_of(command: str) -> list[str]:
    parser = argparse.ArgumentParser()
    import_module(f"airflow_provider_rcs.cli.{command}").add_arguments(parser)
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return [f"{command} {action}" for group in groups for action in group.choices]


ALL = [each for command in COMMANDS for each in (command, *actions_of(command))]


@pytest.mark.parametrize("command", ALL)
def test_help_ends_with_an_example_in_one_line_that_can_be_typed(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = command.split()
    monkeypatch.setattr(import_module(f"airflow_provider_rcs.cli.{words[0]}"), "run", lambda _: None)

    with pytest.raises(SystemExit):
        main([*words, "--help"])
    *_, before, example = capsys.readouterr().out.splitlines()

    assert before == ""
    assert example.startswith(f"Example: airflow-rcs {command}")
    assert main(shlex.split(example)[2:]) == 0


def test_the_commands_that_have_actions_are_known() -> None:
    assert {each for each in ALL if each.endswith(" list")} == {"accounts list", "refused list", "suppress list"}
