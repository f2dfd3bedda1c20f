"""Credentials that the service has refused in a campaign."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.store.outbox.claims import claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals, looking_up, remember_refusal
from tests.unit.store.given import ANA, planned, request_row


def test_no_request_is_dispatched_with_refused_credentials(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claims = claim_batches(engine, attempt, 10)
    remember_refusal(engine, "spring", "abc")

    with pytest.raises(RcsAuthError, match="airflow-rcs resolve 'spring' --credentials-fixed"):
        dispatch_claims(engine, attempt, claims, "abc")

    assert request_row(engine, claims[0]).state == "claimed"


def test_other_credentials_and_other_campaigns_are_not_affected(engine: sa.Engine) -> None:
    remember_refusal(engine, "spring", "abc")

    with looking_up(engine, "spring", "def"), looking_up(engine, "summer", "abc"):
        pass


def test_refusal_is_recorded_once_until_it_is_forgotten(engine: sa.Engine) -> None:
    for _ in range(2):
        remember_refusal(engine, "spring", "abc")

    assert forget_refusals(engine, "spring") == 1

    with looking_up(engine, "spring", "abc"):
        pass


def test_credentials_refused_in_a_look_up_are_not_sent_again(engine: sa.Engine) -> None:
    with pytest.raises(RcsAuthError, match="refused now"), looking_up(engine, "spring", "abc"):
        raise RcsAuthError("refused now")

    with pytest.raises(RcsAuthError, match="not sent again"), looking_up(engine, "spring", "abc"):
        raise AssertionError("nothing must be looked up")
