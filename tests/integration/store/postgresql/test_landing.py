"""Landing on PostgreSQL: from event loops, and over connections that were terminated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.landing import LandingConnection, ReceivedReports, RefusedReport
from tests.unit.store.given import NOON
from tests.unit.store.inbox.test_landing import REPORT, landed

_TERMINATE_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def landing(engine: sa.Engine) -> Iterator[LandingConnection]:
    """A landing connection that a thread has used once."""
    own_engine = engine_from_url(engine.url.render_as_string(hide_password=False))
    with closing(LandingConnection(own_engine)) as landing:
        landing.land([ReceivedReports(NOON, [REPORT])])
        yield landing
    own_engine.dispose()


def land_in_loop(
    landing: LandingConnection, reports: Sequence[Report], meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Land from an event loop, and return whether the reports were committed."""

    async def run() -> bool:
        is_committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        has_begun = landing.begin([ReceivedReports(NOON, reports)], is_committed.set_result)
        await asyncio.to_thread(meanwhile)
        return has_begun and await asyncio.wait_for(is_committed, 30)

    return asyncio.run(run())


def terminate_others(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(_TERMINATE_OTHERS)


def test_landing_continues_on_a_new_connection_when_the_old_one_was_terminated(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    terminate_others(engine)

    landing.land([ReceivedReports(NOON, [REPORT])])

    assert len(landed(engine)) == 2


def test_reports_landed_from_several_event_loops_are_committed(engine: sa.Engine, landing: LandingConnection) -> None:
    committed = [land_in_loop(landing, [REPORT]) for _ in range(3)]

    assert committed == [True] * 3
    assert [Report(*(getattr(row, name) for name in Report._fields)) for row in landed(engine)] == [REPORT] * 4


def test_batch_larger_than_the_socket_buffer_lands_completely(engine: sa.Engine, landing: LandingConnection) -> None:
    large = REPORT._replace(service="x" * 20_000)

    assert land_in_loop(landing, [large] * 500)
    assert [row.service for row in landed(engine)[1:]] == [large.service] * 500


def test_thread_can_land_between_event_loops(engine: sa.Engine, landing: LandingConnection) -> None:
    assert land_in_loop(landing, [REPORT])
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert land_in_loop(landing, [REPORT])

    assert len(landed(engine)) == 4


def test_terminated_connection_is_reported_and_a_thread_lands_on_a_new_one(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    terminate_others(engine)

    assert not land_in_loop(landing, [REPORT])
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert land_in_loop(landing, [REPORT])
    assert len(landed(engine)) == 3


def test_connection_terminated_while_landing_is_reported_and_commits_nothing(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    with engine.connect() as other, other.begin():
        other.exec_driver_sql("LOCK TABLE rcs_report")

        assert not land_in_loop(landing, [REPORT], lambda: other.exec_driver_sql(_TERMINATE_OTHERS))

    assert len(landed(engine)) == 1
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert len(landed(engine)) == 2


def test_refused_statement_is_reported_and_the_connection_stays_usable(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    assert not land_in_loop(landing, [REPORT._replace(status_code="x" * 33)])
    assert land_in_loop(landing, [REPORT])

    assert len(landed(engine)) == 2


def test_connection_closed_after_a_failure_in_a_thread_is_not_used(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    with pytest.raises(RcsStoreError):
        landing.land([ReceivedReports(NOON, [REPORT._replace(status_code="x" * 33)])])

    assert not landing.is_nonblocking
    assert not land_in_loop(landing, [REPORT])
    assert len(landed(engine)) == 1


@pytest.mark.parametrize(
    "received",
    [ReceivedReports(NOON), ReceivedReports(NOON, [REPORT], [RefusedReport("why", "text/plain", b"?")])],
    ids=["nothing", "a refused body"],
)
def test_only_batches_of_reports_are_landed_from_an_event_loop(
    landing: LandingConnection, received: ReceivedReports
) -> None:
    async def begin() -> bool:
        return landing.begin([received], lambda _: None)

    assert not asyncio.run(begin())
