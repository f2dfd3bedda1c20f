"""``airflow-rcs migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_rcs.cli.main import main


def test_it_creates_the_tables_and_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [main(["migrate", "--store-url", f"sqlite:///{tmp_path}/store.db"]) for _ in range(2)]

    assert codes == [0, 0]
    assert capsys.readouterr().out.startswith("The store's tables are at version ")
