"""The password of the store is changed while engines, landings and triggers use it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.hooks.store import unchecked_store_engine
from airflow_provider_rcs.store.db import engine as engine_module
from airflow_provider_rcs.store.db.engine import engine_from_url, reading, transaction
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import AsyncLanding, ReceivedReports, land
from airflow_provider_rcs.triggers.rcs import RcsReportsTrigger
from tests.stores import postgres_store
from tests.unit.store.given import NOON
from tests.unit.store.inbox.test_landing import REPORT

ROLE = "rotated"
DRIVERS = ("postgresql+psycopg", "postgresql+psycopg2")


class Account:
    """A login of a store that needs its password, and the Airflow connection with both."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = url
        self._monkeypatch = monkeypatch

    def set_password(self, password: str) -> None:
        with sa.create_engine(self.url).begin() as connection:
            connection.exec_driver_sql(f"ALTER ROLE {ROLE} PASSWORD '{password}'")

    def set_connection(self, password: str, **extras: Any) -> None:
        url = sa.make_url(self.url)
        fields = {"host": url.query["host"], "login": ROLE, "password": password, "schema": url.database}
        value = json.dumps({"conn_type": "postgres", **fields, "extra": extras})
        self._monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", value)

    def rotate(self, password: str) -> None:
        """Change the password of the login and in the connection, and end the connections that are open."""
        self.set_password(password)
        self.set_connection(password)
        self.end_connections()

    def end_connections(self) -> None:
        with sa.create_engine(self.url).begin() as connection:
            query = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{ROLE}'"
            connection.exec_driver_sql(query)
        # Connections that were used a moment ago are not tried out.
        time.sleep(2 * engine_module._SECONDS_OF_REST)


@pytest.fixture(scope="module")
def server(postgres: str) -> str:
    """The server, which lets this role in with its password only."""
    rules = Path(str(sa.make_url(postgres).query["host"])) / "pg_hba.conf"
    rules.write_text(f"local all {ROLE} scram-sha-256\n{rules.read_text()}")
    with sa.create_engine(postgres).begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {ROLE} SUPERUSER LOGIN")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    return postgres


@pytest.fixture
def account(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with postgres_store(server) as url:
        account = Account(url, monkeypatch)
        account.rotate("first")
        yield account


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_changed_password_is_read_again_when_the_old_one_is_refused(account: Account, driver: str) -> None:
    account.set_connection("first", sqlalchemy_scheme=driver)
    engine = unchecked_store_engine()
    land(engine, [REPORT], NOON)

    account.rotate("second")

    land(engine, [REPORT], NOON)
    assert count(engine) == 2
    engine.dispose()


def test_landing_reads_a_changed_password_again(account: Account) -> None:
    engine = unchecked_store_engine()
    landing = AsyncLanding(engine)

    async def go() -> None:
        await landing.land([ReceivedReports(NOON, [REPORT])], 20)
        await asyncio.to_thread(account.rotate, "second")
        await landing.land([ReceivedReports(NOON, [REPORT])], 20)
        await landing._idle[0].connection.close()

    asyncio.run(go())

    assert count(engine) == 2
    engine.dispose()


def test_a_password_that_is_wrong_in_the_connection_too_is_an_error(account: Account) -> None:
    engine = unchecked_store_engine()
    account.set_password("second")

    with pytest.raises(RcsStoreUnavailable, match="OperationalError"), transaction(engine):
        pass


def test_an_unreadable_connection_leaves_the_stores_own_error(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = unchecked_store_engine()
    account.set_password("second")
    monkeypatch.delenv("AIRFLOW_CONN_RCS_STORE")

    with pytest.raises(RcsStoreUnavailable, match="OperationalError"), transaction(engine):
        pass

    assert "could not be read again" in caplog.text


def test_a_password_file_is_read_for_each_connection(account: Account, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    url = sa.make_url(account.url).set(username=ROLE, password=None).update_query_dict({"passfile": str(passwords)})
    engine = engine_from_url(url)

    for password in ("second", "third"):
        account.rotate(password)
        passwords.write_text(f"*:*:*:{ROLE}:{password}\n")
        land(engine, [REPORT], NOON)

    assert count(engine) == 2
    engine.dispose()


def test_a_trigger_goes_on_after_the_password_was_changed(account: Account) -> None:
    engine = unchecked_store_engine()
    land_and_fold(engine)

    async def events() -> list[int]:
        trigger = RcsReportsTrigger(poll_interval=0.01).run()
        first = await anext(trigger)
        waiting = asyncio.ensure_future(anext(trigger))
        await asyncio.to_thread(account.rotate, "second")
        await asyncio.to_thread(land_and_fold, engine)
        second = await waiting
        await trigger.aclose()  # type: ignore[attr-defined]
        return [first.payload["reports"], second.payload["reports"]]

    assert asyncio.run(asyncio.wait_for(events(), 20)) == [1, 1]
    engine.dispose()


def test_each_connection_of_an_engine_has_its_own_token(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    given: list[str] = []
    monkeypatch.setattr(PostgresHook, "get_iam_token", issue_tokens(account, given))
    account.set_connection("", iam=True, aws_conn_id="aws")
    engine = unchecked_store_engine()

    # Both are open at once, so that they are two.
    with reading(engine), reading(engine):
        assert len(given) == len(set(given)) == 3  # one for the engine's URL, which nothing is opened with
    engine.dispose()


def issue_tokens(account: Account, given: list[str]) -> Callable[..., tuple[str, str, int | None]]:
    """Return an identity provider, each of whose tokens replaces the one before."""

    def issue(*_: object) -> tuple[str, str, int | None]:
        token = f"token-{len(given)}"
        given.append(token)
        account.set_password(token)
        return ROLE, token, None

    return issue


def land_and_fold(engine: sa.Engine) -> None:
    land(engine, [REPORT], NOON)
    fold(engine)


def count(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM rcs_report").scalar_one())
