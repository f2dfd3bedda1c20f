from __future__ import annotations

from base64 import b64encode

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.config import (
    REPORTS_LOGIN,
    REPORTS_PASSWORD,
    REPORTS_TIMEZONE,
    STORE_URL,
    reports_credentials,
    reports_timezone,
    store_url,
)


def test_environment_gives_store_and_credentials() -> None:
    environment = {
        "AIRFLOW_RCS_STORE_URL": "sqlite:////store.db",
        "AIRFLOW_RCS_REPORTS_LOGIN": "reports",
        "AIRFLOW_RCS_REPORTS_PASSWORD": "secret",
    }

    credentials = reports_credentials(environment)

    assert store_url(environment) == "sqlite:////store.db"
    assert credentials is not None
    assert credentials.match(b"Basic " + b64encode(b"reports:secret"))


@pytest.mark.parametrize("environment", [{}, dict.fromkeys((STORE_URL, REPORTS_LOGIN, REPORTS_PASSWORD), "")])
def test_what_is_not_set_is_left_to_others(environment: dict[str, str]) -> None:
    assert store_url(environment) is None
    assert reports_credentials(environment) is None


@pytest.mark.parametrize("name", ["AIRFLOW_RCS_REPORTS_LOGIN", "AIRFLOW_RCS_REPORTS_PASSWORD"])
def test_half_of_the_credentials_is_an_error(name: str) -> None:
    with pytest.raises(
        RcsInputError, match=r"AIRFLOW_RCS_REPORTS_LOGIN and AIRFLOW_RCS_REPORTS_PASSWORD: its .* missing"
    ):
        reports_credentials({name: "value"})


@pytest.mark.parametrize(
    ("environment", "zone"),
    [
        ({}, "Europe/Madrid"),
        ({"AIRFLOW_RCS_REPORTS_TIMEZONE": ""}, "Europe/Madrid"),
        ({REPORTS_TIMEZONE: "UTC"}, "UTC"),
    ],
)
def test_reports_are_dated_by_spains_clock_unless_the_environment_names_another(
    environment: dict[str, str], zone: str
) -> None:
    assert str(reports_timezone(environment)) == zone


def test_a_time_zone_that_is_none_is_refused() -> None:
    with pytest.raises(RcsInputError, match="^AIRFLOW_RCS_REPORTS_TIMEZONE: 'Spain' is not a time zone"):
        reports_timezone({REPORTS_TIMEZONE: "Spain"})
