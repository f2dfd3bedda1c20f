"""``airflow-rcs migrate``, by several processes at once, as the containers of a deployment run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import newest_version, require_migrated
from tests.receiver_process import COMMAND

PROCESSES = 8


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_eight_migrations_at_once_all_succeed(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    is_sqlite = database == "sqlite"
    url = f"sqlite:///{tmp_path}/store.db" if is_sqlite else request.getfixturevalue("postgres_url")

    started = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, "migrate", "--store-url", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]

    assert {(printed, code) for printed, _, code in ended} == {
        (f"The store's tables are at version {newest_version()}.\n", 0)
    }, [error for _, error, _ in ended]
    engine = engine_from_url(url)
    require_migrated(engine)
    engine.dispose()
