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


def test_a_block_that_ends_takes_nothing_from_one_that_runs_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    first, second = connections_of_the_database(), connections_of_the_database()
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    within = os.environ.get(NAME)
    second.__exit__(None, None, None)

    assert within == "server"
    assert NAME not in os.environ


def test_what_airflow_has_set_itself_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "client")

    with connections_of_the_database():
        within = os.environ[NAME]

    assert (within, os.environ[NAME]) == ("client", "client")
