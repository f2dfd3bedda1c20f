"""Pushing reports to an ASGI application, and reading what it stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import sqlalchemy as sa

from airflow_provider_rcs.receiver.auth import Credentials
from airflow_provider_rcs.store.db import inbox_tables
from tests.pushed_report import PUSHED

LOGIN, PASSWORD = "reports", "contraseña"
CREDENTIALS = Credentials.of(LOGIN, PASSWORD, where="the test")
LOOK_UPS = {"rcs_reports": lambda: CREDENTIALS}


def client(app: Any, *, root_path: str = "") -> httpx.AsyncClient:
    """Return a client with the right credentials."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, root_path=root_path),
        base_url="http://receiver",
        auth=httpx.BasicAuth(LOGIN, PASSWORD),
    )


def push(app: Any, path: str = "/rcs/reports", method: str = "POST", **request: Any) -> httpx.Response:
    """Make one request; by default it pushes the example report of the API document."""
    if not request.keys() & {"json", "data", "files", "content"} and method == "POST":
        request["json"] = PUSHED

    async def go() -> httpx.Response:
        async with client(app) as pusher:
            return await pusher.request(method, path, **request)

    return run(go())


def run(work: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    return asyncio.run(work)


def stored(engine: sa.Engine) -> list[Any]:
    """Return the committed reports, as other processes see them."""
    return _rows(engine, inbox_tables.report)


def stored_refused(engine: sa.Engine) -> list[Any]:
    """Return the bodies that were refused and stored."""
    return _rows(engine, inbox_tables.report_refused)


def _rows(engine: sa.Engine, table: sa.Table) -> list[Any]:
    other = sa.create_engine(engine.url)
    try:
        with other.connect() as connection:
            return list(connection.execute(sa.select(table).order_by(table.c.id)))
    finally:
        other.dispose()


def wait_until(condition: Callable[[], object], limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"the condition did not become true within {limit} s"
        time.sleep(0.01)
