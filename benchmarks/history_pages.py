"""The views of the RCS page on a store with a past, as requests; writes ``HISTORY_OF_PAGES.md``.

``python -m benchmarks.history_pages --campaigns 50`` measures less, and only prints.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.read.campaign_list import read_page
from benchmarks.big_store import Past, fill
from benchmarks.history import past_given, printed, store
from benchmarks.used_server import used_server
from tests.databases import fresh_database

PAGE = Path(__file__).parent / "HISTORY_OF_PAGES.md"
# Small campaigns in the second store for each large one of the first: the list reads counts, not messages.
SMALL_CAMPAIGNS_EACH = 20
_HEADER = ("| view | median | longest |", "| --- | --- | --- |")
_ROUNDS = 20
_FAILED_EACH = 20


def rows(engine: sa.Engine, past: Past) -> Iterator[str]:
    """Yield the rows of large campaigns, for a store that is filled."""
    newest = f"past-{past.campaigns}"
    _fail_some(engine, past.campaigns)
    yield from _measured(
        engine,
        {
            f"campaigns: the first of {past.campaigns:,}": "/",
            f"one campaign of {past.recipients:,}": f"/campaigns/past-{past.campaigns - 1}",
            f"the same with a failure in {_FAILED_EACH}": f"/campaigns/{newest}",
            "health": "/status",
        },
    )


def rows_of_many_campaigns(engine: sa.Engine, campaigns: int) -> Iterator[str]:
    """Fill a migrated store with small campaigns, and yield the rows of its list."""
    fill(engine, Past(campaigns, recipients=10))
    first = read_page(engine, None, datetime.now(UTC))
    last = -(-first.total // first.size)
    yield from _measured(
        engine,
        {
            f"campaigns: the first of {campaigns:,}": "/",
            f"campaigns: the last of {campaigns:,}": f"/?page={last}",
            f"a search that finds one of {campaigns:,}": f"/?search=past-{campaigns}",
            f"a search that finds all {campaigns:,}": "/?search=past",
            f"a search that finds none of {campaigns:,}": "/?search=nowhere",
        },
    )


def _fail_some(engine: sa.Engine, campaign_id: int) -> None:
    """Turn some messages of a campaign into failed ones; triggers count them."""
    failed = DeliveryStatus.FAILED
    some = sa.and_(message.c.campaign_id == campaign_id, message.c.id % _FAILED_EACH == 0)
    changed = {"delivery_status": failed, "delivery_rank": failed.rank, "delivery_code": "50"}
    with engine.begin() as connection:
        connection.execute(message.update().where(some).values(changed))


def _measured(engine: sa.Engine, views: Mapping[str, str]) -> Iterator[str]:
    """Request each view as a visitor who may see everything, and yield its row."""
    seconds = asyncio.run(_request_all(_application(engine), list(views.values())))
    for what, each in zip(views, seconds, strict=True):
        yield f"| {what} | {1000 * statistics.median(each):,.0f} ms | {1000 * max(each):,.0f} ms |"


def _application(engine: sa.Engine) -> FastAPI:
    """Return the page, with Airflow's simple auth manager and a visitor who is logged in."""
    # Here: Airflow loads slowly, and reads its configuration from the environment.
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    from airflow_provider_rcs.ui.app import create_app
    from airflow_provider_rcs.ui.pages import Pages

    create_auth_manager()
    app = create_app(Pages(lambda: engine, lambda: None, list, lambda _dag_ids: []))
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="bench", role="ADMIN")
    return app


async def _request_all(app: FastAPI, paths: list[str]) -> list[list[float]]:
    """Return the seconds of each request for each path; a first one, which compiles templates, does not count."""
    transport = httpx.ASGITransport(app, root_path="/rcs")
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
        return [[await _request(client, path) for _ in range(_ROUNDS + 1)][1:] for path in paths]


async def _request(client: httpx.AsyncClient, path: str) -> float:
    begun = time.perf_counter()
    response = await client.get(f"/rcs{path}")
    seconds = time.perf_counter() - begun
    response.raise_for_status()
    return seconds


def main() -> None:
    """Fill the stores, measure, and write the page if everything was measured at full size."""
    past = past_given(__doc__)
    lines: list[str] = []
    with used_server() as server:
        with fresh_database(server) as url, store(url, past) as engine:
            lines += printed(rows(engine, past))
        with fresh_database(server) as url, store(url) as engine:
            lines += printed(rows_of_many_campaigns(engine, past.campaigns * SMALL_CAMPAIGNS_EACH))
    if past == Past():
        PAGE.write_text(_page(past, lines), encoding="utf-8")


def _page(past: Past, lines: list[str]) -> str:
    return "\n".join(
        [
            "# The RCS page on a store with a past",
            "",
            f"Written by `python -m benchmarks.history_pages`: {_ROUNDS} requests a view, after a first one that does",
            "not count, through the page's application, with Airflow's simple auth manager and a visitor who may see",
            f"all. PostgreSQL has had {past.campaigns} campaigns, {past.messages:,} messages and {2 * past.messages:,}",
            f"reports; a second store {past.campaigns * SMALL_CAMPAIGNS_EACH:,} campaigns of ten.",
            "",
            "The aim is 100 ms a view, and 300 ms for the list of 10,000 campaigns.",
            "",
            *_HEADER,
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
