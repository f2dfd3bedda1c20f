"""``airflow-rcs doctor`` with real parts: a service, a store, a receiver, a query."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals
from examples.demo.home import free_port
from tests.integration.doctor.conftest import Doctor
from tests.integration.hooks.answering import http, server_that_answers
from tests.integration.operators.conftest import connect
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.stores import postgres_store

LONG = "a-password-of-more-than-sixteen"


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Define the reports' connection and the spool as they should be."""
    define_reports(monkeypatch, LONG)


@pytest.fixture
def spool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("AIRFLOW_RCS_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("AIRFLOW_RCS_SPOOL_MEGABYTES", "1")
    return tmp_path / "spool"


@pytest.fixture
def receiver(store: sa.Engine, tmp_path: Path) -> Iterator[ReceiverProcess]:
    url = store.url.render_as_string(hide_password=False)
    with ReceiverProcess(url, environment={"AIRFLOW_RCS_SPOOL": str(tmp_path / "spool of the receiver")}) as receiver:
        yield receiver


def define_reports(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    fields = {"conn_type": "http", "login": "reports", "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_REPORTS", json.dumps(fields))


def lines(printed: str, what: str) -> list[str]:
    return [line for line in printed.splitlines() if f"  {what}: " in line]


def test_good_setup_has_no_warning_but_what_the_test_machine_is(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, reports: None, spool: Path, receiver: ReceiverProcess
) -> None:
    _, printed = doctor("--receiver-url", receiver.url)

    bad = [line for line in printed.splitlines() if not line.startswith("ok ") and "a restart may empty" not in line]
    assert bad == []
    assert [line for line in printed.splitlines() if "credit left" in line]
    assert "connection 'rcs_default': found in the environment" in printed


def test_nothing_secret_is_printed(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    define_reports(monkeypatch, "short")
    connect(monkeypatch, sandbox, password="a-wrong-token")

    _, printed = doctor()

    assert [each for each in ("a-wrong-token", sandbox.login, "short\n", "'short'") if each in printed] == []


def test_wrong_credentials_are_shown_once_and_never_again(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect(monkeypatch, sandbox, password="a-wrong-token")
    define_warehouse(monkeypatch, tmp_path)
    before = sandbox.statistics()["refused_credentials"]
    query = ["--sql", "SELECT * FROM customer", "--sql-conn-id", "warehouse", "--template-id", "1234567"]

    first_code, first = doctor(*query)
    second_code, second = doctor(*query)

    assert sandbox.statistics()["refused_credentials"] - before == 1
    assert (first_code, second_code) == (2, 2)
    assert lines(first, "credentials")[0].startswith("failed ")
    assert "They are not shown to it again" in lines(second, "credentials")[0]
    assert "airflow-rcs resolve 'airflow-rcs doctor' --credentials-fixed" in second


def test_fixed_account_is_asked_again_after_the_refusal_is_cleared(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="a-wrong-token")
    doctor()

    assert forget_refusals(store, "airflow-rcs doctor") == 1

    assert "They are not shown to it again" not in doctor()[1]


def test_missing_connections_are_named_and_the_other_checks_go_on(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCS_STORE", raising=False)

    code, printed = doctor()

    assert code == 2
    for what in ("connection 'rcs_default'", "connection 'rcs_store'", "store", "reports' password", "spool"):
        assert lines(printed, what), what


def test_a_connection_of_another_type_is_a_failure(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, conn_type="http")

    [line] = lines(doctor()[1], "connection 'rcs_default'")

    assert line.startswith("failed ")
    assert "its type is 'http'. Create it with the type rcs" in line


def test_a_service_that_cannot_be_reached_is_a_failure(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, host=f"http://127.0.0.1:{free_port()}")

    [line] = lines(doctor()[1], "service")

    assert line.startswith("failed ")
    assert "could not connect" in line


@pytest.mark.parametrize(
    ("ahead", "shown"), [(-900, " s ahead of the service"), (900, " s behind the service"), (0, "agree")]
)
def test_this_machines_clock_is_compared_with_the_services(
    doctor: Doctor, store: sa.Engine, monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, ahead: int, shown: str
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    with server_that_answers(http("200 OK", b'{"Res": "1", "Cred": "12.5"}', Date=date)) as (url, _):
        connect(monkeypatch, sandbox, host=url)

        [line] = lines(doctor()[1], "clock")

    assert line.startswith("warning" if ahead else "ok")
    assert shown in line


def test_an_empty_store_is_a_warning_and_an_old_one_a_failure(
    doctor: Doctor, sandbox: SandboxProcess, tmp_path: Path, store: sa.Engine
) -> None:
    (tmp_path / "empty.db").touch()
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_alembic_version SET version_num = '0000'")

    [empty] = lines(doctor("--store-url", f"sqlite:///{tmp_path}/empty.db")[1], "store")
    [old] = lines(doctor()[1], "store")

    assert empty.startswith("warning  store: store: its tables are missing")
    assert old.startswith("failed ")
    assert "its tables have version 0000" in old


def test_a_store_on_postgresql_is_reached_directly(doctor: Doctor, sandbox: SandboxProcess, postgres: str) -> None:
    with postgres_store(postgres) as url:
        _, printed = doctor("--store-url", url)

    assert "none: the server is reached directly" in lines(printed, "pooler")[0]
    assert [line[:2] for line in lines(printed, "store")] == ["ok"]


@pytest.mark.parametrize(("password", "level"), [("short", "warning"), (LONG, "ok")])
def test_a_short_password_for_reports_is_a_warning(
    doctor: Doctor, store: sa.Engine, monkeypatch: pytest.MonkeyPatch, password: str, level: str
) -> None:
    define_reports(monkeypatch, password)

    [line] = lines(doctor()[1], "reports' password")

    assert line.startswith(level)


def test_no_password_for_reports_is_a_warning_with_the_way_out(doctor: Doctor, store: sa.Engine) -> None:
    [line] = lines(doctor()[1], "reports' password")

    assert line.startswith("warning")
    assert "Create the connection 'rcs_reports', which [rcs] reports_conn_id names or is its default" in line


def test_a_query_with_a_column_for_each_variable_fits_the_template(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    define_warehouse(monkeypatch, tmp_path)
    (tmp_path / "query.sql").write_text("SELECT phone, amount AS importe FROM customer")

    fits = doctor(*template("SELECT phone, amount AS IMPORTE FROM customer"))[1]
    from_file = doctor("--sql-file", str(tmp_path / "query.sql"), *template("")[2:])[1]
    misses = doctor(*template("SELECT phone, amount FROM customer"))[1]
    without_phone = doctor(*template("SELECT mobile, amount AS importe FROM customer"))[1]

    [line] = lines(misses, "template 1234567")
    assert lines(fits, "template 1234567") == lines(from_file, "template 1234567")
    assert lines(fits, "template 1234567")[0].startswith("ok ")
    assert line.startswith("warning")
    assert "Importe of its variables have no column of that name; the columns are" in line
    assert "no column is called phone" in lines(without_phone, "template 1234567")[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--template-id", "1234567"], "sql: it is not given, and the others need it"),
        (["--template-id", "1", "--sql", "SELECT 1 AS a", "--sql-conn-id", "warehouse"], "template '1' cannot be"),
        (["--template-id", "1234567", "--sql", "SELECT x FROM y", "--sql-conn-id", "warehouse"], "sql: "),
        (["--template-id", "1234567", "--sql", "SELECT 1", "--sql-conn-id", "nowhere"], "nowhere"),
    ],
)
def test_a_template_or_a_query_that_fails_is_named(
    doctor: Doctor,
    sandbox: SandboxProcess,
    store: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
    text: str,
) -> None:
    define_warehouse(monkeypatch, tmp_path)

    [line] = lines(doctor(*options)[1], "template")

    assert line.startswith("failed ")
    assert text in line


def test_warnings_alone_give_exit_code_1(
    doctor: Doctor, sandbox: SandboxProcess, store: sa.Engine, spool: Path
) -> None:
    assert doctor()[0] == 1


def template(sql: str) -> list[str]:
    return ["--sql", sql, "--sql-conn-id", "warehouse", "--template-id", "1234567"]


def define_warehouse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{folder}/warehouse.db"}))
    with closing(sqlite3.connect(folder / "warehouse.db")) as warehouse:
        warehouse.execute("CREATE TABLE customer (phone, mobile, amount)")
        warehouse.execute("INSERT INTO customer VALUES ('+34600000001', '+34600000001', 25.01)")
        warehouse.commit()
