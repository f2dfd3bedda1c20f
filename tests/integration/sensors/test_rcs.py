from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    Context,
    Stats,
    TaskDeferred,
)
from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger
from tests.unit.warehouse.test_load import report, send

PHONES = ["+34600000001", "+34600000002"]


def sensor(**changes: Any) -> RcsCampaignSensor:
    arguments: dict[str, Any] = {"task_id": "wait", "campaign": "spring", "deferrable": False}
    return RcsCampaignSensor(**(arguments | changes))


def test_it_waits_until_every_message_is_final(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    waiting = sensor()
    report(store, reference, PHONES[0], "13")
    after_one = waiting.poke(context)
    report(store, reference, PHONES[1], "50")

    assert (after_one, waiting.poke(context)) == (False, True)


def test_a_share_of_delivered_messages_is_enough(store: sa.Engine, context: Context) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "13")

    assert sensor(until="delivered", at_least=0.5).poke(context)
    assert not sensor(until="delivered", at_least=0.51).poke(context)


def test_it_returns_the_counts_of_the_campaign(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    for phone in PHONES:
        report(store, reference, phone, "13")

    returned = sensor().execute(context)

    assert (returned["campaign"], returned["accepted"], returned["statuses"]) == ("spring", 2, {"delivered": 2})


def test_it_defers_to_the_trigger_with_an_absolute_end_time(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)
    before = datetime.now(UTC)

    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, at_least=0.9, timeout=60, poke_interval=7).execute(context)

    trigger = deferred.value.trigger
    assert isinstance(trigger, RcsCampaignTrigger)
    assert (trigger.campaign, trigger.until, trigger.at_least, trigger.poll_interval) == ("spring", "final", 0.9, 7.0)
    assert timedelta(seconds=59) < trigger.end_time - before < timedelta(seconds=90)


def test_it_does_not_defer_if_all_messages_have_the_status(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    for phone in PHONES:
        report(store, reference, phone, "13")

    assert sensor(deferrable=True).execute(context)["accepted"] == 2


def test_a_timeout_of_the_trigger_fails_as_a_sensor_timeout(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(AirflowSensorTimeout, match="too late"):
        sensor().execute_complete(context, {"status": "timeout", "message": "too late"})


def test_reports_of_the_last_moment_count_after_a_timeout_of_the_trigger(store: sa.Engine, context: Context) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "13")

    returned = sensor(at_least=0.5).execute_complete(context, {"status": "timeout", "message": "too late"})

    assert returned["statuses"] == {"delivered": 1, "unreported": 1}


def test_an_error_of_the_trigger_fails_the_task(context: Context) -> None:
    with pytest.raises(AirflowException, match="no store"):
        sensor().execute_complete(context, {"status": "error", "message": "no store"})


MODES = [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}]


@pytest.mark.parametrize("changes", MODES)
def test_a_campaign_that_has_not_begun_is_not_waited_for_without_a_grace(
    store: sa.Engine, first_try: Context, changes: dict[str, Any]
) -> None:
    with pytest.raises(
        AirflowFailException, match="campaign: the store has no recipient of a campaign 'spring'.*raise begins_within"
    ):
        sensor(begins_within=timedelta(0), **changes).execute(first_try)


def test_a_campaign_that_has_not_begun_is_waited_for(store: sa.Engine, context: Context) -> None:
    waiting = sensor()

    before = waiting.poke(context)
    report(store, send(store, "spring", PHONES[:1]), PHONES[0], "13")

    assert (before, waiting.poke(context)) == (False, True)


def test_a_campaign_whose_list_is_not_recorded_yet_has_not_begun(store: sa.Engine, context: Context) -> None:
    open_campaign(store, "spring", CampaignTerms("1", "Greeting", "", None, "an account"), {})

    assert not sensor().poke(context)


def test_the_grace_counts_from_the_first_poke_across_reschedules(store: sa.Engine) -> None:
    minutes_ago = datetime.now(UTC) - timedelta(minutes=9), datetime.now(UTC) - timedelta(minutes=11)

    with pytest.raises(AirflowRescheduleException):
        sensor(mode="reschedule").execute(rescheduled(minutes_ago[0]))
    with pytest.raises(AirflowFailException, match="no recipient of a campaign 'spring'"):
        sensor(mode="reschedule").execute(rescheduled(minutes_ago[1]))


def test_the_trigger_gets_until_when_the_campaign_may_not_have_begun(store: sa.Engine, context: Context) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, begins_within=timedelta(minutes=3)).execute(context)

    trigger = deferred.value.trigger
    assert isinstance(trigger, RcsCampaignTrigger)
    assert trigger.begins_by is not None
    assert timedelta(minutes=2) < trigger.begins_by - datetime.now(UTC) <= timedelta(minutes=3)


def test_a_campaign_that_the_trigger_did_not_find_fails_the_task(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="the store has no recipient of a campaign 'spring'"):
        sensor().execute_complete(context, {"status": "not_begun"})


@pytest.mark.parametrize("changes", MODES)
def test_a_share_that_can_no_longer_be_reached_fails_the_sensor_in_each_mode(
    store: sa.Engine, first_try: Context, changes: dict[str, Any]
) -> None:
    phones = [f"+3460000000{number}" for number in range(10)]
    reference = send(store, "spring", phones)
    for phone in phones[:4]:
        report(store, reference, phone, "50")

    with pytest.raises(
        AirflowFailException,
        match="4 of its 10 messages have failed, and at_least=0.9, which needs 9 that are delivered, can no longer be",
    ):
        sensor(until="delivered", at_least=0.9, **changes).execute(first_try)
    with pytest.raises((AirflowRescheduleException, TaskDeferred)):
        sensor(until="delivered", at_least=0.6, **(changes | {"mode": "reschedule"})).execute(first_try)


def test_failures_do_not_end_the_wait_for_final_statuses(store: sa.Engine, context: Context) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "50")

    assert not sensor(until="final").poke(context)


SOFT = [{"soft_fail": True}, {"never_fail": True}]


@pytest.mark.parametrize("soft", SOFT)
@pytest.mark.parametrize("changes", MODES)
def test_a_failure_skips_a_sensor_that_may_not_fail_in_each_mode(
    store: sa.Engine, first_try: Context, changes: dict[str, Any], soft: dict[str, Any]
) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "50")
    waiting = sensor(until="delivered", **changes, **soft)

    with pytest.raises(AirflowSkipException):
        waiting.execute(first_try)
    with pytest.raises(AirflowSkipException):
        waiting.resume_execution(
            "execute_complete", {"event": {"status": "too_many_failures", "message": "1 has"}}, first_try
        )


@pytest.mark.parametrize("soft", SOFT)
def test_a_timeout_skips_a_sensor_that_may_not_fail_in_each_mode(store: sa.Engine, soft: dict[str, Any]) -> None:
    send(store, "spring", PHONES)
    long_ago = rescheduled(datetime.now(UTC) - timedelta(hours=2))
    timeout = {"event": {"status": "timeout", "message": "too late"}}

    with pytest.raises(AirflowSkipException):
        sensor(mode="reschedule", timeout=3600, **soft).execute(long_ago)
    with pytest.raises(AirflowSkipException):
        sensor(mode="poke", timeout=0, poke_interval=0, **soft).execute(long_ago)
    with pytest.raises(AirflowSkipException):
        sensor(deferrable=True, **soft).resume_execution("execute_complete", timeout, long_ago)


@pytest.mark.parametrize("changes", MODES)
def test_a_failure_that_a_retry_can_help_is_not_skipped_with_soft_fail_in_each_mode(
    first_try: Context, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "rcs", "password": "x", "schema": "rcs"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(store))
    waiting = sensor(soft_fail=True, **changes)

    with pytest.raises(AirflowException, match="RcsStoreUnavailable") as stopped:
        waiting.execute(first_try)
    with pytest.raises(AirflowException, match="RcsStoreUnavailable") as resumed:
        waiting.resume_execution("execute_complete", {"event": {"status": "success"}}, first_try)

    assert type(stopped.value) is type(resumed.value) is AirflowException


def test_the_result_and_the_last_line_of_the_log_hold_what_was_reached(
    store: sa.Engine, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "13")
    waiting = sensor(until="delivered", at_least=0.5)

    returned = [waiting.execute(context), waiting.execute_complete(context, {"status": "success"})]

    assert [each["reached"] for each in returned] == [{"status": "delivered", "messages": 1, "of": 2, "needed": 1}] * 2
    reached = "1 of 2 messages (50.0%) are delivered; at least 1 are needed. Reached."
    assert capsys.readouterr().out.count(f"{reached} By status: 1 delivered, 1 without a report.") == 2


def test_the_last_line_of_a_sensor_that_fails_says_what_was_not_reached(
    store: sa.Engine, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "22")

    with pytest.raises(AirflowFailException):
        sensor(until="delivered").execute(context)

    reached = "0 of 2 messages (0.0%) are delivered; at least 2 are needed. Not reached."
    assert f"{reached} By status: 1 failed, 1 without a report." in capsys.readouterr().out.splitlines()[-1]


def test_a_sensor_logs_what_is_reached_so_far_only_when_it_has_changed(
    store: sa.Engine, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    spring = send(store, "spring", PHONES)
    waiting = sensor()

    waiting.poke(context)
    waiting.poke(context)
    report(store, spring, PHONES[0], "13")
    waiting.poke(context)

    logged = capsys.readouterr().out
    assert [logged.count(f"{reached} of 2 messages") for reached in (0, 1)] == [1, 1]


def test_the_page_shows_the_last_line_as_it_is_logged() -> None:
    page = Path(__file__).parents[3] / "docs" / "wait-for-a-campaign.md"

    reached = r"960 of 970 messages \(99\.0%\) are delivered; at least 922 are needed\. Reached\."
    assert re.search(rf"\nCampaign \S+: {reached} By status: .+\.\n", page.read_text(encoding="utf-8"))


def test_a_sensor_that_fails_pushes_what_was_reached(store: sa.Engine) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "13")
    pushed: dict[str, Any] = {}
    context = rescheduled(None)
    context["ti"].xcom_push = lambda key, value: pushed.update({key: value})  # type: ignore[method-assign]

    with pytest.raises(AirflowSensorTimeout):
        sensor().execute_complete(context, {"status": "timeout", "message": "too late"})

    assert pushed["return_value"]["reached"] == {"status": "final", "messages": 1, "of": 2, "needed": 2}
    assert "Delivered                1   50.0%" in pushed["funnel"]["text"]


@pytest.mark.parametrize(
    ("do_xcom_push", "keys"), [(True, ["rcs_campaign_link", "funnel"]), (False, ["rcs_campaign_link"])]
)
def test_a_sensor_pushes_the_funnel_in_every_form_without_phones(
    store: sa.Engine, context: Context, do_xcom_push: bool, keys: list[str]
) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "13")
    pushed: dict[str, Any] = {}
    context["ti"].xcom_push = lambda key, value: pushed.update({key: value})  # type: ignore[method-assign]

    sensor(at_least=0.5, do_xcom_push=do_xcom_push).execute(context)

    assert list(pushed) == keys
    assert list(pushed.get("funnel", ["text", "markdown", "svg"])) == ["text", "markdown", "svg"]
    assert [phone for phone in PHONES if phone[3:] in str(pushed)] == []


def test_a_campaign_given_as_a_number_is_found(store: sa.Engine, context: Context) -> None:
    report(store, send(store, "20261129", PHONES[:1]), PHONES[0], "13")

    assert sensor(campaign=20261129).execute(context)["campaign"] == "20261129"


def test_a_sensor_can_be_executed_without_a_context(store: sa.Engine) -> None:
    report(store, send(store, "spring", PHONES[:1]), PHONES[0], "13")

    assert sensor().execute(context={})["statuses"] == {"delivered": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": "read"}, "until: 'read' is not a choice"),
        ({"at_least": 0}, "at_least: 0 is not a share"),
        ({"max_failure_rate": 1}, "max_failure_rate: 1 is not a share"),
        ({"max_failure_rate": -0.1}, "max_failure_rate: -0.1 is not a share"),
        ({"no_reports_within": 60}, "no_reports_within: 60 is not a timedelta. Use a timedelta"),
        ({"begins_within": 60}, "begins_within: 60 is not a timedelta. Use a timedelta"),
    ],
)
def test_an_unusable_argument_is_named(context: Context, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AirflowFailException, match=message):
        sensor(**changes).execute(context)


@pytest.mark.parametrize("changes", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_campaign_without_any_report_fails_in_each_mode_with_what_to_check(
    store: sa.Engine, first_try: Context, changes: dict[str, Any]
) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(AirflowFailException, match=r"RcsNoReportsError: campaign 'spring'.*receiver running.*Report"):
        sensor(no_reports_within=timedelta(0), **changes).execute(first_try)


@pytest.mark.parametrize("changes", [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}])
def test_too_many_failures_fail_the_sensor_in_each_mode_with_their_number(
    store: sa.Engine, first_try: Context, changes: dict[str, Any]
) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "50")

    with pytest.raises(
        AirflowFailException,
        match=r"RcsTooManyFailuresError: campaign 'spring': 1 of its 2 messages have failed \(50.0%\), and "
        r"max_failure_rate=0.49 allows 49.0%. 1 failed, 1 without a report. Look up",
    ):
        sensor(max_failure_rate=0.49, **changes).execute(first_try)


def test_failures_up_to_the_limit_do_not_end_the_wait(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    report(store, reference, PHONES[0], "50")
    waiting = sensor(max_failure_rate=0.5)

    assert not waiting.poke(context)
    report(store, reference, PHONES[1], "13")
    assert waiting.poke(context)


def test_too_many_failures_seen_by_the_trigger_fail_the_task(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="RcsTooManyFailuresError: 3 have failed"):
        sensor().execute_complete(context, {"status": "too_many_failures", "message": "3 have failed"})


def test_the_trigger_gets_max_failure_rate(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, max_failure_rate=0.02).execute(context)

    trigger = deferred.value.trigger
    assert isinstance(trigger, RcsCampaignTrigger)
    assert trigger.max_failure_rate == 0.02


def test_missing_reports_seen_by_the_trigger_fail_the_task(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="RcsNoReportsError: no report"):
        sensor().execute_complete(context, {"status": "no_reports", "message": "no report"})


def test_the_trigger_gets_no_reports_within(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, no_reports_within=timedelta(hours=1)).execute(context)

    trigger = deferred.value.trigger
    assert isinstance(trigger, RcsCampaignTrigger)
    assert trigger.no_reports_within == timedelta(hours=1)


def test_one_report_ends_the_silence(store: sa.Engine, context: Context) -> None:
    report(store, send(store, "spring", PHONES), PHONES[0], "12")

    assert not sensor(no_reports_within=timedelta(0)).poke(context)


def test_without_a_limit_the_sensor_waits_for_reports(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)

    assert not sensor().poke(context)


def sent_ago(store: sa.Engine, minutes: float) -> None:
    """Set the time of all requests to some minutes ago."""
    then = datetime.now(UTC) - timedelta(minutes=minutes)
    with store.begin() as connection:
        connection.execute(request.update().values(claimed_at=then))
        connection.execute(campaign.update().values(reports_since=then))


class RecordedMetrics:
    """Records the counters that Airflow passes to the configured metrics backend."""

    def __init__(self) -> None:
        self.increments: list[tuple[str, object]] = []

    def incr(self, name: str, **options: object) -> None:
        self.increments.append((name, options))


@pytest.fixture
def metrics() -> Iterator[RecordedMetrics]:
    metrics = RecordedMetrics()
    stats: Any = Stats
    stats.initialize(factory=lambda: metrics, export_legacy_names=False)
    yield metrics
    stats.initialize(factory=None, export_legacy_names=False)


WARNING = "not one delivery report has arrived"
COUNTED_ONCE = [("rcs.campaign.silent", {"tags": {"campaign": "spring"}})]


def test_pokes_of_one_task_warn_of_a_silent_campaign_once(
    store: sa.Engine, context: Context, metrics: RecordedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    send(store, "spring", PHONES)
    sent_ago(store, minutes=11)
    waiting = sensor()

    pokes = [waiting.poke(context) for _ in range(3)]

    assert pokes == [False] * 3
    assert capsys.readouterr().out.count(WARNING) == 1
    assert metrics.increments == COUNTED_ONCE


def test_a_sensor_that_starts_days_into_the_silence_warns_at_its_first_poke(
    store: sa.Engine, first_try: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    send(store, "spring", PHONES)
    sent_ago(store, minutes=3 * 24 * 60)

    for context in (first_try, rescheduled(datetime.now(UTC) - timedelta(minutes=1))):
        with pytest.raises(AirflowRescheduleException):
            sensor(mode="reschedule").execute(context)

    assert capsys.readouterr().out.count(WARNING) == 1


@pytest.mark.parametrize("day", [0, 1, 2])
@pytest.mark.parametrize("interval", [60, 75, 110])
def test_pokes_in_separate_processes_warn_of_a_silent_campaign_once_or_twice_a_day(
    store: sa.Engine, metrics: RecordedMetrics, capsys: pytest.CaptureFixture[str], interval: int, day: int
) -> None:
    send(store, "spring", PHONES)
    began = datetime.now(UTC) - timedelta(days=3)

    # Their interval is 60 seconds, but they come as late as the scheduler and the workers are busy.
    for seconds in range(-300, 600, interval):
        overdue = timedelta(days=day, seconds=seconds)
        sent_ago(store, minutes=10 + overdue / timedelta(minutes=1))
        with pytest.raises(AirflowRescheduleException):
            sensor(mode="reschedule").execute(rescheduled(began))

    warnings = capsys.readouterr().out.count(WARNING)
    assert warnings in {1, 2}
    assert metrics.increments == COUNTED_ONCE * warnings


def test_pokes_with_exponential_backoff_warn_however_far_apart_they_are(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    send(store, "spring", PHONES)
    sent_ago(store, minutes=60)

    with pytest.raises(AirflowRescheduleException):
        sensor(mode="reschedule", exponential_backoff=True).execute(
            rescheduled(datetime.now(UTC) - timedelta(minutes=60))
        )

    assert capsys.readouterr().out.count(WARNING) == 1


def test_a_deferrable_sensor_leaves_the_warning_to_its_trigger(
    store: sa.Engine, context: Context, metrics: RecordedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    send(store, "spring", PHONES)
    sent_ago(store, minutes=11)

    with pytest.raises(TaskDeferred):
        sensor(deferrable=True).execute(context)

    assert WARNING not in capsys.readouterr().out
    assert metrics.increments == []


def test_no_warning_for_a_short_silence_or_without_requested_reports(
    store: sa.Engine, context: Context, metrics: RecordedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    send(store, "spring", PHONES)
    sent_ago(store, minutes=9)
    sensor().poke(context)
    sent_ago(store, minutes=11)
    with store.begin() as connection:
        connection.execute(campaign.update().values(reports_since=None))

    sensor(no_reports_within=timedelta(0)).poke(context)

    assert WARNING not in capsys.readouterr().out
    assert metrics.increments == []


def rescheduled(first: datetime | None) -> Context:
    """Return the context of a task with the time of its first poke, which Airflow stores across reschedules."""
    task_instance = SimpleNamespace(
        dag_id="dag", task_id="task", run_id="run", try_number=1, get_first_reschedule_date=lambda _: first
    )
    return cast("Context", {"ti": task_instance})


@pytest.fixture
def first_try() -> Context:
    return rescheduled(None)


def test_it_is_rescheduled_until_the_timeout_since_its_first_poke(store: sa.Engine) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(AirflowRescheduleException):
        sensor(mode="reschedule", timeout=3600).execute(rescheduled(datetime.now(UTC) - timedelta(minutes=30)))


def test_the_timeout_counts_from_the_first_poke_across_reschedules(store: sa.Engine) -> None:
    send(store, "spring", PHONES)

    with pytest.raises(AirflowSensorTimeout):
        sensor(mode="reschedule", timeout=3600).execute(rescheduled(datetime.now(UTC) - timedelta(hours=2)))


def test_it_returns_the_counts_after_reschedules(store: sa.Engine) -> None:
    reference = send(store, "spring", PHONES)
    for phone in PHONES:
        report(store, reference, phone, "13")

    returned = sensor(mode="reschedule").execute(rescheduled(datetime.now(UTC) - timedelta(minutes=30)))

    assert (returned["campaign"], returned["statuses"]) == ("spring", {"delivered": 2})
