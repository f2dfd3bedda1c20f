"""What landed reports prove of their messages, and of the rest of the request that they echo."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_ECHO, mark_in_doubt, requeue_refused
from tests.one_request import settle
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    accepted,
    claim,
    claimed,
    planned,
    receive,
    report_on,
    request_row,
    row,
    states,
)


def lost(engine: sa.Engine, people: list[str]) -> Claim:
    taken = claimed(engine, people)
    mark_in_doubt(engine, taken, "the connection broke")
    return taken


def test_a_report_proves_a_message_accepted_whose_reply_is_still_awaited(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])

    receive(engine, report_on(taken, ANA, "11"))

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


@pytest.mark.parametrize("told", [MessageState.REJECTED, MessageState.IN_DOUBT])
def test_a_report_proves_a_message_accepted_whatever_the_reply_said(engine: sa.Engine, told: MessageState) -> None:
    taken = claimed(engine)
    settle(engine, taken, [Outcome(ANA, told, reason="so the reply says")], "e-1")

    receive(engine, report_on(taken))

    assert (row(engine).state, row(engine).reason) == ("accepted", "")


def test_a_report_proves_a_message_accepted_that_a_refusal_gave_back(engine: sa.Engine) -> None:
    taken = claimed(engine)
    requeue_refused(engine, taken, "not enough credit")

    receive(engine, report_on(taken))

    assert states(engine) == {ANA: "accepted"}


def test_a_report_on_a_lost_request_proves_all_of_it_accepted(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA, BEA, EVA])

    receive(engine, report_on(taken, ANA, "50"))

    assert set(states(engine).values()) == {"accepted"}
    assert [row(engine, phone).reason for phone in (ANA, BEA)] == ["", ACCEPTED_BY_ECHO]
    assert request_row(engine, taken).echoed_at is not None


def test_a_report_on_a_lost_request_proves_nothing_of_another_one(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    first, second = claim(engine, holder, 1), claim(engine, holder, 1)
    for each in (first, second):
        mark_in_doubt(engine, each, "the connection broke")

    receive(engine, report_on(first, ANA))

    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}


def test_a_report_proves_nothing_of_those_whom_a_readable_reply_left_in_doubt(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])
    silent_on_bea = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.IN_DOUBT, reason="silent")]
    settle(engine, taken, silent_on_bea, "e-1")

    receive(engine, report_on(taken, ANA))

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("in_doubt", "silent")


def test_a_reply_that_comes_after_the_echo_tells_more_than_the_echo(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA, BEA])
    receive(engine, report_on(taken, ANA))
    outcomes = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, taken, outcomes, "e-1")

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("rejected", "no RCS")


def test_a_duplicate_of_the_services_ends_the_same_whether_reply_or_report_came_first(engine: sa.Engine) -> None:
    for name, reply_first in (("spring", True), ("summer", False)):
        taken = claimed(engine, [ANA], name)
        outcomes = [Outcome(ANA, MessageState.DUPLICATE, reason="left out")]
        if reply_first:
            settle(engine, taken, outcomes, "e-1")
        receive(engine, report_on(taken))
        if not reply_first:
            settle(engine, taken, outcomes, "e-1")

    assert states(engine, "spring") == states(engine, "summer")


def test_the_services_message_id_is_learned_from_a_report_where_the_reply_was_lost(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA])

    receive(engine, report_on(taken, ANA, api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"


def test_the_services_message_id_is_learned_from_any_report_not_only_from_the_one_that_wins(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA])
    receive(engine, report_on(taken, ANA, "13"))

    receive(engine, report_on(taken, ANA, "11", api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"


def test_the_replys_message_id_counts_before_that_of_a_report(engine: sa.Engine) -> None:
    taken = claimed(engine)
    receive(engine, report_on(taken, ANA, api_message_id="m-other"))

    settle(engine, taken, accepted(taken), "e-1")

    assert row(engine).api_message_id == f"m-{ANA}"


def test_a_refusal_against_the_echo_of_the_same_request_plans_nobody_again(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])
    receive(engine, report_on(taken, ANA))

    requeue_refused(engine, taken, "too many requests")

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
