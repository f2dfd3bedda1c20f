from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.store.campaign.campaigns import require_not_restored
from tests.unit.store.given import ANA, campaign, claimed, receive, report_on


def test_a_report_on_a_request_that_the_store_has_lost_shows_that_it_was_restored(engine: sa.Engine) -> None:
    opened = campaign(engine)
    lost = replace(claimed(engine, [ANA]), reference=f"{opened.token}-lost234567")
    receive(engine, report_on(lost, ANA))

    with pytest.raises(RcsStoreError, match=f"request {opened.token}-lost234567 .* restored from a backup"):
        require_not_restored(engine, opened)


def test_reports_on_requests_that_it_knows_or_on_others_campaigns_show_nothing(engine: sa.Engine) -> None:
    opened = campaign(engine)
    taken = claimed(engine, [ANA])
    receive(engine, report_on(taken, ANA), report_on(replace(taken, reference="someone-elses"), "34600999999"))

    require_not_restored(engine, opened)
