"""What is kept of a campaign that a dispatch will send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsCancelledError,
    RcsInvalidRecipientsError,
    RcsPlanChangedError,
    RcsUnplannedError,
)
from airflow_provider_rcs.api.models import FrequencyCap, QuietHours, SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.preview import preview_campaign
from airflow_provider_rcs.sending.scheduled import (
    DispatchConnections,
    connections_of,
    dispatch_campaign,
    schedule_campaign,
    settings_of,
)
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import due_campaigns, scheduled_campaigns
from tests.unit.store.given import ANA, BEA, NOON, states

TEMPLATE = Template("1", "Welcome")
LEASE = timedelta(minutes=5)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
PLAIN = SendSettings(template_id="1", campaign="spring", send_at=SOON, scheduled_by="store")
EVERYTHING = replace(
    PLAIN,
    default_region="ES",
    quiet_hours=(QuietHours(time(22), time(9, 30), 2),),
    request_reports=False,
    batch_size=7,
    max_in_flight=3,
    frequency_cap=FrequencyCap(2, timedelta(days=1, hours=1)),
    on_in_doubt="hold",
)
ASKED = DispatchConnections("rcs_other", "SELECT phone FROM opt_out", "warehouse")


def schedule(
    engine: sa.Engine, phones: Sequence[str], settings: SendSettings = PLAIN, asked: DispatchConnections = ASKED
) -> dict[str, Any]:
    chunks = [{"phone": list(phones)}]
    return schedule_campaign(engine, ApiSettings(), TEMPLATE, settings, chunks, asked, made_by="a test", lease=LEASE)


def refuse_to_be_asked(_: SendRequest) -> SendResult:
    raise AssertionError("nothing is to be sent")


def test_nothing_is_sent_and_all_are_planned(engine: sa.Engine) -> None:
    returned = schedule(engine, [ANA, BEA, ANA])

    assert (returned["campaign"], returned["requested"], returned["planned"], returned["duplicate"]) == (
        "spring",
        3,
        2,
        1,
    )
    assert returned["api_campaign_ids"] == []


@pytest.mark.parametrize("settings", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_it_is_sent_as_its_task_was_told(engine: sa.Engine, settings: SendSettings) -> None:
    schedule(engine, [ANA], settings)

    (kept,) = scheduled_campaigns(engine)

    # Who waits is of no matter to the dispatch: it does not wait any more.
    assert settings_of(kept) == replace(settings, scheduled_by="service")
    assert connections_of(kept) == ASKED


def test_nothing_of_a_person_is_kept_beside_the_books(engine: sa.Engine) -> None:
    schedule(engine, [ANA], EVERYTHING)

    (kept,) = scheduled_campaigns(engine)

    assert ANA not in orjson.dumps(kept.settings).decode()


def test_a_list_with_a_wrong_recipient_is_not_to_be_sent_where_all_or_none_are_asked_for(engine: sa.Engine) -> None:
    with pytest.raises(RcsInvalidRecipientsError):
        schedule(engine, [ANA, "nobody"], replace(PLAIN, on_invalid="fail"))

    (kept,) = scheduled_campaigns(engine)
    with pytest.raises(RcsUnplannedError):
        dispatch_campaign(
            engine,
            ServiceConnection(refuse_to_be_asked, ApiSettings()),
            lambda: TEMPLATE,
            kept,
            made_by="a test",
            lease=LEASE,
        )


def test_a_list_that_is_not_the_approved_one_is_not_kept_and_the_approved_one_before_it_stays(
    engine: sa.Engine,
) -> None:
    seen = preview_campaign(TEMPLATE, PLAIN, [{"phone": [ANA]}], api=ApiSettings(), secret="")
    approved = replace(PLAIN, approved_plan=seen["plan_hash"])
    schedule(engine, [ANA], approved)

    with pytest.raises(RcsPlanChangedError):
        schedule(engine, [ANA, BEA], approved)

    assert states(engine) == {ANA: "planned"}
    assert [kept.campaign.name for kept in due_campaigns(engine, SOON)] == ["spring"]


def test_a_cancelled_campaign_is_not_listed_again(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    cancel(engine, campaign_of(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        schedule(engine, [ANA, BEA])

    assert states(engine) == {ANA: "suppressed"}


def test_a_send_at_once_takes_the_campaign_from_the_dispatch(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    by_the_service = replace(PLAIN, scheduled_by="service")

    send_campaign(
        engine,
        ServiceConnection(
            lambda asked: SendResult(1, "77", {each.phone: "m-1" for each in asked.recipients}), ApiSettings()
        ),
        TEMPLATE,
        by_the_service,
        [{"phone": [ANA]}],
        made_by="a test",
        lease=LEASE,
    )

    assert states(engine) == {ANA: "accepted"}
    assert scheduled_campaigns(engine) == []


def campaign_of(engine: sa.Engine) -> Any:
    return scheduled_campaigns(engine)[0].campaign
