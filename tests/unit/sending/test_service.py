from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError, RcsCreditError
from airflow_provider_rcs.sending.campaign import require_credit_to_begin
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.outbox.refused_credentials import check_credentials
from tests.unit.store.given import campaign

ASKING_FOR_FIVE = SendSettings("1234567", "spring", min_credits=5)


def refuse() -> float:
    raise RcsAuthError("refused")


def test_credit_that_was_not_asked_for_is_not_looked_up(engine: sa.Engine) -> None:
    require_credit_to_begin(engine, SendSettings("1234567", "spring"), refuse, "fingerprint")


def test_a_campaign_begins_with_as_much_credit_as_was_asked_for_and_not_with_less(engine: sa.Engine) -> None:
    require_credit_to_begin(engine, ASKING_FOR_FIVE, lambda: 5, "fingerprint")

    with pytest.raises(RcsCreditError):
        require_credit_to_begin(engine, ASKING_FOR_FIVE, lambda: 4.99, "fingerprint")


def test_the_credit_of_a_campaign_that_has_begun_is_not_looked_up(engine: sa.Engine) -> None:
    campaign(engine)

    require_credit_to_begin(engine, ASKING_FOR_FIVE, refuse, "fingerprint")


def test_credit_that_another_task_of_the_campaign_has_spent_in_the_meantime_is_not_missed(engine: sa.Engine) -> None:
    def look_up() -> float:
        campaign(engine)
        return 4

    require_credit_to_begin(engine, ASKING_FOR_FIVE, look_up, "fingerprint")


def test_credentials_that_are_refused_at_the_look_up_of_the_credit_are_not_shown_again(engine: sa.Engine) -> None:
    with pytest.raises(RcsAuthError):
        require_credit_to_begin(engine, ASKING_FOR_FIVE, refuse, "fingerprint")

    with pytest.raises(RcsAuthError, match="not shown to it again"):
        check_credentials(engine, "spring", "fingerprint")
