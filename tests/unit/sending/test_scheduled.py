"""What is kept of a campaign that a dispatch will send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInDoubtError, RcsInputError, RcsInvalidRecipientsError, RcsOutcomeUnknown, RcsParameterError, RcsPlanChangedError, RcsPlanIncompleteError
from airflow_provider_rcs.api.models import (
    FrequencyCap,
    QuietHours,
    SendRequest,
    SendResult,
    Template,
    TemplateVariable,
)
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.recipients.selection import Selection
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
from airflow_provider_rcs.store.db.tables import campaign, message
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.retention import RetentionLimit, prune
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


ASKED = DispatchConnections("rcs_other", "SELECT phone FROM opt_out", "warehouse")


def schedule(
    engine: sa.Engine, phones: Sequence[str], settings: SendSettings = PLAIN, asked: DispatchConnections = ASKED
) -> dict[str, Any]:
    chunks = [{"phone": list(phones)}]
    return schedule_campaign(engine, ApiSettings(), TEMPLATE, settings, chunks, asked, started_by="a test", lease=LEASE)


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
    with pytest.raises(RcsPlanIncompleteError):
        dispatch_campaign(
            engine,
            ServiceConnection(refuse_to_be_asked, ApiSettings()),
            lambda: TEMPLATE,
            kept,
            started_by="a test",
            lease=LEASE,
        )


def test_a_list_that_is_not_the_approved_one_is_not_kept_and_the_approved_one_before_it_stays(
    engine: sa.Engine,
) -> None:
    seen = preview_campaign(TEMPLATE, PLAIN, [{"phone": [ANA]}], api=ApiSettings(), fingerprint="")
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
        started_by="a test",
        lease=LEASE,
    )

    assert states(engine) == {ANA: "accepted"}
    assert scheduled_campaigns(engine) == []


def campaign_of(engine: sa.Engine) -> Any:
    return scheduled_campaigns(engine)[0].campaign


class Recorder:
    """A service that accepts all, or whose replies are lost, and a template that may be gone."""

    def __init__(self, template: Template | None = TEMPLATE, *, loses_replies: bool = False) -> None:
        self.template = template
        self.loses_replies = loses_replies
        self.asked: list[SendRequest] = []

    def send(self, request: SendRequest) -> SendResult:
        self.asked.append(request)
        if self.loses_replies:
            raise RcsOutcomeUnknown("no reply")
        return SendResult(len(request.recipients), "77", {each.phone: f"m-{each.phone}" for each in request.recipients})

    @property
    def sent_to(self) -> list[str]:
        return [recipient.phone for request in self.asked for recipient in request.recipients]

    def look_up(self) -> Template:
        if self.template is None:
            raise RcsParameterError("no such template")
        return self.template


def dispatch(engine: sa.Engine, service: Recorder, **options: Any) -> dict[str, Any]:
    (kept,) = scheduled_campaigns(engine)
    speaks = ServiceConnection(service.send, ApiSettings())
    return dispatch_campaign(engine, speaks, service.look_up, kept, started_by="a test", lease=LEASE, **options)


def test_the_date_goes_with_the_request_and_nothing_is_left_to_do(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA])
    service = Recorder()

    dispatch(engine, service)

    assert [(request.send_at, len(request.recipients)) for request in service.asked] == [(SOON, 2)]
    assert scheduled_campaigns(engine) == []


@pytest.mark.parametrize(
    ("template", "error"),
    [
        (None, RcsParameterError),
        (Template("1", "Welcome", (TemplateVariable("Amount", "TEXTO"),)), RcsInputError),
    ],
    ids=["gone", "with a new variable"],
)
def test_a_template_that_cannot_be_sent_keeps_everyone_planned_for_the_next_dispatch(
    engine: sa.Engine, template: Template | None, error: type[Exception]
) -> None:
    schedule(engine, [ANA, BEA])
    service = Recorder(template)

    with pytest.raises(error):
        dispatch(engine, service)
    before, service.template = len(service.asked), TEMPLATE
    dispatch(engine, service)

    assert (before, states(engine)) == (0, {ANA: "accepted", BEA: "accepted"})


def test_a_new_variable_that_the_service_fills_itself_is_no_matter(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    by_the_service = TemplateVariable("Who", "DESTINATARIO", filled_by_service=True)

    dispatch(engine, Recorder(Template("1", "Welcome", (by_the_service,))))

    assert states(engine) == {ANA: "accepted"}


def test_while_messages_are_in_doubt_it_fails_and_looks_no_template_up(engine: sa.Engine) -> None:
    schedule(engine, [ANA])
    with pytest.raises(RcsInDoubtError):
        dispatch(engine, Recorder(loses_replies=True))

    with pytest.raises(RcsInDoubtError):
        dispatch(engine, Recorder(template=None))


def test_doubts_that_the_task_holds_do_not_fail_it(engine: sa.Engine) -> None:
    schedule(engine, [ANA], replace(PLAIN, on_in_doubt="hold"))

    dispatch(engine, Recorder(loses_replies=True))

    assert states(engine) == {ANA: "in_doubt"}
    assert scheduled_campaigns(engine) == []


def test_who_was_messaged_enough_meanwhile_is_left_out(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA], replace(PLAIN, frequency_cap=FrequencyCap(1, timedelta(days=1))))
    sent(engine, [ANA], "summer")
    service = Recorder()

    dispatch(engine, service)

    assert states(engine) == {ANA: "suppressed", BEA: "accepted"}


def test_who_is_excluded_now_is_left_out_though_the_phone_is_written_by_the_tasks_region(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA], replace(PLAIN, default_region="ES"))

    dispatch(engine, Recorder(), excluded=[["600 000 001"]])

    assert states(engine) == {ANA: "suppressed", BEA: "accepted"}
    assert funnel(engine).requested == 2


def test_who_is_erased_before_the_date_is_left_out_also_if_the_list_is_made_again(engine: sa.Engine) -> None:
    schedule(engine, [ANA, BEA])
    erase(engine, ANA, "a test")
    schedule(engine, [ANA, BEA, EVA])
    service = Recorder()

    returned = dispatch(engine, service)

    assert service.sent_to == [BEA, EVA]
    assert (returned["requested"], returned["accepted"], returned["suppressed"]) == (3, 2, 1)


def test_a_campaign_that_was_pruned_before_anyone_dispatched_it_is_settled_and_asked_for_no_more(
    engine: sa.Engine,
) -> None:
    schedule(engine, [ANA, BEA])
    with engine.begin() as connection:
        connection.execute(campaign.update().values(created_at=NOON - timedelta(days=900), send_at=NOON))
        connection.execute(message.update().values(updated_at=NOON))
    list(prune(engine, RetentionLimit(NOON + timedelta(days=1))))
    service = Recorder()

    returned = dispatch(engine, service)

    assert (service.asked, returned["suppressed"], scheduled_campaigns(engine)) == ([], 2, [])


def test_a_share_is_dispatched_alone_and_the_rest_after_the_whole_list_was_kept(engine: sa.Engine) -> None:
    people, service = phones(100), Recorder()
    schedule(engine, people, replace(PLAIN, selection=Selection(sample=0.2)))
    share = dispatch(engine, service)
    schedule(engine, people)

    dispatch(engine, service)

    assert 0 < share["accepted"] < 50
    assert sorted(service.sent_to) == people
