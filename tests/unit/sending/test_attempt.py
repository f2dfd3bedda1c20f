"""An attempt recovers other attempts at its campaign that died, and depends on no delivery report."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.inbox import folding
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from tests.round_trips import counted_round_trips
from tests.unit.sending.test_sender import FakeService, send
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    expire_lease,
    listed,
    new_attempt,
    phones,
    planned,
    report_on,
    sent,
    states,
)


@pytest.mark.slow
def test_recipients_claimed_by_an_attempt_that_died_are_sent_to_once_it_is_recovered(engine: sa.Engine) -> None:
    people = phones(5)

    def claim_and_die() -> None:
        dead = planned(engine, people[-1:])
        assert claim_batches(engine, dead, 1)
        expire_lease(engine, dead)

    service = FakeService(claim_and_die)

    send(engine, service, people)

    assert service.phones == people
    assert states(engine) == dict.fromkeys(people, "accepted")


@pytest.mark.slow
def test_a_wait_for_another_attempt_is_logged_once(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.sending.attempt._SECONDS_BETWEEN_POLLS", 0.05)
    people = phones(5)

    def claim_and_hang() -> None:
        other = new_attempt(engine, lease=timedelta(seconds=2))
        record_list(engine, other, prepare_list_part(engine, [listed(people[-1])]))
        assert claim_batches(engine, other, 1)

    send(engine, FakeService(claim_and_hang), people)

    assert states(engine) == dict.fromkeys(people, "accepted")
    assert caplog.text.count("another attempt has requests in flight; waiting") == 1


def test_a_campaign_is_sent_although_reports_cannot_be_folded(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    land(engine, [report_on(sent(engine, [ANA], "summer"))], NOON)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rcs_message_channel RENAME TO elsewhere")

    try:
        send(engine, FakeService(), phones(5))
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO rcs_message_channel")

    assert states(engine) == dict.fromkeys(phones(5), "accepted")
    assert "Delivery reports could not be folded; they are safe" in caplog.text


@pytest.mark.postgresql
def test_a_campaign_is_sent_although_a_process_that_folds_hangs(
    postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folding, "_SECONDS_TO_WAIT_FOR_LOCKS", 0.1)
    land(postgres_engine, [report_on(sent(postgres_engine, [ANA], "summer"))], NOON)
    with postgres_engine.begin() as hanging:
        folding.lock_folding(hanging)

        send(postgres_engine, FakeService(), phones(5))

    assert states(postgres_engine) == dict.fromkeys(phones(5), "accepted")
    assert "LockNotAvailable" in caplog.text


@pytest.mark.postgresql
def test_a_report_with_an_id_that_no_index_can_hold_does_not_stop_a_send(postgres_engine: sa.Engine) -> None:
    long = secrets.token_hex(4_000)
    land(postgres_engine, [Report("13", phone="600", service=long, api_message_id=long)], NOON)

    send(postgres_engine, FakeService(), phones(5))

    assert states(postgres_engine) == dict.fromkeys(phones(5), "accepted")
    assert read_backlog(postgres_engine) == Backlog(unfolded=0, oldest=None, set_aside=0)


@pytest.mark.postgresql
@pytest.mark.parametrize("before", [[], [ANA]], ids=["a new campaign", "a campaign that goes on"])
def test_a_send_to_one_recipient_takes_at_most_forty_round_trips(postgres_engine: sa.Engine, before: list[str]) -> None:
    for phone in before:
        send(postgres_engine, FakeService(), [phone])

    with counted_round_trips(postgres_engine) as count:
        send(postgres_engine, FakeService(), [BEA])
        taken = count()

    assert states(postgres_engine)[BEA] == "accepted"
    assert taken <= 40


@pytest.mark.postgresql
def test_begin_and_end_of_an_attempt_are_durable_where_the_database_confirms_early(postgres_engine: sa.Engine) -> None:
    lasting = []

    def executed(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT INTO rcs_attempt", "INSERT INTO rcs_campaign", "UPDATE rcs_attempt")):
            lasting.append("set_config('synchronous_commit', 'on', true)" in statement)

    sa.event.listen(postgres_engine, "after_cursor_execute", executed)
    send(postgres_engine, FakeService(), [ANA])
    sa.event.remove(postgres_engine, "after_cursor_execute", executed)

    assert lasting == [True, True, True]
