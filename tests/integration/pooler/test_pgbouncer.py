"""Everything that uses the store, through PgBouncer, beside a neighbour in the same pool."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.store.db.engine import engine_from_url, reading_once
from airflow_provider_rcs.store.db.migrate import migrate, require_migrated
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from airflow_provider_rcs.triggers.rcs import RcsReportsTrigger
from tests.database_settings import database_setting
from tests.integration.pooler.conftest import as_connection
from tests.integration.pooler.neighbour import Neighbour
from tests.integration.receiver.looking import stored, unfolded, wait_until
from tests.integration.receiver.pushing import Pushes
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.unit.store.given import NOON
from tests.unit.triggers.test_rcs import first_event, trigger

TEMPLATE = "1234569"
PEOPLE = 400


def test_every_report_that_is_answered_200_is_stored_and_folded(
    store_url: str, direct_url: str, neighbour: Neighbour, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    with ReceiverProcess(store_url, environment={"AIRFLOW_RCS_SPOOL": str(spool)}) as receiver:
        pushes = Pushes([receiver], connections=16)

        asyncio.run(pushes.push(range(1_000)))

        assert pushes.statuses == {200: 1_000}
        wait_until(lambda: not list(Spool(spool, 1).drain()))
        assert set(stored(direct_url)) == pushes.committed
        wait_until(lambda: unfolded(direct_url) == 0)
    neighbour.require_unharmed()


def test_a_campaign_is_sent_reported_and_loaded(
    store: sa.Engine,
    direct_url: str,
    warehouse_url: str,
    neighbour: Neighbour,
    sandbox: SandboxProcess,
    context: Context,
) -> None:
    phones = [f"+346{number:08d}" for number in range(PEOPLE)]
    before = len(sandbox.accepted())

    counts = send(phones).execute(context)
    accepted = sandbox.accepted()[before:]
    for part in range(0, PEOPLE, 50):
        land(store, [report_on(entry) for entry in accepted[part : part + 50]], NOON)
        fold(store)
    loaded = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse").execute(context)

    assert counts["accepted"] == PEOPLE
    assert sorted(f"+{entry['phone']}" for entry in accepted) == phones
    assert ledger(direct_url) == {("accepted", "delivered"): PEOPLE}
    assert loaded == {"campaigns": 1, "messages": PEOPLE, "reports": PEOPLE}
    assert ledger(warehouse_url) == {("accepted", "delivered"): PEOPLE}
    neighbour.require_unharmed()


def test_sensor_and_triggers_see_what_was_reported(
    store: sa.Engine, neighbour: Neighbour, sandbox: SandboxProcess, context: Context
) -> None:
    before = len(sandbox.accepted())
    send(["+34600000001", "+34600000002"]).execute(context)
    land(store, [report_on(entry) for entry in sandbox.accepted()[before:]], NOON)
    fold(store)

    sensor = RcsCampaignSensor(task_id="wait", campaign="spring", deferrable=False)
    for _ in range(10):  # as often as would prepare a statement
        assert sensor.poke(context)
    assert first_event(trigger()) == {"status": "success"}
    assert first_reports_event()["reports"] == 2
    neighbour.require_unharmed()


def test_recipients_are_streamed_from_a_query(
    store: sa.Engine, store_url: str, sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", as_connection(store_url))
    sql = f"SELECT '+346' || lpad(n::text, 8, '0') AS phone FROM generate_series(1, {PEOPLE}) AS n"

    counts = SqlToRcsOperator(
        task_id="send", template_id=TEMPLATE, campaign="from-sql", sql=sql, sql_conn_id="source"
    ).execute(context)

    assert counts["accepted"] == PEOPLE


def test_migrating_works_and_is_repeatable(store: sa.Engine) -> None:
    migrate(store)
    migrate(store)

    require_migrated(store)


def test_a_date_style_of_the_database_is_read_and_stays_that_of_other_clients(store_url: str, direct_url: str) -> None:
    moment = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    query = sa.select(sa.cast(moment, sa.DateTime(timezone=True)))
    direct, store, other = engine_from_url(direct_url), engine_from_url(store_url), sa.create_engine(store_url)
    with database_setting(direct, "DateStyle", "German, DMY"), other.connect() as client:
        for _ in range(10):
            with reading_once(store) as first, reading_once(store) as second:
                assert [each.execute(query).scalar_one() for each in (first, second)] == [moment, moment]
            assert client.exec_driver_sql("SHOW DateStyle").scalar_one() == "German, DMY"
            client.rollback()
    for engine in (direct, store, other):
        engine.dispose()


def send(phones: list[str]) -> RcsSendOperator:
    recipients = [{"phone": phone} for phone in phones]
    return RcsSendOperator(
        task_id="send", template_id=TEMPLATE, campaign="spring", recipients=recipients, batch_size=20, max_in_flight=4
    )


def report_on(entry: dict[str, str]) -> Report:
    return Report("13", phone=f"+{entry['phone']}", campaign_reference=entry["campaign_reference"], service="RCS")


def first_reports_event() -> dict[str, int]:
    async def wait() -> dict[str, int]:
        event = await anext(RcsReportsTrigger(poll_interval=0.01).run())
        payload: dict[str, int] = event.payload
        return payload

    return asyncio.run(asyncio.wait_for(wait(), 20))


def ledger(url: str) -> dict[tuple[str, str], int]:
    """Return (state, delivery status) -> number of messages, of a store or a warehouse."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT state, delivery_status, count(*) FROM rcs_message GROUP BY 1, 2"))
        counts = {(state, status): int(count) for state, status, count in rows}
    engine.dispose()
    return counts
