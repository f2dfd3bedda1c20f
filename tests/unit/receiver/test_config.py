from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver import config
from airflow_provider_rcs.receiver.config import (
    OPT_OUT_WORDS,
    REPORTS_LOGIN,
    REPORTS_PASSWORD,
    REPORTS_TIMEZONE,
    SPOOL,
    SPOOL_MEGABYTES,
    credentials_of,
    look_ups_from_environment,
    opt_out_words_from_environment,
    other_spools_that_wait,
    spool_from_airflow,
    spool_from_environment,
    timezone_from_environment,
)
from airflow_provider_rcs.receiver.spool import Spool
from tests.unit.receiver.pushing import LOGIN
from tests.unit.receiver.test_spool import pushed


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


STORE = sa.make_url("postgresql+psycopg://airflow:secret@db/rcs")


@pytest.mark.parametrize("folder", [{}, {SPOOL: "/spool"}], ids=["default", "folder"])
def test_the_spool_of_a_separate_process_has_the_size_that_is_set(folder: dict[str, str]) -> None:
    sizes = [
        spool_from_environment({**folder, **size}, STORE).max_bytes
        for size in ({}, {SPOOL_MEGABYTES: ""}, {SPOOL_MEGABYTES: "3"})
    ]

    assert sizes == [268_435_456, 268_435_456, 3_145_728]


def test_a_size_of_the_spool_that_is_no_whole_number_is_an_error() -> None:
    with pytest.raises(RcsInputError) as refused:
        spool_from_environment({SPOOL_MEGABYTES: "1.5"}, STORE)

    assert str(refused.value) == (
        "AIRFLOW_RCS_SPOOL_MEGABYTES: it is not a whole number. Set it to the spool's size in megabytes."
    )


def test_the_folder_of_a_spool_is_that_of_its_store_whatever_password_and_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/airflow")

    folder = spool_from_environment({}, STORE).folder
    after_rotation = spool_from_environment({}, STORE.set(password="new")).folder
    without_password = spool_from_environment({}, STORE._replace(password=None)).folder
    with_other_driver = spool_from_environment({}, STORE.set(drivername="postgresql+psycopg2")).folder
    of_another = spool_from_environment({}, STORE.set(database="other")).folder

    assert (str(folder.parent), len(folder.name)) == ("/home/airflow/airflow/rcs_reports_spool", 16)
    assert [after_rotation, without_password, with_other_driver] == [folder] * 3
    assert of_another.parent == folder.parent
    assert of_another != folder


def test_the_folder_of_a_spool_may_be_in_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/airflow")
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL", "~/spool")
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL_MEGABYTES", "3")

    separate = spool_from_environment({SPOOL: "~/spool"}, STORE)
    in_home = spool_from_environment({"AIRFLOW_HOME": "~/home"}, STORE)
    in_airflow = spool_from_airflow()

    assert in_airflow is not None
    assert [str(each.folder) for each in (separate, in_airflow)] == ["/home/airflow/spool"] * 2
    assert str(in_home.folder.parent) == "/home/airflow/home/rcs_reports_spool"
    assert in_airflow.max_bytes == 3_145_728


def test_the_spool_inside_airflow_holds_256_megabytes_unless_another_size_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL", "/spool")

    spool = spool_from_airflow()

    assert spool is not None
    assert spool.max_bytes == 268_435_456


def test_the_spools_of_other_stores_in_which_requests_wait_are_found(tmp_path: Path) -> None:
    own, waiting, empty = (
        spool_from_environment({"AIRFLOW_HOME": str(tmp_path)}, STORE.set(database=name))
        for name in ("own", "waiting", "empty")
    )
    for spool, requests in ((own, 1), (waiting, 2), (empty, 0)):
        spool.folder.mkdir(parents=True)
        spool.append([pushed("1")] * requests)

    assert other_spools_that_wait(own) == {waiting.folder: 2}


def test_folders_beside_a_spool_that_is_set_are_nobodys_spools(tmp_path: Path) -> None:
    for name in ("own", "beside"):
        Spool(tmp_path / name).append([pushed("1")])

    assert other_spools_that_wait(Spool(tmp_path / "own")) == {}


def test_before_the_first_spool_there_is_no_other_that_waits(tmp_path: Path) -> None:
    assert other_spools_that_wait(spool_from_environment({"AIRFLOW_HOME": str(tmp_path)}, STORE)) == {}


@pytest.mark.parametrize(
    ("set_to", "words"),
    [(None, ("BAJA", "STOP")), ("", ("BAJA", "STOP")), ("NO MORE, alta ,", ("NO MORE", "alta"))],
)
def test_the_words_that_opt_out_are_set_in_the_environment(set_to: str | None, words: tuple[str, ...]) -> None:
    environment = {} if set_to is None else {OPT_OUT_WORDS: set_to}

    assert opt_out_words_from_environment(environment) == words


@pytest.mark.parametrize("size", ["256 MB", "-1", ""])
def test_a_malformed_size_of_the_spool_inside_airflow_costs_no_report(
    monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL", "/spool")
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_SPOOL_MEGABYTES", size)
    logged: list[str] = []
    monkeypatch.setattr(config.log, "error", lambda text, *_: logged.append(text))

    spool = spool_from_airflow()

    assert spool is not None
    assert (str(spool.folder), spool.max_bytes) == ("/spool", 268_435_456)
    assert len(logged) == (1 if size else 0)
