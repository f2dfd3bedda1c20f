from __future__ import annotations

import os

import pytest

from airflow_provider_rcs.connections import connections_of_the_database

NAME = "_AIRFLOW_PROCESS_CONTEXT"


def test_a_block_looks_connections_up_as_a_command_of_airflow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)

    with connections_of_the_database():
        within = os.environ[NAME]

    assert within == "server"
    assert NAME not in os.environ


def test_what_airflow_has_set_itself_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "client")

    with connections_of_the_database():
        within = os.environ[NAME]

    assert (within, os.environ[NAME]) == ("client", "client")
