"""What people, sensors and triggers ask of a store with a past, and what an erasure and a prune there cost others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count
from threading import Event, Thread

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.inbox.silence import read_silent_campaigns
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from airflow_provider_rcs.store.read.course import read_course
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.store.read.overview import read_progress
from benchmarks.big_store import BETWEEN_CAMPAIGNS, Past, fill

HEADER = ("| what | seconds | a report landed meanwhile: median, longest |", "| --- | --- | --- |")
_LOOKS = 20
_ERASED = 5
# About as often as a campaign of some size is reported on.
_BETWEEN_LANDINGS = 0.02


def rows(engine: sa.Engine, past: Past) -> Iterator[str]:
    """Yield the rows of the table, for a store that is filled."""
    newest = f"past-{past.campaigns}"
    looks: dict[str, Callable[[], object]] = {
        "a sensor's look": partial(read_funnel, engine, newest),
        "whether its reports are overdue": partial(read_silent_campaigns, engine, [newest]),
        "the course of a campaign by hour": partial(read_course, engine, newest),
        "first look of `RcsReportsTrigger`": partial(read_new_reports, engine, 0),
        f"`airflow-rcs campaigns`, {past.campaigns:,} campaigns": partial(read_progress, engine),
    }
    for what, look in looks.items():
        yield f"| {what} | {statistics.median(_seconds(look) for _ in range(_LOOKS)):.4f} | |"
    yield _beside_landings("nothing", engine, lambda: time.sleep(5))
    phones = iter(_phones(engine))
    erasures = [partial(erase, engine, next(phones), "bench") for _ in range(_ERASED)]
    yield _beside_landings("erase one person", engine, *erasures)
    oldest = RetentionLimit(datetime.now(UTC) - past.campaigns * 49 // 50 * BETWEEN_CAMPAIGNS)
    yield _beside_landings("prune a fiftieth", engine, lambda: list(prune(engine, oldest)))


def row_of_many_campaigns(engine: sa.Engine, campaigns: int) -> str:
    """Fill a migrated store with small campaigns, and return the row of listing them."""
    fill(engine, Past(campaigns, recipients=10))
    seconds = statistics.median(_seconds(partial(read_progress, engine)) for _ in range(5))
    return f"| `airflow-rcs campaigns`, {campaigns:,} campaigns | {seconds:.4f} | |"


def _phones(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        distinct = sa.select(message.c.phone).order_by(message.c.id).limit(_ERASED)
        return list(connection.execute(distinct).scalars())


def _beside_landings(what: str, engine: sa.Engine, *jobs: Callable[[], object]) -> str:
    """Do the jobs one after the other while reports land, and return the row: medians, and the longest landing."""
    landed: list[float] = []
    ended = Event()
    numbers = count()

    def land_now_and_then() -> None:
        while not ended.wait(_BETWEEN_LANDINGS):
            report = Report("13", message_reference=f"beside-{next(numbers)}", service="RCS")
            landed.append(_seconds(partial(land, engine, [report], datetime.now(UTC))))

    thread = Thread(target=land_now_and_then)
    thread.start()
    try:
        seconds = statistics.median(_seconds(job) for job in jobs)
    finally:
        ended.set()
        thread.join()
    stall = f"{1000 * statistics.median(landed):.0f} ms, {1000 * max(landed):.0f} ms" if landed else "none"
    return f"| {what} | {seconds:.2f} | {stall} |"


def _seconds(job: Callable[[], object]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun
