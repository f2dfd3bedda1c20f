"""Connections that are written as URIs, read by Airflow as it reads them from its environment."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from importlib import import_module
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.hooks.store import engine_from_connection
from airflow_provider_rcs.hooks.store_url import postgres_url, sqlite_url
from airflow_provider_rcs.receiver.config import credentials_of

BASE_URL = "https://api.mensatek.com/v7"


def of_environment(uri: str) -> Connection:
    """Return the connection that Airflow reads from a variable of its environment."""
    return Connection.from_uri(uri, "rcs_store")


def of_database(uri: str) -> Connection:
    """Return the connection that ``airflow connections add --conn-uri`` adds."""
    connection: Connection = import_module("airflow.models").Connection(conn_id="rcs_store", uri=uri)
    return connection


READERS = [of_environment, of_database]


def hook_of(monkeypatch: pytest.MonkeyPatch, connection: str) -> RcsHook:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", connection)
    return RcsHook()


@pytest.mark.parametrize(
    "uri",
    [
        "rcs://user:token@api.mensatek.com/v7",
        "rcs://user:token@api.mensatek.com/v7/",
        "rcs://user:token@api.mensatek.com//v7",
        "rcs://user:token@api.mensatek.com:443/v7",
        "rcs://user:token@API.mensatek.com/v7",
        "rcs://https://user:token@api.mensatek.com/v7",
        "rcs://https://user:token@api.mensatek.com:443/v7",
        "rcs://user:token@https%3A%2F%2Fapi.mensatek.com/v7",
        "rcs://user:token@https%3A%2F%2Fapi.mensatek.com%2Fv7",
        "rcs://user:token@https%3A%2F%2Fapi.mensatek.com%2Fv7:443",
        "rcs://user:token@api.mensatek.com%2Fv7/https",
        "rcs://user:token@/v7",
        "rcs://user:token@",
        "http://user:token@api.mensatek.com%2Fv7/https",
    ],
)
def test_a_uri_of_the_account_has_the_base_url_and_credentials_that_it_names(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    hook = hook_of(monkeypatch, uri)
    written = json.dumps({"conn_type": "rcs", "host": BASE_URL, "login": "user", "password": "token"})

    assert hook.settings.base_url == BASE_URL
    assert hook.get_conn().auth.username == b"user"  # type: ignore[union-attr]
    assert hook.account == hook_of(monkeypatch, written).account


def test_extras_in_the_query_of_a_uri_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = quote(json.dumps({"20": "read"}))
    uri = (
        f"rcs://user:token@api.mensatek.com/v7?agent=shop&batch_size=500&timeout=2.5&status_codes={codes}&verify=false"
    )
    hook = hook_of(monkeypatch, uri)

    read = hook.settings

    assert (read.agent, read.batch_size, read.timeout, read.status_codes) == ("shop", 500, 2.5, {"20": "read"})
    assert hook.get_conn().verify is False


def test_an_object_of_all_extras_in_the_query_of_a_uri_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    extras = quote(json.dumps({"agent": "shop", "status_codes": {"20": "read"}}))
    uri = f"rcs://user:token@api.mensatek.com:8443/v7?__extra__={extras}"

    read = hook_of(monkeypatch, uri).settings

    assert (read.base_url, read.agent) == ("https://api.mensatek.com:8443/v7", "shop")
    assert read.status_codes == {"20": "read"}


def test_a_token_with_special_characters_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "p@ss/w:rd#%+ñ"

    session = hook_of(monkeypatch, f"rcs://user:{quote(token, safe='')}@api.mensatek.com/v7").get_conn()

    assert session.auth.password == token.encode()  # type: ignore[union-attr]


def test_an_error_names_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_of(monkeypatch, "rcs://user:token@https%3A%2F%2Fapi.mensatek.com%2Fv7/v8")

    with pytest.raises(RcsInputError, match=r"^schema of the connection 'rcs_default': it is the path 'v8'"):
        _ = hook.settings


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("path", ["/var/lib/rcs/store.db", "/var/lib/my store/100%.db"])
@pytest.mark.parametrize("slashes", ["sqlite://", "sqlite:///"])
def test_a_uri_of_a_sqlite_store_has_an_absolute_path_with_three_slashes_or_four(
    read: Callable[[str], Connection], path: str, slashes: str
) -> None:
    connection = read(slashes + quote(path))

    assert sqlite_url(connection).database == path


@pytest.mark.parametrize("read", READERS)
def test_a_sqlite_path_in_the_host_of_a_uri_is_read(read: Callable[[str], Connection]) -> None:
    connection = read("sqlite://%2Fvar%2Flib%2Frcs%2Fstore.db")

    assert sqlite_url(connection).database == "/var/lib/rcs/store.db"


@pytest.mark.parametrize("uri", ["sqlite://var/lib/rcs/store.db", "sqlite://%2Fvar%2Flib%2Frcs/store.db"])
def test_a_sqlite_path_in_two_fields_is_refused_with_how_to_write_it(uri: str) -> None:
    with pytest.raises(RcsStoreError, match=r"'rcs_store': its path is in two fields.*sqlite:///absolute/path"):
        sqlite_url(of_environment(uri))


@pytest.mark.parametrize("uri", ["sqlite:///:memory:", "sqlite://%3Amemory%3A"])
def test_a_store_in_memory_is_refused(uri: str) -> None:
    with pytest.raises(RcsStoreError, match="in memory"):
        sqlite_url(of_environment(uri))


@pytest.mark.parametrize("scheme", ["sqlite+pysqlite", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_url_of_sqlalchemy_is_refused_with_the_type_to_use(scheme: str) -> None:
    connection = of_environment(f"{scheme}://me:secret@db.example/rcs")

    with pytest.raises(RcsStoreError, match=r"Use the type '(sqlite|postgres)';") as refused:
        engine_from_connection(connection)

    assert "secret" not in str(refused.value)


def test_an_object_in_the_query_of_a_uri_holds_options_of_the_driver() -> None:
    options = quote(json.dumps({"application_name": "rcs"}))
    connection = of_environment(f"postgres://db.example/rcs?sqlalchemy_query={options}")

    assert dict(postgres_url(connection).query) == {"application_name": "rcs"}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_uri_of_a_postgresql_store_is_read_with_its_options(read: Callable[[str], Connection], scheme: str) -> None:
    uri = f"{scheme}://me:p%40ss@db.example:5433/rcs?sslmode=require&connect_timeout=3&iam=false"
    connection = read(uri)

    url = postgres_url(connection)

    assert connection.conn_type == "postgres"
    assert (url.username, url.password, url.host, url.port) == ("me", "p@ss", "db.example", 5433)
    assert (url.database, dict(url.query)) == ("rcs", {"sslmode": "require", "connect_timeout": "3"})


def test_a_uri_with_a_folder_of_a_socket_is_read() -> None:
    url = postgres_url(of_environment("postgres://me@%2Frun%2Fpostgresql/rcs"))

    assert (url.host, url.database) == ("/run/postgresql", "rcs")


@pytest.mark.parametrize("kind", ["generic", "http", "rcs"])
@pytest.mark.parametrize("rest", ["", "/", "host", "host:443/path"])
def test_a_uri_of_any_type_has_the_credentials_for_reports(
    monkeypatch: pytest.MonkeyPatch, kind: str, rest: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_REPORTS", f"{kind}://panel:long%3Apass%40word@{rest}")

    credentials = credentials_of("rcs_reports")

    assert credentials is not None
    assert credentials.match(b"Basic " + b64encode(b"panel:long:pass@word"))
