"""The status codes of a connection, compared with those that campaigns were folded with."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.hooks.status_codes import codes_of_connection, outdated_warnings
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import sqlite_store
from tests.unit.hooks.test_rcs import define_connection


def test_the_codes_of_a_connection_are_its_overrides_with_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(monkeypatch, extra={"status_codes": {"20": "read"}})

    codes = codes_of_connection("rcs_default")

    assert codes is not None
    assert (codes.account, codes.overrides) == (RcsHook().account, {"20": "read"})


def test_a_connection_that_is_not_defined_has_no_codes() -> None:
    assert codes_of_connection("rcs_undefined") is None


def test_a_connection_that_cannot_be_used_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    define_connection(monkeypatch, extra={"status_codes": {"20": "no such status"}})
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))

    [warning] = outdated_warnings(engine, "rcs_default")

    assert warning.startswith(
        "Status codes are not compared with those of the connection. status_codes of the connection 'rcs_default': "
    )
    engine.dispose()
