"""A sandbox and a store behind the default connections, and the command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_rcs.cli.main import main
from tests.integration.operators.conftest import running_sandbox, sandbox, store

__all__ = ["Doctor", "running_sandbox", "sandbox", "store"]

Doctor = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_RCS_STORE_URL", "AIRFLOW_RCS_SPOOL", "AIRFLOW_RCS_REPORTS_LOGIN", "AIRFLOW_CONN_RCS_DEFAULT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run ``airflow-rcs doctor``, and return its exit code and what it prints."""

    def run(*options: str) -> tuple[int, str]:
        code = main(["doctor", *options])
        return code, capsys.readouterr().out

    return run
