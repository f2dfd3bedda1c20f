"""What all commands of ``airflow-rcs`` have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

from airflow_provider_rcs import __version__
from airflow_provider_rcs.cli import migrate
from airflow_provider_rcs.cli.main import main

PROCESS_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"
COMMANDS = [
    "sandbox",
    "receiver",
    "migrate",
    "preview",
    "campaigns",
    "accounts",
    "cancel",
    "resolve",
    "erase",
    "prune",
    "refold",
    "refused",
    "suppress",
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
        f"DAG rcs_maintenance. There is no file {tmp_path}/store.db yet: check that the path is right.\n"
    )


def test_an_unusable_store_url_is_an_error_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["migrate", "--store-url", "oracle-of-delphi://me:secret@host/db"])

    assert code == 2
    error = capsys.readouterr().err
    assert "its URL cannot be used" in error
    assert "secret" not in error


@pytest.mark.parametrize(("given", "during"), [(None, "server"), ("client", "client")])
def test_connections_are_looked_up_as_airflows_commands_do_unless_a_process_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str | None, during: str
) -> None:
    if given is None:
        monkeypatch.delenv(PROCESS_CONTEXT, raising=False)
    else:
        monkeypatch.setenv(PROCESS_CONTEXT, given)
    seen: list[str | None] = []
    monkeypatch.setattr(migrate, "run", lambda _: seen.append(os.environ.get(PROCESS_CONTEXT)))

    main(["migrate"])

    assert seen == [during]
    assert os.environ.get(PROCESS_CONTEXT) == given


def test_a_task_that_runs_a_command_looks_connections_up_in_the_tasks_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", object(), raising=False)
    backends: list[str] = []
    monkeypatch.setattr(
        migrate, "run", lambda _: backends.extend(type(each).__name__ for each in ensure_secrets_backend_loaded())
    )

    main(["migrate"])

    assert "ExecutionAPISecretsBackend" in backends
    assert "MetastoreBackend" not in backends
