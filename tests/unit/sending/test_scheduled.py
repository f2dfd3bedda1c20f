"""Campaigns that are scheduled in the store, and then dispatched."""

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
    RcsInDoubtError,
    RcsInputError,
    RcsInvalidRecipientsError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsPlanChangedError,
    RcsPlanIncompleteError,
)
from airflow_provider_rcs.api.models import (
    FrequencyCap,
    QuietHours,
    SendRequest,
    SendResult,
    Template,
    TemplateVariable,
)
from airflow_provider_rcs.recipients.selection import Selection
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.preview import dry_run
from airflow_provider_rcs.sending.scheduled import (
    DispatchConnections,
    connections_of,
    dispatch_campaign,
    schedule_campaign,
    settings_of,
)
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import due_campaigns, scheduled_campaigns
from airflow_provider_rcs.store.db.tables import campaign, message
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.sending.service import Service
from tests.unit.store.given import ANA, BEA, EVA, NOON, funnel, phones, sent, states

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
CONNECTIONS = DispatchConnections("rcs_other", "SELECT phone FROM opt_out", "warehouse")


def schedule(
    engine: sa.Engine,
    phones: Sequence[str],
    settings: SendSettings = PLAIN,
    connections: DispatchConnections = CONNECTIONS,
) -> dict[str, Any]:
    chunks = [{"phone": list(phones)}]
    return schedule_campaign(
        engine,
        Service(),
        TEMPLATE,
        settings,
        chunks,
        connections,
        started_by=StartedBy(started_by="a test"),
        lease=LEASE,
    )


def refuse_request(_: SendRequest) -> SendResult:
    raise AssertionError("nothing must be sent")


def campaign_of(engine: sa.Engine) -> Any:
    return scheduled_campaigns(engine)[0].campaign


class RecordingService:
    """A service that records its requests and accepts them or loses its replies, with a template that may be gone."""

    def __init__(self, template: Template | None = TEMPLATE, *, loses_replies: bool = False) -> None:
        self.template = template
        self.loses_replies = loses_replies
        self.requests: list[SendRequest] = []

    def send(self, request: SendRequest) -> SendResult:
        self.requests.append(request)
        if self.loses_replies:
            raise RcsOutcomeUnknown("no reply")
        return SendResult(len(request.recipients), "77", {each.phone: f"m-{each.phone}" for each in request.recipients})

    @property
    def sent_to(self) -> list[str]:
        return [recipient.phone for request in self.requests for recipient in request.recipients]


def dispatch(engine: sa.Engine, service: RecordingService, **options: Any) -> dict[str, Any]:
    (scheduled,) = scheduled_campaigns(engine)
    answering = Service(service.send, template=service.template)
    return dispatch_campaign(
        engine, answering, scheduled, started_by=StartedBy(started_by="a test"), lease=LEASE, **options
    )


def test_scheduling_sends_nothing_and_plans_every_recipient(engine: sa.Engine) -> None:
    returned = schedule(engine, [ANA, BEA, ANA])

    assert (returned["campaign"], returned["requested"], returned["planned"], returned["duplicate"]) == (
        "spring",
        3,
        2,
        1,
    )
    assert returned["api_campaign_ids"] == []


@pytest.mark.parametrize("settings", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_a_scheduled_campaign_keeps_the_settings_of_its_task(engine: sa.Engine, settings: SendSettings) -> None:
    schedule(engine, [ANA], settings)

    (scheduled,) = scheduled_campaigns(engine)

    # The dispatch sends at once, so that scheduled_by has its default.
    assert settings_of(scheduled) == replace(settings, scheduled_by="service")
    assert connections_of(scheduled) == CONNECTIONS


def test_the_stored_settings_contain_no_personal_data(engine: sa.Engine) -> None:
    schedule(engine, [ANA], EVERYTHING)

    (scheduled,) = scheduled_campaigns(engine)

    assert ANA not in orjson.dumps(scheduled.settings).decode()


def test_a_list_refused_for_an_invalid_recipient_is_not_dispatched(engine: sa.Engine) -> None:
    with pytest.raises(RcsInvalidRecipientsError):
        schedule(engine, [ANA, "nobody"], replace(PLAIN, on_invalid="fail"))

    (scheduled,) = scheduled_campaigns(engine)
    with pytest.raises(RcsPlanIncompleteError):
        dispatch_campaign(
            engine,
            Service(refuse_request),
            scheduled,
            started_by=StartedBy(started_by="a test"),
            lease=LEASE,
        )


def test_a_list_without_approval_does_not_replace_the_approved_one(
    engine: sa.Engine,
) -> None:
    plan = dry_run(engine, Service(), PLAIN, [{"phone": [ANA]}])
    approved = replace(PLAIN, approved_plan=plan["plan_hash"])
    schedule(engine, [ANA], approved)

    with pytest.raises(RcsPlanChangedError):
        schedule(engine, [ANA, BEA], approved)

    assert states(engine) == {ANA: "planned"}
    assert [scheduled.campaign.name for scheduled in due_campaigns(engine, SOON)] == ["spring"]


def test_a_cancelled_campaign_is_not_planned_again(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    cancel(engine, campaign_of(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        schedule(engine, [ANA, BEA])

    assert states(engine) == {ANA: "suppressed"}


def test_sending_a_scheduled_campaign_at_once_removes_its_schedule(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    at_once = replace(PLAIN, scheduled_by="service")

    send_campaign(
        engine,
        Service(lambda request: SendResult(1, "77", {each.phone: "m-1" for each in request.recipients})),
        TEMPLATE,
        at_once,
        [{"phone": [ANA]}],
        started_by=StartedBy(started_by="a test"),
        lease=LEASE,
    )

    assert states(engine) == {ANA: "accepted"}
    assert scheduled_campaigns(engine) == []


def test_a_dispatch_sends_the_date_and_leaves_nothing_scheduled(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA])
    service = RecordingService()

    dispatch(engine, service)

    assert [(request.send_at, len(request.recipients)) for request in service.requests] == [(SOON, 2)]
    assert scheduled_campaigns(engine) == []


@pytest.mark.parametrize(
    ("template", "error"),
    [
        (None, RcsParameterError),
        (Template("1", "Welcome", (TemplateVariable("Amount", "TEXTO"),)), RcsInputError),
    ],
    ids=["gone", "with a new variable"],
)
def test_with_an_unusable_template_every_recipient_stays_planned_for_the_next_dispatch(
    engine: sa.Engine, template: Template | None, error: type[Exception]
) -> None:
    schedule(engine, [ANA, BEA])
    service = RecordingService(template)

    with pytest.raises(error):
        dispatch(engine, service)
    before, service.template = len(service.requests), TEMPLATE
    dispatch(engine, service)

    assert (before, states(engine)) == (0, {ANA: "accepted", BEA: "accepted"})


def test_a_new_variable_that_the_service_fills_does_not_stop_a_dispatch(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    by_the_service = TemplateVariable("Who", "DESTINATARIO", filled_by_service=True)

    dispatch(engine, RecordingService(Template("1", "Welcome", (by_the_service,))))

    assert states(engine) == {ANA: "accepted"}


def test_a_dispatch_with_only_messages_in_doubt_fails_without_a_template_look_up(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    with pytest.raises(RcsInDoubtError):
        dispatch(engine, RecordingService(loses_replies=True))

    with pytest.raises(RcsInDoubtError):
        dispatch(engine, RecordingService(template=None))


def test_messages_in_doubt_do_not_fail_a_dispatch_with_hold(engine: sa.Engine) -> None:
    schedule(engine, [ANA], replace(PLAIN, on_in_doubt="hold"))

    dispatch(engine, RecordingService(loses_replies=True))

    assert states(engine) == {ANA: "in_doubt"}
    assert scheduled_campaigns(engine) == []


def test_recipients_over_the_frequency_cap_by_then_are_left_out(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA], replace(PLAIN, frequency_cap=FrequencyCap(1, timedelta(days=1))))
    sent(engine, [ANA], "summer")
    service = RecordingService()

    dispatch(engine, service)

    assert states(engine) == {ANA: "suppressed", BEA: "accepted"}


def test_phones_excluded_by_then_are_read_with_the_default_region_of_the_task(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA], replace(PLAIN, default_region="ES"))

    dispatch(engine, RecordingService(), excluded=[["600 000 001"]])

    assert states(engine) == {ANA: "suppressed", BEA: "accepted"}
    assert funnel(engine).requested == 2


def test_recipients_erased_before_the_date_are_left_out_even_if_listed_again(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA])
    erase(engine, ANA, "a test")
    schedule(engine, [ANA, BEA, EVA])
    service = RecordingService()

    returned = dispatch(engine, service)

    assert service.sent_to == [BEA, EVA]
    assert (returned["requested"], returned["accepted"], returned["suppressed"]) == (3, 2, 1)


def test_a_campaign_pruned_before_its_dispatch_is_suppressed_and_no_longer_scheduled(
    engine: sa.Engine,
) -> None:
    schedule(engine, [ANA, BEA])
    with engine.begin() as connection:
        connection.execute(campaign.update().values(created_at=NOON - timedelta(days=900), send_at=NOON))
        connection.execute(message.update().values(updated_at=NOON))
    list(prune(engine, RetentionLimit(NOON + timedelta(days=1))))
    service = RecordingService()

    returned = dispatch(engine, service)

    assert (service.requests, returned["suppressed"], scheduled_campaigns(engine)) == ([], 2, [])


def test_a_scheduled_sample_is_dispatched_alone_and_the_rest_with_the_whole_list(engine: sa.Engine) -> None:
    people, service = phones(100), RecordingService()
    schedule(engine, people, replace(PLAIN, selection=Selection(sample=0.2)))
    sample = dispatch(engine, service)
    schedule(engine, people)

    dispatch(engine, service)

    assert 0 < sample["accepted"] < 50
    assert sorted(service.sent_to) == people
