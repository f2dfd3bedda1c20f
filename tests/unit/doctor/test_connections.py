"""Where connections are found."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider_rcs.doctor import connections
from airflow_provider_rcs.doctor.connections import check_connections
from airflow_provider_rcs.doctor.findings import Finding, Level


class MetastoreBackend:
    """Airflow's database, as far as the check sees it."""

    def __init__(self, **conn_types: str) -> None:
        self.conn_types = conn_types

    def get_connection(self, conn_id: str) -> Connection | None:
        conn_type = self.conn_types.get(conn_id)
        return Connection(conn_id=conn_id, conn_type=conn_type) if conn_type else None


class VaultBackend(MetastoreBackend):
    """A secrets backend."""


class BrokenBackend:
    """A secrets backend that cannot be asked."""

    def get_connection(self, conn_id: str) -> Connection | None:
        raise PermissionError(f"{conn_id}: password=secret")


def check(monkeypatch: pytest.MonkeyPatch, *backends: Any, sql_conn_id: str = "") -> list[Finding]:
    monkeypatch.setattr(connections, "_backends", lambda: list(backends))
    return list(check_connections("rcs_default", None, sql_conn_id))


def test_the_place_of_a_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    [database] = check(monkeypatch, VaultBackend(), MetastoreBackend(rcs_default="rcs"))
    [vault] = check(monkeypatch, VaultBackend(rcs_default="rcs"), MetastoreBackend())

    assert (database.level, database.text) == (Level.OK, "found in Airflow's database")
    assert vault.text == "found in the secrets backend VaultBackend"


def test_another_connection_of_the_same_name_is_a_warning_that_names_the_one_that_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [found] = check(monkeypatch, VaultBackend(rcs_default="rcs"), MetastoreBackend(rcs_default="http"))

    assert found.level is Level.WARNING
    assert "VaultBackend, which counts, and another in Airflow's database" in found.text


def test_the_same_connection_seen_in_two_places_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = check(monkeypatch, VaultBackend(rcs_default="rcs"), MetastoreBackend(rcs_default="rcs"))

    assert found.level is Level.OK


def test_a_backend_that_cannot_be_asked_is_a_warning_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, found = check(monkeypatch, BrokenBackend(), MetastoreBackend(rcs_default="rcs"))

    assert (broken.level, found.level) == (Level.WARNING, Level.OK)
    assert "BrokenBackend cannot be asked (PermissionError)" in broken.text
    assert "secret" not in broken.text.removeprefix("the secrets backend")


def test_the_connection_of_a_query_may_have_any_type(monkeypatch: pytest.MonkeyPatch) -> None:
    database = MetastoreBackend(rcs_default="rcs", warehouse="snowflake")

    assert [each.level for each in check(monkeypatch, database, sql_conn_id="warehouse")] == [Level.OK, Level.OK]
