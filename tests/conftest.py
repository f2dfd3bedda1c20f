"""Settings of every test run: its own Airflow home, no deadline for examples, a frozen heap."""

from __future__ import annotations

import gc
import os
import pwd
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    from tests.postgres import fast_postgres_server

    with fast_postgres_server() as url:
        yield url


@pytest.fixture
def no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a user without a name, as containers may: the machine knows the number alone."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
