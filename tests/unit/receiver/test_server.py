from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.server import UVICORN_OPTIONS, prepare_process, serve
from tests.unit.receiver.pushing import wait_until


class ExitedError(Exception):
    """Raised in place of ending the process, with its status."""


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(status: int) -> None:
        raise ExitedError(status)

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(logging, "shutdown", lambda: None)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[..., None]]:
    """The signal handlers that are set: signal -> handler."""
    found: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(signal, "signal", found.__setitem__)
    return found


def load_app() -> ReportsApp:
    raise AssertionError("only uvicorn's processes load the application")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_an_error_that_says_what_to_do(app: ReportsApp, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        problem = rf"cannot listen on 127\.0\.0\.1:{port} \(Address already in use.*\)"
        with pytest.raises(RcsInputError, match=rf"^host and port: {problem}\. Choose another host or port\.$"):
            serve(lambda: app, "127.0.0.1", port, workers)


def test_a_port_that_no_machine_has_is_an_error_that_says_what_to_do(app: ReportsApp) -> None:
    with pytest.raises(RcsInputError, match=r"cannot listen on 127\.0\.0\.1:70000 \(.*0-65535.*\)\. Choose another"):
        serve(lambda: app, "127.0.0.1", 70_000, 1)


def can_listen(host: str) -> bool:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        pytest.param(
            "::1", "[::1]", marks=pytest.mark.skipif(not can_listen("::1"), reason="this machine has no IPv6")
        ),
    ],
)
def test_the_address_is_printed_once_the_server_accepts_connections(
    host: str,
    shown: str,
    exits: None,
    handlers: dict[int, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ports: list[int] = []
    before: list[str] = []
    printed: list[str] = []

    def is_printed() -> bool:
        printed.append(capsys.readouterr().out)
        return "".join(printed).endswith("\n")

    def run(path: str, *, host: str, port: int, **options: Any) -> None:
        before.append(capsys.readouterr().out)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family):
            wait_until(is_printed)
        ports.append(port)

    monkeypatch.setattr(uvicorn, "run", run)

    with pytest.raises(ExitedError, match="0"):
        serve(load_app, host, 0)

    assert before == [""]
    assert "".join(printed) == f"receiver ready on http://{shown}:{ports[0]}/rcs/reports\n"


def test_every_process_serves_the_application_with_the_options_of_the_receiver(
    exits: None, handlers: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    before = set(threading.enumerate())
    started: set[threading.Thread] = set()

    def run(path: str, **options: Any) -> None:
        given.update(options, path=path)
        started.update(set(threading.enumerate()) - before)

    monkeypatch.setattr(uvicorn, "run", run)

    with pytest.raises(ExitedError, match="0"):
        serve(load_app, "127.0.0.1", 0, 3)

    port = given.pop("port")
    assert port > 0
    assert given == {
        **UVICORN_OPTIONS,
        "path": f"{__name__}:load_app",
        "factory": True,
        "host": "127.0.0.1",
        "workers": 3,
    }
    assert [each for each in started if not each.daemon] == []
    socket.create_server(("127.0.0.1", port)).close()


def test_a_process_that_is_told_to_stop_ends_without_an_error(
    exits: None, handlers: dict[int, Callable[..., None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(path: str, *, workers: int, **options: Any) -> None:
        assert workers == 1
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        raise AssertionError("the handler ends the process")

    monkeypatch.setattr(uvicorn, "run", run)

    with pytest.raises(ExitedError, match="0"):
        serve(load_app, "127.0.0.1", 0)


@pytest.mark.slow
def test_a_worker_stops_when_its_supervisor_has_exited(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor, its_end = multiprocessing.Pipe()
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=its_end))
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))
    before = set(threading.enumerate())

    prepare_process()
    waiting = [(each.daemon, each.is_alive()) for each in threading.enumerate() if each not in before]
    killed_before = list(killed)
    supervisor.close()
    wait_until(lambda: killed)

    assert waiting == [(True, True)]
    assert killed_before == []
    assert killed == [(os.getpid(), signal.SIGTERM)]


def test_a_single_process_has_no_supervisor_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    before = set(threading.enumerate())

    prepare_process()

    assert set(threading.enumerate()) - before == set()


def test_what_is_loaded_before_the_first_request_is_not_searched_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: steps.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: steps.append("freeze"))

    prepare_process()

    assert steps == ["collect", "freeze"]
