"""A share of the people who got a message answer it, always the same ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_rcs.sandbox.options import ReportShares, SandboxStatus
from airflow_provider_rcs.sandbox.pushes.inbound import TEXTS, InboundReply, given_reply, plan_reply
from airflow_provider_rcs.sandbox.pushes.reports import PlannedReport, plan_reports
from tests.unit.sandbox.pushes.pushed import MESSAGE, SEND

GOT_IT = (PlannedReport(SandboxStatus.SENT, 0, 0), PlannedReport(SandboxStatus.DELIVERED, 5, 0))


def replies(share: float, seed: int = 1, count: int = 5_000) -> list[InboundReply | None]:
    messages = [MESSAGE._replace(message_id=number) for number in range(count)]
    return [plan_reply(SEND, message, GOT_IT, seed, share) for message in messages]


@pytest.mark.slow
def test_same_seed_gives_the_same_replies() -> None:
    assert replies(0.3, seed=7) == replies(0.3, seed=7)
    assert replies(0.3, seed=7) != replies(0.3, seed=8)


def test_share_of_the_delivered_messages_is_answered_by_each_of_the_texts() -> None:
    given = [reply for reply in replies(0.3) if reply]

    assert len(given) / 5_000 == pytest.approx(0.3, abs=0.03)
    assert {reply.text for reply in given} == set(TEXTS)
    assert {"BAJA", "Stop!"} < set(TEXTS)


def test_nobody_answers_by_default() -> None:
    assert set(replies(ReportShares().replies)) == {None}


@pytest.mark.parametrize("status", [SandboxStatus.SENT, SandboxStatus.FAILED, SandboxStatus.TEMPORARILY_FAILED])
def test_message_that_was_not_delivered_is_not_answered(status: SandboxStatus) -> None:
    assert plan_reply(SEND, MESSAGE, [PlannedReport(status, 0, 0)], 1, 1) is None


def test_reply_names_the_message_that_it_answers_and_follows_its_delivery() -> None:
    reply = plan_reply(SEND, MESSAGE, GOT_IT, 1, 1)

    assert reply is not None
    assert (reply.phone, reply.message_id, reply.reference, reply.sender) == (
        "34600000001",
        "33434444443",
        "36578294H",
        "my-rcs-agent",
    )
    assert reply.received_at > SEND.accepted_at + timedelta(seconds=5)


def test_share_of_replies_does_not_change_the_reports() -> None:
    shares = ReportShares()

    assert plan_reports(1, 1, shares) == plan_reports(1, 1, replace(shares, replies=1))


def test_given_reply_names_the_message_if_the_phone_got_one() -> None:
    answer, stray = given_reply("34600000001", "Hola", (SEND, MESSAGE)), given_reply("34600000002", "Hola", None)

    assert (answer.text, answer.message_id, answer.reference) == ("Hola", "33434444443", "36578294H")
    assert (stray.phone, stray.message_id, stray.reference, stray.sender) == ("34600000002", "", "", "")
    assert abs(datetime.now(UTC) - stray.received_at) < timedelta(minutes=1)
