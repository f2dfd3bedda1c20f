"""Reports taken over HTTP: answered once they are durable, against a commit each and against doing nothing.

The three are served by uvicorn in one process, and pushed to by the same connections, one after the other.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.measure import ROUNDS, Measured

REPORTS = 3_000
NAIVE_REPORTS = 600
CONNECTIONS = 32
_LOGIN, _PASSWORD = "bench", "bench-password"
_HEAD = (
    b"POST /rcs/reports HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic "
    + b64encode(f"{_LOGIN}:{_PASSWORD}".encode())
    + b"\r\nContent-Type: application/json\r\nContent-Length: "
)


@dataclass(frozen=True)
class MeasuredAnswers(Measured):
    """Reports a second of each way, and how long its answers took."""

    seconds: Mapping[str, list[float]]

    def _cell(self, way: str) -> str:
        cuts = statistics.quantiles(self.seconds[way], n=100)
        return f"{super()._cell(way)}, p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"


def run(database: str, url: str) -> Measured:
    """Measure it.

    :param url: of a migrated store.
    """
    rates: dict[str, list[float]] = {way: [] for way in _APPLICATIONS}
    seconds: dict[str, list[float]] = {way: [] for way in _APPLICATIONS}
    ports: dict[str, int] = {}
    with _served("ours", url, ports), _served("naive", url, ports), _served("limit", url, ports):
        for _ in range(ROUNDS):
            for way, port in ports.items():
                reports = NAIVE_REPORTS if way == "naive" else REPORTS
                begun = time.perf_counter()
                seconds[way] += asyncio.run(_push(port, reports))
                rates[way].append(reports / (time.perf_counter() - begun))
    return MeasuredAnswers(f"reports taken and durable on {database}", rates, seconds)


async def _push(port: int, reports: int) -> list[float]:
    """Push so many reports, and return how long each answer took."""
    numbers = iter(range(reports))
    seconds: list[float] = []
    await asyncio.gather(*(_push_over_one(port, numbers, seconds) for _ in range(CONNECTIONS)))
    return seconds


async def _push_over_one(port: int, numbers: Iterator[int], seconds: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        body = _body(number)
        begun = time.perf_counter()
        writer.write(_HEAD + b"%d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        seconds.append(time.perf_counter() - begun)
    writer.close()


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


@contextmanager
def _served(way: str, url: str, ports: dict[str, int]) -> Iterator[None]:
    """Serve one of them in a process of its own, and note its port."""
    command = [sys.executable, "-m", "benchmarks.take_reports", way, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise RuntimeError(way)
            ports[way] = int(process.stdout.readline())
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _ours(url: str) -> Any:
    from airflow_provider_rcs.receiver import settings
    from airflow_provider_rcs.receiver.server import app_from_environment

    given = {settings.STORE_URL: url, settings.REPORTS_LOGIN: _LOGIN, settings.REPORTS_PASSWORD: _PASSWORD}
    os.environ.update(given)
    return app_from_environment()


def _naive(url: str) -> Any:
    """Return the handler that a tutorial would write: Starlette, a connection of a pool, a commit for each report."""
    from datetime import UTC, datetime

    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from airflow_provider_rcs.api.wire import read_report
    from airflow_provider_rcs.store.engine import engine_from_url
    from airflow_provider_rcs.store.landing import land

    engine = engine_from_url(url)

    async def take(request: Request) -> JSONResponse:
        report = read_report(await request.json())
        await run_in_threadpool(land, engine, [report], datetime.now(UTC))
        return JSONResponse({"committed": 1})

    return Starlette(routes=[Route("/rcs/reports", take, methods=["POST"])])


def _limit(_url: str) -> Any:
    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"committed":1}'})

    return answer


_APPLICATIONS: Mapping[str, Callable[[str], Any]] = {"ours": _ours, "naive": _naive, "limit": _limit}


def _serve(way: str, url: str) -> None:
    import socket

    import uvicorn

    config = uvicorn.Config(
        _APPLICATIONS[way](url), lifespan="off", ws="none", access_log=False, log_level="warning", proxy_headers=False
    )
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    _serve(*sys.argv[1:])
