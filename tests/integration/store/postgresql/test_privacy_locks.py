"""Who can work on the store while an erasure or a prune holds its locks, or waits for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.store.given import ANA, BEA, NOON, campaign, count, land_and_fold, report_on, rows, sent, states
from tests.unit.store.read.test_exports import listening

TIMEOUT_SECONDS = 30
EVERYTHING = RetentionLimit(datetime.now(UTC) + timedelta(days=1))


def erase_ana(engine: sa.Engine) -> None:
    erase(engine, ANA, "a test")


def prune_everything(engine: sa.Engine) -> None:
    assert sum(each.rows for each in prune(engine, EVERYTHING)) > 0


WORK = pytest.mark.parametrize("work", [erase_ana, prune_everything])


@contextmanager
def locked(engine: sa.Engine, name: str) -> Iterator[None]:
    """Hold the lock of a campaign, as a task that sends it does."""
    campaign_id = campaign(engine, name).id
    with engine.begin() as connection:
        lock_campaign(connection, campaign_id)
        yield


def wait_for_waiting(engine: sa.Engine) -> None:
    """Wait until a transaction of this database waits for a lock."""
    waits = sa.text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        with engine.connect() as connection:
            if connection.execute(waits).first():
                return
        time.sleep(0.01)
    pytest.fail("nothing waits for the lock")


@WORK
def test_reports_land_while_a_batch_holds_its_locks(engine: sa.Engine, work: Callable[[sa.Engine], None]) -> None:
    taken = sent(engine, [ANA])
    land_and_fold(engine, report_on(taken))
    landed: list[bool] = []

    def land_another(_connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE rcs_message") and not landed:
            landed.append(False)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(land, engine, [report_on(taken, code="20")], NOON).result(TIMEOUT_SECONDS)
            landed[0] = True

    with listening(engine, "after_cursor_execute", land_another):
        work(engine)

    assert landed == [True]
    assert count(engine, report) >= 1


@WORK
def test_others_fold_while_the_lock_of_a_campaign_is_awaited(
    engine: sa.Engine, work: Callable[[sa.Engine], None]
) -> None:
    sent(engine, [ANA], "spring")
    other = sent(engine, [BEA], "summer")

    with ThreadPoolExecutor(1) as pool:
        with locked(engine, "spring"):
            working = pool.submit(work, engine)
            wait_for_waiting(engine)
            folded = [land_and_fold(engine, report_on(other, BEA, code)) for code in ("10", "13")]
            (message,) = rows(engine, "summer").values()
        working.result(TIMEOUT_SECONDS)

    assert (folded, message.delivery_status) == ([1, 1], "delivered")
    assert ANA not in states(engine, "spring")
