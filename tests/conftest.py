"""What every test gets: an Airflow home of the tests' own, examples without a deadline, and a heap of its own."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

# Before anything imports Airflow.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="rcs-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"

# A slow moment of the machine is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector off what is loaded until here, and stays: it spent a tenth of the tests on it."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def _do_not_wait_for_the_disk(server_url: str) -> None:
    """Let a server be quick: nobody cuts the power here."""
    import sqlalchemy as sa

    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    admin.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    from tests.postgres import postgres_server

    with postgres_server() as url:
        _do_not_wait_for_the_disk(url)
        yield url
