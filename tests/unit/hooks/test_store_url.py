from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection
from airflow.providers.postgres.hooks.postgres import PostgresHook

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.hooks.store import engine_from_connection
from airflow_provider_rcs.hooks.store_url import postgres_url, sqlite_url


def connection(conn_type: str = "postgres", extra: dict[str, Any] | None = None, **fields: Any) -> Connection:
    return Connection(conn_id="rcs_store", conn_type=conn_type, extra=json.dumps(extra or {}), **fields)


def test_a_host_that_is_a_folder_is_that_of_a_unix_socket() -> None:
    engine = engine_from_connection(connection(host="/var/run/postgresql", login="rcs", schema="ledger"))

    arguments = engine.dialect.create_connect_args(engine.url)[1]
    assert (arguments["host"], arguments["dbname"], arguments["user"]) == ("/var/run/postgresql", "ledger", "rcs")


@pytest.mark.parametrize(
    ("extras", "query"),
    [
        ({"sslmode": "verify-full", "connect_timeout": 5}, {"sslmode": "verify-full", "connect_timeout": "5"}),
        ({"options": "-c search_path=rcs"}, {"options": "-c search_path=rcs"}),
        ({"sqlalchemy_query": {"application_name": "rcs"}}, {"application_name": "rcs"}),
        ({"keepalives": False}, {"keepalives": "0"}),
        ({"sslmode": "", "iam": False, "redshift": False, "aws_conn_id": None}, {}),
    ],
)
def test_extras_are_options_of_the_driver(extras: dict[str, Any], query: dict[str, str]) -> None:
    assert dict(postgres_url(connection(extra=extras)).query) == query


def test_the_driver_can_be_named_as_in_airflows_hook() -> None:
    named = connection(extra={"sqlalchemy_scheme": "postgresql+psycopg2"})

    assert postgres_url(named).drivername == "postgresql+psycopg2"


@pytest.mark.parametrize(
    "extras",
    [
        {"cursor": "dictcursor"},
        {"redshift": True},
        {"aws_conn_id": "aws_default"},
        {"sslmdoe": "require"},
        {"sqlalchemy_query": "sslmode=require"},
        {"sslmode": ["require"]},
    ],
    ids=lambda extras: next(iter(extras)),
)
def test_an_extra_that_is_not_used_is_an_error_that_names_it(extras: dict[str, Any]) -> None:
    with pytest.raises(RcsStoreError, match=f"extra '{next(iter(extras))}' of the connection 'rcs_store'"):
        postgres_url(connection(extra=extras))


def test_extras_on_sqlite_are_an_error() -> None:
    with pytest.raises(RcsStoreError, match="extra 'mode' of the connection 'rcs_store'"):
        sqlite_url(connection("sqlite", host="/store.db", extra={"mode": "ro"}))


def test_each_connection_gets_a_new_token_from_airflows_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["first", "second"])
    # A cloud's identity provider cannot run in a test.
    monkeypatch.setattr(PostgresHook, "get_iam_token", lambda _hook, conn: (conn.login, next(tokens), 5439))
    with_iam = connection(host="db.example", login="rcs", extra={"iam": True, "aws_conn_id": "aws"})

    urls = [postgres_url(with_iam) for _ in range(2)]

    assert [(url.username, url.password, url.port) for url in urls] == [("rcs", "first", 5439), ("rcs", "second", 5439)]
    assert not urls[0].query


def test_a_token_that_cannot_be_had_is_an_error_without_the_providers_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_hook: PostgresHook, _connection: Connection) -> None:
        raise PermissionError("key AKIA1234 is not allowed")

    monkeypatch.setattr(PostgresHook, "get_iam_token", refuse)

    with pytest.raises(RcsStoreUnavailable, match="iam of the connection 'rcs_store'.*PermissionError") as refused:
        postgres_url(connection(extra={"iam": True}))

    assert "AKIA" not in str(refused.value)


def test_without_amazons_provider_the_error_says_what_to_install() -> None:
    with pytest.raises(RcsStoreError, match="apache-airflow-providers-amazon"):
        postgres_url(connection(extra={"iam": True}))
