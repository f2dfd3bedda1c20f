from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.config import (
    OPT_OUT_WORDS,
    REPORTS_LOGIN,
    REPORTS_PASSWORD,
    REPORTS_TIMEZONE,
    SPOOL,
    credentials_of,
    look_ups_from_environment,
    opt_out_words_from_environment,
    spool_from_airflow,
    spool_from_environment,
    timezone_from_environment,
)
from tests.unit.receiver.pushing import LOGIN


def test_the_environment_sets_the_credentials() -> None:
    environment = {
        "AIRFLOW_RCS_REPORTS_LOGIN": "reports",
        "AIRFLOW_RCS_REPORTS_PASSWORD": "secret",
    }

    credentials = look_ups_from_environment(environment)["environment"]()

    assert credentials is not None
    assert credentials.match(b"Basic " + b64encode(b"reports:secret"))


@pytest.mark.parametrize(
    ("login", "password", "problem"),
    [
        ("reports:eu", "hunter2", "its login contains a colon"),
        ("reports\n", "hunter2", "its login contains a line break"),
        ("reports", "hunter2\n", "its password contains a line break"),
    ],
)
def test_credentials_that_no_request_can_send_are_an_error(login: str, password: str, problem: str) -> None:
    with pytest.raises(RcsInputError, match=problem) as raised:
        look_ups_from_environment({REPORTS_LOGIN: login, REPORTS_PASSWORD: password})

    assert "hunter2" not in str(raised.value)


def test_a_password_may_contain_a_colon() -> None:
    credentials = look_ups_from_environment({REPORTS_LOGIN: "reports", REPORTS_PASSWORD: "a:b"})["environment"]()

    assert credentials is not None
    assert credentials.match(b"Basic " + b64encode(b"reports:a:b"))


@pytest.mark.parametrize("environment", [{}, dict.fromkeys((REPORTS_LOGIN, REPORTS_PASSWORD), "")])
def test_what_the_environment_does_not_set_is_none(environment: dict[str, str]) -> None:
    assert look_ups_from_environment(environment) == {}


@pytest.mark.parametrize("name", ["AIRFLOW_RCS_REPORTS_LOGIN", "AIRFLOW_RCS_REPORTS_PASSWORD"])
def test_a_login_without_a_password_or_the_reverse_is_an_error(name: str) -> None:
    with pytest.raises(
        RcsInputError, match=r"AIRFLOW_RCS_REPORTS_LOGIN and AIRFLOW_RCS_REPORTS_PASSWORD: its .* missing"
    ):
        look_ups_from_environment({name: "value"})


@pytest.mark.parametrize(
    ("environment", "zone"),
    [
        ({}, "Europe/Madrid"),
        ({"AIRFLOW_RCS_REPORTS_TIMEZONE": ""}, "Europe/Madrid"),
        ({REPORTS_TIMEZONE: "UTC"}, "UTC"),
    ],
)
def test_the_time_zone_is_spains_unless_the_environment_sets_another(environment: dict[str, str], zone: str) -> None:
    assert str(timezone_from_environment(environment)) == zone


def test_an_unknown_time_zone_in_the_environment_is_an_error() -> None:
    with pytest.raises(RcsInputError, match="^AIRFLOW_RCS_REPORTS_TIMEZONE: 'Spain' is not a time zone"):
        timezone_from_environment({REPORTS_TIMEZONE: "Spain"})


def test_an_undefined_connection_means_no_credentials() -> None:
    assert credentials_of("no_such_connection") is None


def test_a_connection_without_a_password_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PANEL", json.dumps({"conn_type": "generic", "login": LOGIN}))

    with pytest.raises(RcsInputError, match="the connection 'panel': its password is missing"):
        credentials_of("panel")


def test_inside_airflow_there_is_no_spool_unless_its_folder_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = spool_from_airflow()
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL", str(tmp_path / "spool"))
    spool = spool_from_airflow()

    assert without is None
    assert spool is not None
    assert spool.state().has_room
    assert (tmp_path / "spool").is_dir()


def test_the_spool_of_a_separate_process_is_in_airflows_home_unless_a_folder_is_set(tmp_path: Path) -> None:
    url = sa.make_url("sqlite:////store.db")

    by_default = spool_from_environment({"AIRFLOW_HOME": str(tmp_path / "home")}, url)
    in_folder = spool_from_environment({"AIRFLOW_HOME": str(tmp_path / "home"), SPOOL: str(tmp_path / "spool")}, url)

    assert by_default.state().has_room
    assert not (tmp_path / "spool").exists()
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["rcs_reports_spool"]
    assert in_folder.state().has_room
    assert (tmp_path / "spool").is_dir()


@pytest.mark.parametrize(
    ("set_to", "words"),
    [(None, ("BAJA", "STOP")), ("", ("BAJA", "STOP")), ("NO MORE, alta ,", ("NO MORE", "alta"))],
)
def test_the_words_that_opt_out_are_set_in_the_environment(set_to: str | None, words: tuple[str, ...]) -> None:
    environment = {} if set_to is None else {OPT_OUT_WORDS: set_to}

    assert opt_out_words_from_environment(environment) == words
