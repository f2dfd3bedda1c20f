"""What all commands of ``airflow-rcs`` have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_rcs import __version__
from airflow_provider_rcs.cli.main import main

COMMANDS = [
    "sandbox",
    "receiver",
    "migrate",
    "preview",
    "campaigns",
    "cancel",
    "resolve",
    "erase",
    "prune",
    "refold",
    "refused",
]


def test_version_prints_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"airflow-provider-rcs {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"usage: airflow-rcs {command}")
    assert printed.err == ""


def test_a_store_without_tables_is_an_error_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["campaigns", "--store-url", f"sqlite:///{tmp_path}/store.db"])

    assert code == 2
    assert capsys.readouterr().err == (
        "airflow-rcs campaigns: store: its tables are missing. Make them with: airflow-rcs migrate, or by the "
        "DAG rcs_maintenance\n"
    )


def test_an_unusable_store_url_is_an_error_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["migrate", "--store-url", "oracle-of-delphi://me:secret@host/db"])

    assert code == 2
    error = capsys.readouterr().err
    assert "its URL cannot be used" in error
    assert "secret" not in error
