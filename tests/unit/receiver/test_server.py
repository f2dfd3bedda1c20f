from __future__ import annotations

import socket

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.server import serve


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_an_error_that_names_it(app: ReportsApp, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(RcsInputError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            serve(lambda: app, "127.0.0.1", port, workers)
