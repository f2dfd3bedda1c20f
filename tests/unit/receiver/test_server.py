from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.receiver.__main__ import main
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.server import app_from_environment, run
from airflow_provider_rcs.store.db.engine import engine_from_url


def test_without_a_store_url_the_command_exits_with_a_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_RCS_STORE_URL", raising=False)
    monkeypatch.setattr(sys, "argv", ["receiver", "--port", "0"])

    code = main()

    assert (code, capsys.readouterr()) == (
        2,
        ("", "AIRFLOW_RCS_STORE_URL: it is not set. Set it to the SQLAlchemy URL of the store.\n"),
    )


def test_a_store_on_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_RCS_STORE_URL", "mysql://user:secret@host/store")

    with pytest.raises(RcsStoreError) as error:
        app_from_environment()

    assert "secret" not in str(error.value)


def test_the_store_is_checked_before_the_server_listens(tmp_path: Path) -> None:
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    with pytest.raises(RcsStoreError, match="its tables are missing"):
        run(ReportsApp(lambda: without_tables, lambda: None), port=0)

    without_tables.dispose()


def test_a_port_in_use_is_an_error_that_names_it(app: ReportsApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(RcsInputError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            run(app, "127.0.0.1", port)
