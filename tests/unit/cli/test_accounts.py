"""``airflow-rcs accounts``, and the account in the list of campaigns."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import account_of
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, find_campaign, open_campaign
from tests.unit.store.given import ANA, suppress

OLD = "a1b2c3d4" * 4


@pytest.fixture(autouse=True)
def old_campaign(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", CampaignTerms("1", account=OLD, rcs_conn_id="rcs_es"), {})


def run(store_url: str, *arguments: str) -> int:
    return main([*arguments, "--store-url", store_url])


def test_campaigns_are_listed_with_the_account_that_sends_them(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(store_url, "campaigns")

    headings, _, line = capsys.readouterr().out.splitlines()
    assert headings.split()[:2] == ["campaign", "account"]
    assert line.startswith("spring    rcs_es (a1b2c3d4)  ")


def test_accounts_are_listed_with_what_they_have(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    suppress(engine, ANA, account=OLD)

    run(store_url, "accounts", "list")

    headings, _, line = capsys.readouterr().out.splitlines()
    assert headings.split("  ")[0] == "account"
    assert line.split() == [OLD, "rcs_es", "1", "1"]


def test_an_account_is_moved_to_that_of_a_connection(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = {"conn_type": "rcs", "host": "https://rcs.example/v7", "login": "rotated", "password": "token"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_NEW", json.dumps(now))

    code = run(store_url, "accounts", "move", OLD[:8], "--rcs-conn-id", "rcs_new")

    found = find_campaign(engine, "spring")
    assert (code, capsys.readouterr().out) == (
        0,
        "1 campaign belongs to the account of the connection 'rcs_new' now.\n",
    )
    assert found is not None
    assert (found.terms.account, found.terms.rcs_conn_id) == (account_of(now["host"], "rotated"), "rcs_new")


def test_an_account_that_is_not_known_or_a_connection_that_is_not_defined_is_an_error(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(store_url, "accounts", "move", "ffffffff", "--rcs-conn-id", "rcs_new") == 2
    assert run(store_url, "accounts", "move", OLD, "--rcs-conn-id", "no_such") == 2

    unknown, undefined = capsys.readouterr().err.splitlines()
    assert "'ffffffff' means 0 accounts of the store" in unknown
    assert "the connection 'no_such' is not defined" in undefined
