"""Credentials that the service has refused in a campaign."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.store.outbox.claims import claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.refused_credentials import (
    find_refusal,
    forget_refusals,
    looking_up,
    remember_refusal,
)
from tests.unit.store.given import ANA, planned, request_row

EXPLAINED = (
    r"^campaign 'spring': the service refused these credentials on \d{4}-\d\d-\d\d \d\d:\d\d UTC\. They are not sent "
    r"again, because that can block the account\. Correct login and password of the connection\. If the account was "
    r"fixed instead: airflow-rcs resolve spring --credentials-fixed$"
)


def test_no_request_is_dispatched_with_refused_credentials(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claims = claim_batches(engine, attempt, 10)
    remember_refusal(engine, "spring", "abc")

    with pytest.raises(RcsAuthError, match=EXPLAINED):
        dispatch_claims(engine, attempt, claims, "abc")

    assert request_row(engine, claims[0]).state == "claimed"


def test_requests_are_dispatched_with_credentials_that_were_only_refused_elsewhere(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claims = claim_batches(engine, attempt, 10)
    remember_refusal(engine, "spring", "abc")
    remember_refusal(engine, "summer", "def")

    dispatch_claims(engine, attempt, claims, "def")

    assert request_row(engine, claims[0]).state == "sending"


def test_other_credentials_and_other_campaigns_are_not_affected(engine: sa.Engine) -> None:
    remember_refusal(engine, "spring", "abc")

    with looking_up(engine, "spring", "def"), looking_up(engine, "summer", "abc"):
        pass


def test_the_first_campaign_in_which_credentials_were_refused_is_found(engine: sa.Engine) -> None:
    before = datetime.now(UTC)
    remember_refusal(engine, "summer", "abc")
    remember_refusal(engine, "spring", "abc")

    found = find_refusal(engine, "abc")

    assert found is not None
    assert found[0] == "summer"
    assert before <= found[1] <= datetime.now(UTC)
    assert find_refusal(engine, "def") is None


def test_refusal_is_recorded_once_until_it_is_forgotten(engine: sa.Engine) -> None:
    for _ in range(2):
        remember_refusal(engine, "spring", "abc")

    assert forget_refusals(engine, "spring") == 1

    with looking_up(engine, "spring", "abc"):
        pass


def test_credentials_refused_in_a_look_up_are_not_sent_again(engine: sa.Engine) -> None:
    with pytest.raises(RcsAuthError, match="refused now"), looking_up(engine, "spring", "abc"):
        raise RcsAuthError("refused now")

    with pytest.raises(RcsAuthError, match=EXPLAINED), looking_up(engine, "spring", "abc"):
        raise AssertionError("nothing must be looked up")
