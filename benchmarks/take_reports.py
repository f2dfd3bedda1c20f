"""Reports received over HTTP and answered once they are committed.

Two applications are the limits: one checks the credentials and reads the report, as every receiver must; the other does
nothing, which is the limit of the server itself. The receiver's server runs each application in a process of its own,
and the same connections push to one after the other. If other work keeps the machine busy, compare the CPU time of a
report rather than the rates.
"""

from __future__ import annotations

import gc
import os
import signal
import statistics
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import orjson
import psutil

from benchmarks.measure import ROUNDS, Measured, sized
from benchmarks.pushing import push

REPORTS = sized(20_000)
NAIVE_REPORTS = 600
CONNECTIONS = 64
_LOGIN, _PASSWORD = "bench", "bench-password"
_HEAD = (
    b"POST /rcs/reports HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic "
    + b64encode(f"{_LOGIN}:{_PASSWORD}".encode())
    + b"\r\nContent-Type: application/json\r\nContent-Length: "
)


@dataclass(frozen=True)
class MeasuredAnswers(Measured):
    """Reports per second of each way, with the duration of its answers and the CPU time of its server.

    :param seconds: duration of each answer.
    :param processor: CPU seconds of the server's process for a report, round by round.
    """

    seconds: Mapping[str, list[float]]
    processor: Mapping[str, list[float]]

    def row(self) -> str:
        """Return the row of the table, with both limits and the ratio of ours to each."""
        ours, naive, reading, nothing = (self.median(way) for way in _APPLICATIONS)
        limits = f"reads, stores nothing: {self._cell('reading')}; does nothing: {self._cell('nothing')}"
        ratios = f"{ours / naive:.1f} | {ours / reading:.2f} of reading, {ours / nothing:.2f} of nothing"
        return f"| {self.what} | {self._cell('ours')} | {self._cell('naive')} | {limits} | {ratios} |"

    def _cell(self, way: str) -> str:
        cuts = statistics.quantiles(self.seconds[way], n=100)
        taken = statistics.median(self.processor[way]) * 1_000_000
        return (
            f"{super()._cell(way)}, {taken:.0f} µs of CPU, p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        )


def run(database: str, url: str) -> Measured:
    """Measure receiving.

    :param url: URL of a migrated store.
    """
    rates: dict[str, list[float]] = {way: [] for way in _APPLICATIONS}
    seconds: dict[str, list[float]] = {way: [] for way in _APPLICATIONS}
    processor: dict[str, list[float]] = {way: [] for way in _APPLICATIONS}
    requests = [_request(number) for number in range(REPORTS)]
    with ExitStack() as stack:
        servers = {way: stack.enter_context(_served(way, url)) for way in _APPLICATIONS}
        for _ in range(ROUNDS):
            for way, server in servers.items():
                reports = NAIVE_REPORTS if way == "naive" else REPORTS
                before = server.processor_seconds()
                taken, of_each = push(server.port, requests[:reports], CONNECTIONS)
                processor[way].append((server.processor_seconds() - before) / reports)
                seconds[way] += of_each
                rates[way].append(reports / taken)
    return MeasuredAnswers(f"reports received and committed on {database}", rates, seconds, processor)


def _request(number: int) -> bytes:
    body = _body(number)
    return _HEAD + b"%d\r\n\r\n" % len(body) + body


def _body(number: int) -> bytes:
    return orjson.dumps(
        {
            "Servicio": "RCS",
            "Estado": "13",
            "Agente": "my-rcs-agent",
            "Destinatario": f"346{number:08d}",
            "RefCampaign": "12333-4545-23233",
            "RefMensaje": f"customer-{number}",
            "Fecha": "2026-03-01 11:14:24",
            "idCampaign": "10573758",
            "idMensaje": str(number),
        }
    )


@dataclass(frozen=True)
class _Server:
    port: int
    process: psutil.Process

    def processor_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def _served(way: str, url: str) -> Iterator[_Server]:
    """Run an application in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.take_reports", way, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise RuntimeError(way)
            yield _Server(int(process.stdout.readline()), psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)


def _ours(url: str) -> Any:
    from airflow_provider_rcs.cli.receiver import load_app
    from airflow_provider_rcs.get_provider_info import STORE_URL_VARIABLE
    from airflow_provider_rcs.receiver import config

    given = {STORE_URL_VARIABLE: url, config.REPORTS_LOGIN: _LOGIN, config.REPORTS_PASSWORD: _PASSWORD}
    os.environ.update(given)
    return load_app()


def _naive(url: str) -> Any:
    from benchmarks.naive_reports import application

    return application(url, _LOGIN, _PASSWORD)


def _reading(_url: str) -> Any:
    """Return an application that only checks the credentials and reads the report."""
    from airflow_provider_rcs.receiver.responses import UNAUTHORIZED, Saved, all_saved, not_understood

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope["headers"])[b"authorization"].removeprefix(b"Basic ")
        login, _, password = b64decode(given).partition(b":")
        if not compare_digest(login, _LOGIN.encode()) & compare_digest(password, _PASSWORD.encode()):
            return await UNAUTHORIZED.send(send)
        if not orjson.loads((await receive())["body"])["Estado"]:
            return await not_understood("a report has no status", Saved.COMMITTED, 0).send(send)
        return await all_saved(Saved.COMMITTED, 1).send(send)

    return answer


def _nothing(_url: str) -> Any:
    """Return an application that only answers as the receiver does."""
    from airflow_provider_rcs.receiver.responses import Saved, all_saved

    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await all_saved(Saved.COMMITTED, 1).send(send)

    return answer


_APPLICATIONS: Mapping[str, Callable[[str], Any]] = {
    "ours": _ours,
    "naive": _naive,
    "reading": _reading,
    "nothing": _nothing,
}


def _serve(way: str, url: str) -> None:
    import socket

    import uvicorn

    from airflow_provider_rcs.receiver.server import UVICORN_OPTIONS

    config = uvicorn.Config(_APPLICATIONS[way](url), **{**UVICORN_OPTIONS, "lifespan": "off"})
    config.load()
    gc.collect()
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    _serve(*sys.argv[1:])
