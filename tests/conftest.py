"""Settings of every test run: its own Airflow home, no deadline for examples, a frozen heap."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

# Set before anything imports Airflow.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="rcs-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"

# A slow machine is not a failure of the code.
settings.register_profile("no deadline", deadline=None)
settings.register_profile("few examples", deadline=None, max_examples=10)
settings.load_profile("no deadline")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Freeze everything that collection loaded: the garbage collector spent a tenth of the tests' time on it."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def _disable_sync(server_url: str) -> None:
    """Make a server fast and not crash-safe, which tests do not need."""
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
        _disable_sync(url)
        yield url
