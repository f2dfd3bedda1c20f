"""How a campaign stands before an attempt at it begins."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.standing import Standing, read_standing
from tests.unit.store.given import ANA, NOON, campaign, expire_lease, planned

CANCELLATION = Cancellation("Mar", "the price is wrong", NOON)


def test_a_new_campaign_has_nothing_to_be_recovered_and_is_not_cancelled(engine: sa.Engine) -> None:
    assert read_standing(engine, campaign(engine)) == Standing(
        has_dead_attempts=False, cancellation=None, unknown_reference=None
    )


def test_a_dead_attempt_is_one_of_its_own_campaign_only(engine: sa.Engine) -> None:
    expire_lease(engine, planned(engine, [ANA], "spring"))
    planned(engine, [ANA], "summer")

    assert read_standing(engine, campaign(engine, "spring")).has_dead_attempts is True
    assert read_standing(engine, campaign(engine, "summer")).has_dead_attempts is False


def test_a_cancellation_is_the_one_of_its_own_campaign(engine: sa.Engine) -> None:
    cancel(engine, campaign(engine, "spring"), CANCELLATION)

    assert read_standing(engine, campaign(engine, "spring")).cancellation == CANCELLATION
    assert read_standing(engine, campaign(engine, "summer")).cancellation is None


def test_a_report_on_a_request_that_the_store_does_not_know_is_named(engine: sa.Engine) -> None:
    spring, summer = campaign(engine, "spring"), campaign(engine, "summer")
    land(engine, [Report("13", phone=ANA, campaign_reference=f"{spring.token}-lost")], NOON)

    assert read_standing(engine, spring).unknown_reference == f"{spring.token}-lost"
    assert read_standing(engine, summer).unknown_reference is None
