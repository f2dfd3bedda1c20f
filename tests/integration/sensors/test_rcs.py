from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    Context,
    TaskDeferred,
)

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger
from tests.unit.warehouse.test_load import report, send

PHONES = ["34600000001", "34600000002"]


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

    assert sensor(until="delivered", share=0.5).poke(context)
    assert not sensor(until="delivered", share=0.51).poke(context)


def test_it_returns_the_counts(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    for phone in PHONES:
        report(store, reference, phone, "13")

    returned = sensor().execute(context)

    assert (returned["campaign"], returned["accepted"], returned["statuses"]) == ("spring", 2, {"delivered": 2})


def test_it_defers_to_the_trigger_with_an_absolute_end(store: sa.Engine, context: Context) -> None:
    send(store, "spring", PHONES)
    before = datetime.now(UTC)

    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, share=0.9, timeout=60, poke_interval=7).execute(context)

    trigger = deferred.value.trigger
    assert isinstance(trigger, RcsCampaignTrigger)
    assert (trigger.campaign, trigger.until, trigger.share, trigger.poll_interval) == ("spring", "final", 0.9, 7.0)
    assert timedelta(seconds=59) < trigger.end_time - before < timedelta(seconds=90)


def test_it_does_not_defer_when_nothing_is_left_to_wait_for(store: sa.Engine, context: Context) -> None:
    reference = send(store, "spring", PHONES)
    for phone in PHONES:
        report(store, reference, phone, "13")

    assert sensor(deferrable=True).execute(context)["accepted"] == 2


def test_the_triggers_time_out_is_the_sensors(context: Context) -> None:
    with pytest.raises(AirflowSensorTimeout, match="too late"):
        sensor().execute_complete(context, {"status": "timeout", "message": "too late"})


def test_the_triggers_error_fails_the_task(context: Context) -> None:
    with pytest.raises(AirflowException, match="no store"):
        sensor().execute_complete(context, {"status": "error", "message": "no store"})


def test_a_campaign_that_the_store_does_not_know_fails_at_once(store: sa.Engine, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="campaign: the store knows no campaign 'spring'"):
        sensor().execute(context)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"until": "read"}, "until: 'read' is not a choice"), ({"share": 0}, "share: 0 is not a share")],
)
def test_an_argument_that_cannot_be_used_is_named(context: Context, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AirflowFailException, match=message):
        sensor(**changes).execute(context)
