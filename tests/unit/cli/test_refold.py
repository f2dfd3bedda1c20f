"""``airflow-rcs refold``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api import statuses
from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.inbox.landing import land
from tests.unit.store.given import NOON, land_and_fold, report_on, row, sent

Refold = Callable[..., int]


def rcs_connection(status_codes: dict[str, str]) -> str:
    fields = {"conn_type": "rcs", "host": "https://rcs.example/v7", "login": "user", "password": "token"}
    return json.dumps({**fields, "extra": {"status_codes": status_codes}})


@pytest.fixture
def run(store_url: str) -> Refold:
    return lambda *options: main(["refold", "--store-url", store_url, *options])


def test_it_applies_the_codes_of_the_default_connection(
    engine: sa.Engine, run: Refold, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", rcs_connection({"77": "read"}))

    assert run() == 0

    assert row(engine).delivery_status == "read"
    assert capsys.readouterr().out == "1 message was computed anew; 1 of them has changed.\n"


@pytest.mark.slow
def test_it_applies_the_codes_of_the_connection_that_is_named_to_one_campaign(
    engine: sa.Engine, run: Refold, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("spring", "summer"):
        land_and_fold(engine, report_on(sent(engine, name=name), code="77"))
    monkeypatch.setenv("AIRFLOW_CONN_RCS_OTHER", rcs_connection({"77": "read"}))

    run("--rcs-conn-id", "rcs_other", "--campaign", "summer")

    statuses_now = (row(engine).delivery_status, row(engine, name="summer").delivery_status)
    assert statuses_now == ("unknown", "read")


def test_without_a_connection_it_applies_the_default_codes_of_a_new_version(
    engine: sa.Engine, run: Refold, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))
    later = {**statuses.DEFAULT_STATUS_CODES, "77": DeliveryStatus.READ}
    monkeypatch.setattr(statuses, "DEFAULT_STATUS_CODES", later)

    run()

    assert row(engine).delivery_status == "read"
    assert "campaigns keep the status codes that they were last sent with" in capsys.readouterr().err


def test_it_folds_what_has_landed_first(engine: sa.Engine, run: Refold) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    run()

    assert row(engine).delivery_status == "delivered"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--campaign", "winter"], "campaign: the store has no campaign 'winter'"),
        (["--rcs-conn-id", "none"], "rcs-conn-id: the connection 'none' is not defined"),
    ],
)
def test_what_does_not_exist_is_an_error(
    engine: sa.Engine, run: Refold, capsys: pytest.CaptureFixture[str], options: list[str], error: str
) -> None:
    sent(engine)

    assert run(*options) == 2

    assert error in capsys.readouterr().err
