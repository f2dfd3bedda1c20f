from __future__ import annotations

import socket
from pathlib import Path

import pytest

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.server import serve
from airflow_provider_rcs.store.db.engine import engine_from_url


def test_the_store_is_checked_before_the_server_listens(tmp_path: Path) -> None:
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    with pytest.raises(RcsStoreError, match="its tables are missing"):
        serve(lambda: ReportsApp(lambda: without_tables, lambda: None), port=0)

    without_tables.dispose()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_an_error_that_names_it(app: ReportsApp, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(RcsInputError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            serve(lambda: app, "127.0.0.1", port, workers)
