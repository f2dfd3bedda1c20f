from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.cli.receiver import load_app
from airflow_provider_rcs.receiver.config import REPORTS_LOGIN, REPORTS_PASSWORD, spool_from_environment
from airflow_provider_rcs.store.inbox.landing import ReceivedReports
from tests.stores import sqlite_store
from tests.unit.store.given import NOON


def test_a_store_on_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_RCS_STORE_URL", "mysql://user:secret@host/store")

    with pytest.raises(RcsStoreError) as error:
        load_app()

    assert "secret" not in str(error.value)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the command writes to the environment."""
    for name in ("AIRFLOW_RCS_STORE_URL", "AIRFLOW__RCS__STORE_CONN_ID", "AIRFLOW__RCS__REPORTS_CONN_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_wrong_variable_ends_the_command_with_a_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, workers: str
) -> None:
    monkeypatch.setenv("AIRFLOW_RCS_STORE_URL", sqlite_store(tmp_path / "store.db"))
    monkeypatch.setenv("AIRFLOW_RCS_REPORTS_LOGIN", "reports")
    monkeypatch.delenv("AIRFLOW_RCS_REPORTS_PASSWORD", raising=False)

    code = main(["receiver", "--port", "0", "--workers", workers])

    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err == (
        f"airflow-rcs receiver: {REPORTS_LOGIN} and {REPORTS_PASSWORD}: its password is missing, "
        "so no report can be accepted. Set both.\n"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_store_is_checked_before_the_server_listens(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, workers: str
) -> None:
    code = main(["receiver", "--port", "0", "--workers", workers, "--store-url", f"sqlite:///{tmp_path}/store.db"])

    missing = f"There is no file {tmp_path}/store.db yet: check that the path is right."
    assert (code, *capsys.readouterr()) == (
        2,
        "",
        (
            "airflow-rcs receiver: store: its tables are missing. Make them with: airflow-rcs migrate, or by the "
            f"DAG rcs_maintenance. {missing}\n"
        ),
    )


def test_spools_of_the_store_at_an_earlier_address_are_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setattr("airflow_provider_rcs.receiver.server.serve", lambda *_: None)
    before, now = (spool_from_environment(os.environ, sa.make_url(f"sqlite:///{tmp_path}/{n}.db")) for n in "ab")
    before.append([ReceivedReports(NOON, [Report("13", phone="+34600000001")])])

    code = main(["receiver", "--store-url", sqlite_store(tmp_path / "b.db")])

    assert code == 0
    assert capsys.readouterr().err == (
        f"airflow-rcs receiver: 1 request waits in {before.folder}, the spool of a store with another address or "
        f"login. If that has become this one, move the files, while no receiver of the other runs, to {now.folder}\n"
    )


def test_without_a_store_the_command_says_which_connection_it_looked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["receiver", "--port", "0", "--store-conn-id", "no_such_store"])

    assert code == 2
    assert "the connection 'no_such_store' is not defined" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("connections", "problem"),
    [
        ("panel_es,no_such", "reports-conn-id: the connection 'no_such' is not defined. Define it in Airflow."),
        ("panel_es,panel_pt", "the connection 'panel_pt': its login contains a colon"),
    ],
)
def test_each_connection_that_the_option_names_must_be_able_to_let_reports_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], connections: str, problem: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PANEL_ES", "generic://panel:a-password-of-spain@")
    monkeypatch.setenv("AIRFLOW_CONN_PANEL_PT", "generic://panel%3Apt:a-password-of-portugal@")

    code = main(["receiver", "--port", "0", "--reports-conn-id", connections])

    assert code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_without_a_process_no_receiver_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, workers: str
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.receiver.server.serve", lambda *_: None)
    url = sqlite_store(tmp_path / "store.db")

    code = main(["receiver", "--store-url", url, "--workers", workers])

    assert code == 2
    assert capsys.readouterr().err == (
        f"airflow-rcs receiver: workers: {workers} is no number of processes. Give 1 or more.\n"
    )
