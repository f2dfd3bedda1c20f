""""""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.store.outbox.claims import claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.refused_credentials import check_credentials, forget_refusals, remember_refusal
from tests.unit.store.given import ANA, planned, request_row


def test_no_request_leaves_any_more_with_credentials_that_were_refused_to_the_campaign(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA])
    taken = claim_batches(engine, begun, 10)
    remember_refusal(engine, "spring", "abc")

    with pytest.raises(RcsAuthError, match="airflow-rcs resolve 'spring' --credentials-mended"):
        dispatch_claims(engine, begun, taken, "abc")

    assert request_row(engine, taken[0]).state == "claimed"


def test_other_credentials_and_other_campaigns_go_on(engine: sa.Engine) -> None:
    remember_refusal(engine, "spring", "abc")

    check_credentials(engine, "spring", "def")
    check_credentials(engine, "summer", "abc")


def test_a_refusal_is_remembered_once_and_forgotten_when_a_person_says_so(engine: sa.Engine) -> None:
    for _ in range(2):
        remember_refusal(engine, "spring", "abc")

    assert forget_refusals(engine, "spring") == 1

    check_credentials(engine, "spring", "abc")
