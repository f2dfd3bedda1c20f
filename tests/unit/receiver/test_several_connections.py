"""Panels that push with the logins and passwords of several connections."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ReportsConnection, account_of
from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.receiver import auth, ingest
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.auth import Authenticator, Credentials
from airflow_provider_rcs.receiver.config import credentials_of, look_ups_from_airflow
from airflow_provider_rcs.receiver.responses import RequestRefusedError
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from tests.unit.receiver.clock import Clock
from tests.unit.receiver.pushing import push, wait_until

if TYPE_CHECKING:
    from airflow_provider_rcs.receiver.auth import LookUp

SPAIN = Credentials.of("panel", "password of Spain", "the test", "account-es")
PORTUGAL = Credentials.of("panel", "password of Portugal", "the test", "account-pt")
LOOK_UPS: dict[str, LookUp] = {"panel_es": lambda: SPAIN, "panel_pt": lambda: PORTUGAL}
REPLY = {"Servicio": "SMSRECIBIDO", "Movil": "34600000001", "Mensaje": "hola", "idR": "1"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


def let_in(authenticator: Authenticator, password: str, login: str = "panel") -> ReportsConnection | int:
    """Return the connection that lets a request in, or the status that it is refused with."""
    token = b64encode(f"{login}:{password}".encode())
    try:
        return asyncio.run(authenticator.check(b"Basic " + token))
    except RequestRefusedError as refusal:
        return refusal.response.status


def kept(engine: sa.Engine, table: sa.Table) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table.c.reports_conn_id, table.c.account).order_by(table.c.id))
        return [tuple(row) for row in rows]


def test_each_password_of_one_login_lets_in_by_its_own_connection() -> None:
    authenticator = Authenticator(LOOK_UPS)

    assert let_in(authenticator, "password of Spain") == ("panel_es", "account-es")
    assert let_in(authenticator, "password of Portugal") == ("panel_pt", "account-pt")
    assert let_in(authenticator, "password of France") == 401
    assert let_in(authenticator, "password of Spain", login="panel_es") == 401


def test_a_wrong_password_is_compared_with_those_of_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, _: bytes) -> bool:
        compared.append(given)
        return False

    monkeypatch.setattr(auth, "compare_digest", compare)
    authenticator = Authenticator(LOOK_UPS)

    let_in(authenticator, "wrong")
    of_wrong = len(compared)
    let_in(authenticator, "password of Spain")

    assert (of_wrong, len(compared)) == (4, 8)


def test_connections_with_the_same_credentials_are_named_together_and_are_of_no_account() -> None:
    of_none = Credentials.of("panel", "password of Spain", "x")
    of_another = Credentials.of("panel", "password of Spain", "x", "account-pt")

    for other in (of_none, of_another):
        same: dict[str, LookUp] = {"one": lambda: SPAIN, "two": lambda other=other: other}  # type: ignore[misc]
        assert let_in(Authenticator(same), "password of Spain") == ("one, two", "")


def test_a_changed_password_of_one_connection_is_read_again_and_the_other_stays(clock: Clock) -> None:
    passwords = iter(["old password of Spain", "new password of Spain"])
    changing: LookUp = lambda: Credentials.of("panel", next(passwords), "x")  # noqa: E731
    authenticator = Authenticator({"panel_es": changing, "panel_pt": lambda: PORTUGAL})
    assert let_in(authenticator, "old password of Spain") == ("panel_es", "")

    clock.now += 61

    assert let_in(authenticator, "old password of Spain") == 401
    assert let_in(authenticator, "new password of Spain") == ("panel_es", "")
    assert let_in(authenticator, "password of Portugal") == ("panel_pt", "account-pt")


def test_a_connection_that_cannot_be_used_leaves_the_others_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Credentials:
        return Credentials.of("panel:es", "a password", where="the connection 'panel_es'")

    authenticator = Authenticator({"panel_es": broken, "panel_pt": lambda: PORTUGAL})

    assert let_in(authenticator, "password of Portugal") == ("panel_pt", "account-pt")
    assert "No report is let in by panel_es" in caplog.text
    assert "its login contains a colon" in caplog.text


def test_an_unknown_password_is_not_called_wrong_while_a_connection_cannot_be_looked_up() -> None:
    def away() -> Credentials:
        raise ConnectionError

    authenticator = Authenticator({"panel_es": away, "panel_pt": lambda: PORTUGAL})

    assert let_in(authenticator, "password of Spain") == 503


def test_what_is_pushed_is_kept_with_the_connection_that_let_it_in(engine: sa.Engine) -> None:
    app = ReportsApp(lambda: engine, LOOK_UPS)

    for password in ("password of Spain", "password of Portugal"):
        push(app, auth=("panel", password), json={"Estado": "13", "idMensaje": "1"})
        push(app, auth=("panel", password), content=b"?")
    push(app, auth=("panel", "password of Portugal"), json=REPLY)

    both = [("panel_es", "account-es"), ("panel_pt", "account-pt")]
    assert kept(engine, report) == both
    assert kept(engine, report_refused) == both
    assert kept(engine, inbound) == [("panel_pt", "account-pt")]


def test_what_waits_in_the_spool_keeps_the_connection_that_let_it_in(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    available = threading.Event()

    def get_engine() -> sa.Engine:
        if not available.is_set():
            raise RcsStoreError("store: not available yet")
        return engine

    app = ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path / "spool"))

    response = push(app, auth=("panel", "password of Portugal"), json={"Estado": "13", "idMensaje": "1"})
    available.set()

    assert response.json() == {"spooled": 1}
    wait_until(lambda: kept(engine, report) == [("panel_pt", "account-pt")])


def test_the_option_lists_connections_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_CONN_ID", "panel_es, panel_pt,")

    assert list(look_ups_from_airflow()) == ["panel_es", "panel_pt"]


def test_the_credentials_of_each_connection_are_those_that_are_set_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_CONN_ID", "panel_es,panel_pt")
    for name in ("es", "pt"):
        connection = {"conn_type": "generic", "login": f"login {name}", "password": f"password {name}"}
        monkeypatch.setenv(f"AIRFLOW_CONN_PANEL_{name.upper()}", json.dumps(connection))

    found = {conn_id: look_up() for conn_id, look_up in look_ups_from_airflow().items()}

    assert found == {
        "panel_es": Credentials.of("login es", "password es", ""),
        "panel_pt": Credentials.of("login pt", "password pt", ""),
    }


@pytest.mark.parametrize("option", ["", " , "])
def test_an_empty_list_is_the_default_connection(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_CONN_ID", option)

    assert list(look_ups_from_airflow()) == ["rcs_reports"]


@pytest.mark.parametrize(
    ("connection", "account"),
    [
        ({"conn_type": "generic"}, ""),
        ({"conn_type": "http", "host": "https://rcs.example"}, ""),
        (
            {"conn_type": "generic", "extra": {"rcs_conn_id": "rcs_es"}},
            account_of("https://rcs.example/v7", "api-user"),
        ),
        ({"conn_type": "rcs", "host": "https://rcs.example"}, account_of("https://rcs.example", "panel")),
    ],
)
def test_a_connection_is_of_the_account_that_it_is_or_names(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, object], account: str
) -> None:
    of_account = {"conn_type": "rcs", "host": "https://rcs.example/v7", "login": "api-user", "password": "token"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_ES", json.dumps(of_account))
    monkeypatch.setenv("AIRFLOW_CONN_PANEL_ES", json.dumps(connection | {"login": "panel", "password": "p" * 16}))

    found = credentials_of("panel_es")

    assert found is not None
    assert found.account == account


def test_a_connection_that_names_an_account_that_is_not_defined_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    naming = {"conn_type": "generic", "login": "x", "password": "y", "extra": {"rcs_conn_id": "no_such"}}
    monkeypatch.setenv("AIRFLOW_CONN_PANEL_ES", json.dumps(naming))

    with pytest.raises(RcsInputError) as refused:
        credentials_of("panel_es")

    assert str(refused.value) == (
        "the connection 'panel_es': its extra 'rcs_conn_id' names a connection that is not defined. "
        "Define it, or correct it."
    )
