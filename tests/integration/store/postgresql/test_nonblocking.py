"""Landing from an event loop, on PostgreSQL; what one thread does is in test_landing.py."""

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

_END_THE_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def landing(engine: sa.Engine) -> Iterator[LandingConnection]:
    """A landing that a thread has used once, on a connection of its own."""
    of_its_own = engine_from_url(engine.url.render_as_string(hide_password=False))
    with closing(LandingConnection(of_its_own)) as landing:
        landing.land([ReceivedReports(NOON, [REPORT])])
        yield landing
    of_its_own.dispose()


def land_in_loop(
    landing: LandingConnection, reports: Sequence[Report], meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Land from an event loop, and return whether that was told to be committed."""

    async def go() -> bool:
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        begun = landing.begin([ReceivedReports(NOON, reports)], told.set_result)
        await asyncio.to_thread(meanwhile)
        return begun and await asyncio.wait_for(told, 30)

    return asyncio.run(go())


def end_the_others(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(_END_THE_OTHERS)


def test_what_lands_from_an_event_loop_is_committed_each_time_in_one_loop_after_another(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    told = [land_in_loop(landing, [REPORT]) for _ in range(3)]

    assert told == [True] * 3
    assert [Report(*(getattr(row, name) for name in Report._fields)) for row in landed(engine)] == [REPORT] * 4


def test_more_than_a_socket_takes_at_once_lands_whole(engine: sa.Engine, landing: LandingConnection) -> None:
    large = REPORT._replace(service="x" * 20_000)

    assert land_in_loop(landing, [large] * 500)
    assert [row.service for row in landed(engine)[1:]] == [large.service] * 500


def test_a_thread_lands_in_between(engine: sa.Engine, landing: LandingConnection) -> None:
    assert land_in_loop(landing, [REPORT])
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert land_in_loop(landing, [REPORT])

    assert len(landed(engine)) == 4


def test_a_connection_that_was_ended_meanwhile_is_told_of_and_a_thread_lands_over_a_new_one(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    end_the_others(engine)

    assert not land_in_loop(landing, [REPORT])
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert land_in_loop(landing, [REPORT])
    assert len(landed(engine)) == 3


def test_a_connection_that_ends_while_it_lands_is_told_of_and_nothing_is_committed(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    with engine.connect() as other, other.begin():
        other.exec_driver_sql("LOCK TABLE rcs_report")

        assert not land_in_loop(landing, [REPORT], lambda: other.exec_driver_sql(_END_THE_OTHERS))

    assert len(landed(engine)) == 1
    landing.land([ReceivedReports(NOON, [REPORT])])
    assert len(landed(engine)) == 2


def test_what_the_database_refuses_is_told_of_and_the_connection_is_good_for_the_next(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    assert not land_in_loop(landing, [REPORT._replace(status_code="x" * 33)])
    assert land_in_loop(landing, [REPORT])

    assert len(landed(engine)) == 2


def test_after_a_failure_in_a_thread_the_connection_that_it_gave_back_is_left_alone(
    engine: sa.Engine, landing: LandingConnection
) -> None:
    with pytest.raises(RcsStoreError):
        landing.land([ReceivedReports(NOON, [REPORT._replace(status_code="x" * 33)])])

    assert not landing.is_nonblocking
    assert not land_in_loop(landing, [REPORT])
    assert len(landed(engine)) == 1


@pytest.mark.parametrize(
    "arrivals",
    [ReceivedReports(NOON), ReceivedReports(NOON, [REPORT], [RefusedReport("why", "text/plain", b"?")])],
    ids=["nothing", "something refused"],
)
def test_what_is_not_reports_alone_is_left_to_a_thread(landing: LandingConnection, arrivals: ReceivedReports) -> None:
    async def begin() -> bool:
        return landing.begin([arrivals], lambda _: None)

    assert not asyncio.run(begin())
