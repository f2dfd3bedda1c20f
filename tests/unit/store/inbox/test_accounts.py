"""Reports and replies that one account's connection let in, about the messages of another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.store.campaign.campaigns import (
    Campaign,
    CampaignTerms,
    open_campaign,
    require_not_restored,
)
from airflow_provider_rcs.store.db.inbox_tables import inbound, report
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.inbox.matching import release_of_account
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.inbox.silence import read_silent_campaigns
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from tests.unit.store.given import ANA, BEA, NOON, accepted, claim_next, listed, report_on, row

SPAIN, PORTUGAL = ReportsConnection("panel_es", "spain"), ReportsConnection("panel_pt", "portugal")
FRANCE = ReportsConnection("panel_fr", "france")


def campaign_of(engine: sa.Engine, account: str, codes: Mapping[str, str] | None = None) -> Campaign:
    """Open a campaign that has the name of its account."""
    return open_campaign(
        engine, account, CampaignTerms("1", account=account, rcs_conn_id=f"rcs_{account}"), codes or {}
    )


def dispatched(engine: sa.Engine, account: str, phone: str = ANA, codes: Mapping[str, str] | None = None) -> Claim:
    campaign = campaign_of(engine, account, codes)
    attempt = begin_attempt(engine, campaign, StartedBy(started_by="a test"), timedelta(minutes=5))
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone, reference="order-1")]))
    return claim_next(engine, attempt)


def sent(engine: sa.Engine, account: str, phone: str = ANA, codes: Mapping[str, str] | None = None) -> Claim:
    """Send a campaign whose request and message get the same ids from the service as those of every other."""
    claim = dispatched(engine, account, phone, codes)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    return claim


def fold_from(engine: sa.Engine, let_in_by: ReportsConnection, *reports: Report) -> None:
    land_all(engine, [ReceivedReports(NOON, reports, let_in_by=let_in_by)])
    fold(engine)


def reports(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report).order_by(report.c.id)))


def by_ids(phone: str = ANA, **changes: Any) -> Report:
    """Return a report that names its message by the service's ids alone."""
    return Report("13", phone=phone, api_campaign_id="e-1", api_message_id=f"m-{ANA}", service="SMS", **changes)


@pytest.mark.parametrize("let_in_by", [SPAIN, ANOTHER_WAY, ReportsConnection("panel_of_both")])
def test_a_report_by_the_own_account_or_by_none_in_particular_is_folded(
    engine: sa.Engine, let_in_by: ReportsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    claim = sent(engine, "spain")

    fold_from(engine, let_in_by, report_on(claim))

    (landed,) = reports(engine)
    assert (row(engine, name="spain").delivery_status, landed.reports_conn_id) == ("delivered", let_in_by.conn_id)
    assert "set aside" not in caplog.text


def test_a_report_by_another_account_is_set_aside_and_changes_nothing(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    claim = sent(engine, "spain")
    before = row(engine, name="spain")

    fold_from(engine, PORTUGAL, report_on(claim))
    fold_parked(engine)

    (landed,) = reports(engine)
    assert row(engine, name="spain") == before
    assert landed.message_id is None
    assert landed.fold_error == "the connection panel_pt let it in, which is of another account than its campaign"
    assert "1 delivery report is set aside" in caplog.text


def test_a_report_by_another_account_in_one_fold_with_own_ones_is_set_aside_alone(engine: sa.Engine) -> None:
    spain, portugal = sent(engine, "spain", codes={"13": "read"}), sent(engine, "portugal")

    land_all(engine, [ReceivedReports(NOON, [report_on(spain, code="22")], let_in_by=PORTUGAL)])
    land_all(engine, [ReceivedReports(NOON, [report_on(spain)], let_in_by=SPAIN)])
    fold_from(engine, PORTUGAL, report_on(portugal))

    assert row(engine, name="spain").delivery_status == "read"
    assert row(engine, name="portugal").delivery_status == "delivered"
    assert [each.fold_error is None for each in reports(engine)] == [False, True, True]


@pytest.mark.parametrize(("own", "other"), [(SPAIN, PORTUGAL), (PORTUGAL, SPAIN)])
def test_a_report_by_another_account_is_set_aside_beside_one_by_the_own_on_the_same_message(
    engine: sa.Engine, own: ReportsConnection, other: ReportsConnection
) -> None:
    claim = sent(engine, own.account)

    land_all(engine, [ReceivedReports(NOON, [report_on(claim)], let_in_by=own)])
    fold_from(engine, other, report_on(claim, code="22"))

    assert [each.fold_error is None for each in reports(engine)] == [True, False]


def test_setting_a_report_of_another_account_aside_leaves_all_others_as_they_are(engine: sa.Engine) -> None:
    spain = sent(engine, "spain")
    fold_from(engine, SPAIN, report_on(spain, code="12"))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_campaign SET account = 'portugal'")

    land_all(engine, [ReceivedReports(NOON, [report_on(spain)])])
    fold_from(engine, SPAIN, report_on(spain, code="22"))

    assert [each.fold_error is None for each in reports(engine)] == [True, True, False]
    assert row(engine, name="spain").delivery_status == "delivered"
    new = read_new_reports(engine, reports(engine)[0].fold)
    assert new is not None
    assert (new.reports, new.campaigns) == (2, {"spain": 1})


def test_a_report_by_another_account_does_not_settle_messages_in_doubt(engine: sa.Engine) -> None:
    claim, own = dispatched(engine, "spain"), dispatched(engine, "spain", BEA)
    mark_in_doubt(engine, claim, "no reply")

    land_all(engine, [ReceivedReports(NOON, [report_on(own, BEA)], let_in_by=SPAIN)])
    fold_from(engine, PORTUGAL, report_on(claim))

    assert row(engine, name="spain").state == "in_doubt"


def test_a_report_by_another_account_does_not_stop_a_campaign_as_restored(engine: sa.Engine) -> None:
    campaign = campaign_of(engine, "spain")

    fold_from(engine, PORTUGAL, Report("13", phone=ANA, campaign_reference=f"{campaign.token}-unknown"))

    require_not_restored(engine, campaign)


def test_a_report_by_another_account_leaves_a_campaign_silent(engine: sa.Engine) -> None:
    claim = sent(engine, "spain")

    fold_from(engine, PORTUGAL, report_on(claim))

    assert list(read_silent_campaigns(engine, ["spain"])) == ["spain"]


def test_only_what_was_set_aside_for_its_account_is_folded_again_for_it(engine: sa.Engine) -> None:
    taken = sent(engine, "spain")
    fold_from(engine, PORTUGAL, report_on(taken))
    fold_from(engine, PORTUGAL, report_on(taken, campaign_reference="of another sender"))
    fold_from(engine, FRANCE, report_on(taken))

    with engine.begin() as connection:
        assert release_of_account(connection, "portugal") == 1

    assert [each.fold is None for each in reports(engine)] == [True, False, False]


def test_ids_that_two_accounts_share_mean_the_message_of_the_account_that_reports(engine: sa.Engine) -> None:
    sent(engine, "spain")
    sent(engine, "portugal")

    fold_from(engine, PORTUGAL, by_ids(phone="?"))

    statuses = [row(engine, name=name).delivery_status for name in ("spain", "portugal")]
    assert statuses == ["", "delivered"]


def test_a_request_whose_id_two_accounts_share_is_not_enough_to_mean_a_message_of_it(engine: sa.Engine) -> None:
    sent(engine, "spain")
    sent(engine, "portugal")

    fold_from(engine, PORTUGAL, by_ids(phone="?")._replace(api_message_id="unknown"))

    assert [each.message_id for each in reports(engine)] == [None]


@pytest.mark.parametrize("phone", ["?", ANA])
def test_ids_that_two_accounts_share_are_parked_if_no_account_is_known(engine: sa.Engine, phone: str) -> None:
    sent(engine, "spain")
    sent(engine, "portugal")

    fold_from(engine, ANOTHER_WAY, by_ids(phone))
    fold_parked(engine)

    statuses = [row(engine, name=name).delivery_status for name in ("spain", "portugal")]
    assert statuses == ["", ""]


def test_a_reference_that_two_accounts_share_means_the_message_of_the_account_that_reports(engine: sa.Engine) -> None:
    sent(engine, "spain")
    sent(engine, "portugal")
    by_phone = Report("13", phone=ANA, message_reference="order-1", service="SMS")

    fold_from(engine, SPAIN, by_phone)
    fold_from(engine, FRANCE, by_phone._replace(status_code="22"))

    statuses = [row(engine, name=name).delivery_status for name in ("spain", "portugal")]
    assert statuses == ["delivered", ""]


def test_codes_of_one_account_are_refolded_into_its_own_campaigns_alone(engine: sa.Engine) -> None:
    for account in ("spain", "portugal"):
        fold_from(engine, ANOTHER_WAY, report_on(sent(engine, account)))

    list(refold(engine, AccountCodes("portugal", {"13": "read"})))
    fold_from(engine, ANOTHER_WAY, report_on(sent(engine, "spain", BEA), BEA))

    statuses = [row(engine, ANA, "spain"), row(engine, BEA, "spain"), row(engine, ANA, "portugal")]
    assert [each.delivery_status for each in statuses] == ["delivered", "delivered", "read"]


def test_a_reply_is_that_to_a_message_of_its_account(engine: sa.Engine) -> None:
    sent(engine, "spain")
    sent(engine, "portugal")

    land_all(engine, [ReceivedReports(NOON, inbound=[InboundMessage(ANA, "hola", message_reference="order-1")])])
    reply = InboundMessage(ANA, "olá", message_reference="order-1")
    land_all(engine, [ReceivedReports(NOON, inbound=[reply], let_in_by=PORTUGAL)])
    fold(engine)

    with engine.connect() as connection:
        replies = list(connection.execute(sa.select(inbound).order_by(inbound.c.id)))
    assert [each.message_id for each in replies] == [None, row(engine, name="portugal").id]
    assert [each.reports_conn_id for each in replies] == ["", "panel_pt"]


def test_an_opt_out_without_a_phone_is_of_the_recipient_whom_its_account_messaged(engine: sa.Engine) -> None:
    sent(engine, "spain", ANA)
    sent(engine, "portugal", BEA)

    land_all(engine, [ReceivedReports(NOON, inbound=[InboundMessage("?", "BAJA", message_reference="order-1")])])
    baja = InboundMessage("??", "BAJA", message_reference="order-1")
    land_all(engine, [ReceivedReports(NOON, inbound=[baja], let_in_by=PORTUGAL)])
    fold(engine)

    with engine.connect() as connection:
        phones = connection.execute(sa.text("SELECT phone, account FROM rcs_suppression")).all()
    assert [tuple(each) for each in phones] == [(BEA, "")]
