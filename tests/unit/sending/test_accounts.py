"""Several accounts on one store: a campaign belongs to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCampaignConflictError, RcsPlanChangedError
from airflow_provider_rcs.api.models import FrequencyCap, Report, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.preview import dry_run
from airflow_provider_rcs.sending.scheduled import DispatchConnections, dispatch_campaign, schedule_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.unit.sending.service import Service
from tests.unit.store.given import ANA, BEA, funnel, land_and_fold, phones, states

LEASE = timedelta(minutes=5)
A_TEST = StartedBy(started_by="a test")
TEMPLATE = Template("1234567", "Welcome")
SETTINGS = SendSettings("1234567", "spring")
HELD = replace(SETTINGS, send_at=datetime(2099, 5, 1, 12, tzinfo=UTC), scheduled_by="store")


def account(name: str, codes: Mapping[str, str] | None = None) -> Service:
    """Return the service as a connection sees it, whose account has the same name."""
    settings = ApiSettings(status_codes=codes or {})
    return Service(settings=settings, account=name, rcs_conn_id=f"rcs_{name}", template=TEMPLATE)


SPAIN, PORTUGAL = account("spain"), account("portugal")


def send(engine: sa.Engine, service: Service, *people: str) -> dict[str, Any]:
    chunks = [{"phone": list(people)}]
    return send_campaign(engine, service, TEMPLATE, SETTINGS, chunks, started_by=A_TEST, lease=LEASE)


def schedule(engine: sa.Engine, service: Service, *people: str) -> None:
    chunks, connections = [{"phone": list(people)}], DispatchConnections(service.rcs_conn_id)
    schedule_campaign(engine, service, TEMPLATE, HELD, chunks, connections, started_by=A_TEST, lease=LEASE)


def test_a_campaign_of_one_account_is_refused_through_another_and_sends_nothing(engine: sa.Engine) -> None:
    send(engine, SPAIN, ANA)

    with pytest.raises(RcsCampaignConflictError) as refused:
        send(engine, PORTUGAL, ANA, BEA)

    assert all(name in str(refused.value) for name in ("'rcs_spain' (spain)", "'rcs_portugal' (portugal)"))
    assert states(engine) == {ANA: "accepted"}


def test_status_codes_of_one_account_never_reach_the_campaign_of_another(engine: sa.Engine) -> None:
    send(engine, SPAIN, *phones(20))
    with suppress(RcsCampaignConflictError):
        send(engine, account("portugal", {"13": "read"}), BEA)

    with engine.connect() as connection:
        reference = connection.execute(sa.select(request.c.reference).limit(1)).scalar_one()
    land_and_fold(engine, *(Report("13", phone=phone, campaign_reference=reference) for phone in phones(20)))

    assert {str(status): count for status, count in funnel(engine).statuses.items() if count} == {"delivered": 20}


def test_another_connection_to_the_same_account_continues_its_campaign(engine: sa.Engine) -> None:
    send(engine, SPAIN, ANA)

    sent = send(engine, replace(SPAIN, rcs_conn_id="rcs_renamed"), ANA, BEA)

    found = find_campaign(engine, "spring")
    assert sent["accepted"] == 2
    assert found is not None
    assert found.terms.rcs_conn_id == "rcs_spain"


def test_a_preview_refuses_a_campaign_of_another_account_too(engine: sa.Engine) -> None:
    send(engine, SPAIN, ANA)

    with pytest.raises(RcsCampaignConflictError):
        dry_run(engine, PORTUGAL, SETTINGS, [{"phone": [ANA]}])


def test_the_list_of_a_scheduled_campaign_is_not_replaced_through_another_account(engine: sa.Engine) -> None:
    schedule(engine, SPAIN, ANA)

    with pytest.raises(RcsCampaignConflictError):
        schedule(engine, PORTUGAL, BEA)

    assert states(engine) == {ANA: "planned"}


def test_a_dispatch_is_refused_if_its_connection_names_another_account_by_now(engine: sa.Engine) -> None:
    schedule(engine, SPAIN, ANA)
    (scheduled,) = scheduled_campaigns(engine)

    with pytest.raises(RcsCampaignConflictError, match="accounts move"):
        dispatch_campaign(engine, PORTUGAL, scheduled, started_by=A_TEST, lease=LEASE)

    assert states(engine) == {ANA: "planned"}


def test_a_frequency_cap_counts_what_other_accounts_have_sent(engine: sa.Engine) -> None:
    send(engine, SPAIN, ANA)
    capped = replace(SETTINGS, campaign="summer", frequency_cap=FrequencyCap(1, timedelta(days=7)))

    sent = send_campaign(engine, PORTUGAL, TEMPLATE, capped, [{"phone": [ANA, BEA]}], started_by=A_TEST, lease=LEASE)

    assert (sent["accepted"], sent["suppressed"]) == (1, 1)
    assert states(engine, "summer") == {ANA: "suppressed", BEA: "accepted"}


def test_a_plan_that_was_approved_for_one_account_is_not_sent_through_another(engine: sa.Engine) -> None:
    plan = dry_run(engine, SPAIN, SETTINGS, [{"phone": [ANA]}])
    approved = replace(SETTINGS, approved_plan=plan["plan_hash"])

    with pytest.raises(RcsPlanChangedError):
        send_campaign(engine, PORTUGAL, TEMPLATE, approved, [{"phone": [ANA]}], started_by=A_TEST, lease=LEASE)
