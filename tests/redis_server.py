"""A real Redis for tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from examples.demo.home import free_port
from tests.needs import program

_SECONDS_TO_START = 20


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a server that saves nothing, and yield its URL; skip the test if the server is not installed."""
    server, port = program("redis-server", "redis-server"), free_port()
    with subprocess.Popen(
        [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port, process)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return
