"""The behaviours of tests/unit/store/inbox/test_landing.py, on PostgreSQL, and what a kept connection does when it breaks."""

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.landing import LandingConnection, ReceivedReports
from tests.unit.store.given import NOON
from tests.unit.store.inbox.test_landing import REPORT, landed

_OTHERS_OF_THE_DATABASE = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_landing_continues_on_a_new_connection_when_the_old_one_was_terminated(engine: sa.Engine) -> None:
    of_its_own = engine_from_url(engine.url.render_as_string(hide_password=False))
    landing = LandingConnection(of_its_own)
    landing.land([ReceivedReports(NOON, [REPORT])])

    with engine.connect() as connection:
        connection.exec_driver_sql(_OTHERS_OF_THE_DATABASE)
    landing.land([ReceivedReports(NOON, [REPORT])])

    assert len(landed(engine)) == 2
