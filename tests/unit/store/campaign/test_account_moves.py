"""Accounts whose login or host has changed, as a person says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.errors import RcsCampaignConflictError, RcsInputError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.campaign.account_moves import KnownAccount, find_account, known_accounts, move_account
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt, end_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.store.outbox.suppression import preview_suppressions
from airflow_provider_rcs.store.outbox.suppression_list import suppressions
from tests.unit.store.given import ANA, BEA, NOON, accepted, claim_next, listed, report_on, row, suppress

BEFORE, NOW, OTHER = (letter * 32 for letter in "abc")
A_TEST = StartedBy(started_by="a test")


def campaign_of(engine: sa.Engine, account: str, name: str = "spring") -> Campaign:
    return open_campaign(engine, name, CampaignTerms("1", account=account, rcs_conn_id=f"rcs_{account[0]}"), {})


def move(engine: sa.Engine, before: str = BEFORE, account: str = NOW) -> Any:
    return move_account(engine, find_account(engine, before), account, "rcs_new")


def test_the_accounts_are_listed_with_their_connections_campaigns_and_suppressed_phones(engine: sa.Engine) -> None:
    campaign_of(engine, OTHER, "autumn")
    campaign_of(engine, BEFORE)
    campaign_of(engine, BEFORE, "summer")
    suppress(engine, ANA, account=BEFORE)
    suppress(engine, BEA)
    suppress(engine, BEA, account=NOW)

    assert known_accounts(engine) == [
        KnownAccount(OTHER, ["rcs_c"], 1, 0),
        KnownAccount(BEFORE, ["rcs_a"], 2, 1),
        KnownAccount(NOW, [], 0, 1),
    ]


def test_campaigns_of_a_moved_account_go_on_through_the_new_connection_alone(engine: sa.Engine) -> None:
    campaign_of(engine, BEFORE)
    campaign_of(engine, OTHER, "autumn")

    moved = move(engine)

    terms = CampaignTerms("1", account=NOW, rcs_conn_id="rcs_new")
    assert moved.campaigns == 1
    assert open_campaign(engine, "spring", terms, {}).terms == terms
    with pytest.raises(RcsCampaignConflictError):
        campaign_of(engine, BEFORE)
    autumn = find_campaign(engine, "autumn")
    assert autumn is not None
    assert autumn.terms.account == OTHER


def test_suppressions_of_a_moved_account_count_for_the_new_one_too(engine: sa.Engine) -> None:
    campaign_of(engine, BEFORE)
    suppress(engine, ANA, BEA, account=BEFORE)
    suppress(engine, BEA, reason="earlier", account=NOW)

    move(engine)

    assert preview_suppressions(engine, NOW, [ANA, BEA], None, None) == {
        ANA: "suppressed: asked",
        BEA: "suppressed: earlier",
    }
    assert preview_suppressions(engine, BEFORE, [ANA, BEA], None, None).keys() == {ANA, BEA}
    assert len(list(suppressions(engine, NOW))) == 2


def test_reports_that_came_from_the_new_account_before_it_was_moved_are_folded(engine: sa.Engine) -> None:
    attempt = begin_attempt(engine, campaign_of(engine, BEFORE), A_TEST, timedelta(minutes=5))
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA)]))
    claim = claim_next(engine, attempt)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    end_attempt(engine, attempt)
    for account in (NOW, OTHER):
        pushed = ReceivedReports(NOON, [report_on(claim)], let_in_by=ReportsConnection("panel", account))
        land_all(engine, [pushed, ReceivedReports(NOON, [Report("13")])])
    fold(engine)
    assert row(engine).delivery_status == ""

    moved = move(engine)
    fold(engine)

    with engine.connect() as connection:
        set_aside = sa.select(report.c.account).where(report.c.fold_error.is_not(None))
        still_aside = connection.execute(set_aside).scalars().all()
    assert (moved.reports, row(engine).delivery_status, still_aside) == (1, "delivered", [OTHER])


def test_a_moved_campaign_is_loaded_again(engine: sa.Engine) -> None:
    before = campaign_of(engine, BEFORE)

    move(engine)

    with engine.connect() as connection:
        revision = sa.select(campaigns.c.revision).where(campaigns.c.id == before.id)
        assert connection.execute(revision).scalar_one() == 1


def test_an_account_is_not_moved_while_a_campaign_of_it_is_sent(engine: sa.Engine) -> None:
    attempt = begin_attempt(engine, campaign_of(engine, BEFORE), A_TEST, timedelta(minutes=5))

    with pytest.raises(RcsInputError, match="its campaign 'spring' is being sent"):
        move(engine)

    end_attempt(engine, attempt)
    assert move(engine).campaigns == 1


@pytest.mark.parametrize("text", ["", "aaaaaaa", "dddddddd"])
def test_a_text_that_does_not_mean_one_account_is_an_error(engine: sa.Engine, text: str) -> None:
    campaign_of(engine, BEFORE)

    with pytest.raises(RcsInputError, match="accounts of the store, and must mean one"):
        move(engine, text)


def test_an_account_is_not_moved_to_itself(engine: sa.Engine) -> None:
    campaign_of(engine, BEFORE)

    with pytest.raises(RcsInputError, match="it is that of the connection 'rcs_new' already"):
        move(engine, BEFORE, BEFORE)
