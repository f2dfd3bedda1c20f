from __future__ import annotations

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.reports import opt_out_words_from_airflow, timezone_from_airflow


@pytest.mark.parametrize(("set_to", "zone"), [("", "Europe/Madrid"), ("UTC", "UTC")])
def test_the_time_zone_is_spains_unless_airflows_configuration_sets_another(
    monkeypatch: pytest.MonkeyPatch, set_to: str, zone: str
) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_TIMEZONE", set_to)

    assert str(timezone_from_airflow()) == zone


def test_an_unknown_time_zone_in_airflows_configuration_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_TIMEZONE", "Spain")

    with pytest.raises(RcsInputError, match=r"^\[rcs\] reports_timezone: 'Spain' is not a time zone"):
        timezone_from_airflow()


@pytest.mark.parametrize(
    ("set_to", "words"), [("", ("BAJA", "STOP")), (" , ", ("BAJA", "STOP")), ("NO MORE, baja,", ("NO MORE", "baja"))]
)
def test_the_opt_out_words_are_those_of_airflows_configuration(
    monkeypatch: pytest.MonkeyPatch, set_to: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__OPT_OUT_WORDS", set_to)

    assert opt_out_words_from_airflow() == words
