from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals
from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE
from tests.chaos.sizes import sized

# Shorter than the sandbox holds a connection on purpose, and much longer than a reply takes.
TIMEOUT = 0.6
HELD = {"seconds": 1.0}

PROVEN_REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "too many requests": ("status", {"status": 429, "retry_after": 1}),
    "no such address": ("status", {"status": 404}),
    "result -2": ("res", {"res": -2}),
    "result -3": ("res", {"res": -3}),
    "result 0": ("res", {"res": 0}),
}
REFUSED_CREDENTIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "status 401": ("status", {"status": 401}),
    "status 403": ("status", {"status": 403}),
    "result -1": ("res", {"res": -1}),
}
LOST_BEFORE_ACCEPTANCE: dict[str, tuple[str, dict[str, Any]]] = {
    "reset before": ("refuse", {}),
    "time-out before": ("timeout_before", HELD),
    "HTML before": ("html_before", {}),
    "empty before": ("empty_before", {}),
    "status 500": ("status", {"status": 500}),
    "status 503": ("status", {"status": 503}),
}
LOST_AFTER_ACCEPTANCE: dict[str, tuple[str, dict[str, Any]]] = {
    "reset after": ("reset_after", {}),
    "time-out after": ("timeout_after", HELD),
    "cut reply": ("cut_reply", {}),
    "HTML": ("html", {}),
    "empty": ("empty", {}),
    "status 500 after": ("status_after", {"status": 500}),
    "status 502 after": ("status_after", {"status": 502}),
}
REQUESTS = sized([2], [1, 2, 3, 4, 5])
BATCH = 20
PEOPLE = 100


@pytest.mark.parametrize("nth", REQUESTS)
@pytest.mark.parametrize("fault", sized(["result 0"], list(PROVEN_REFUSALS)))
def test_a_proven_refusal_leaves_nobody_in_doubt_and_a_retry_sends_to_all(
    campaign: Callable[..., CampaignUnderTest], fault: str, nth: int
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH)
    kind, details = PROVEN_REFUSALS[fault]
    sent.inject_fault(nth, kind, **details)

    sent.send()

    assert not sent.require_consistent_ledger().phones("in_doubt", "sending")
    assert sent.send_until_none_is_planned() == 0
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("nth", REQUESTS)
@pytest.mark.parametrize("fault", sized(["result -1"], list(REFUSED_CREDENTIALS)))
def test_refused_credentials_leave_nobody_in_doubt_and_are_used_again_when_forgotten(
    campaign: Callable[..., CampaignUnderTest], fault: str, nth: int
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH)
    kind, details = REFUSED_CREDENTIALS[fault]
    sent.inject_fault(nth, kind, **details)

    assert sent.send() == "RcsAuthError"

    assert not sent.require_consistent_ledger().phones("in_doubt", "sending")
    before = sent.sandbox.statistics()["send_requests"]
    assert sent.send() == "RcsAuthError"
    assert sent.sandbox.statistics()["send_requests"] == before
    forget_refusals(sent.store.engine, sent.name)
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("nth", REQUESTS)
def test_a_refused_connection_leaves_nobody_in_doubt_and_a_retry_sends_to_all(
    campaign: Callable[..., CampaignUnderTest], nth: int
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH)

    sent.send(refused_connection=nth)
    sent.tally["faults"] += 1

    assert not sent.require_consistent_ledger().phones("in_doubt", "sending")
    assert sent.send_until_none_is_planned() == 0
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("nth", REQUESTS)
@pytest.mark.parametrize("fault", sized(["time-out before"], list(LOST_BEFORE_ACCEPTANCE)))
def test_a_request_lost_before_its_acceptance_stays_in_doubt_and_is_not_sent_again(
    campaign: Callable[..., CampaignUnderTest], fault: str, nth: int
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH, timeout=TIMEOUT)
    kind, details = LOST_BEFORE_ACCEPTANCE[fault]
    sent.inject_fault(nth, kind, **details)

    sent.send()

    assert sent.require_consistent_ledger().count("in_doubt") == BATCH
    assert sent.require_settled_by_reports().count("in_doubt") == BATCH


@pytest.mark.parametrize("nth", REQUESTS)
@pytest.mark.parametrize("fault", sized(["cut reply"], list(LOST_AFTER_ACCEPTANCE)))
def test_a_reply_lost_after_acceptance_leaves_messages_in_doubt_that_reports_settle(
    campaign: Callable[..., CampaignUnderTest], fault: str, nth: int
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH, timeout=TIMEOUT)
    kind, details = LOST_AFTER_ACCEPTANCE[fault]
    sent.inject_fault(nth, kind, **details)

    sent.send()

    assert sent.require_consistent_ledger().count("in_doubt") == BATCH
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_every_fault_in_one_campaign(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign(300, batch_size=10, timeout=TIMEOUT)
    every = [*PROVEN_REFUSALS.values(), *LOST_BEFORE_ACCEPTANCE.values(), *LOST_AFTER_ACCEPTANCE.values()]
    for nth, (kind, details) in enumerate(every, 2):
        sent.inject_fault(nth, kind, **details)

    in_doubt = sent.send_until_none_is_planned()

    assert in_doubt == 10 * len(LOST_BEFORE_ACCEPTANCE) + 10 * len(LOST_AFTER_ACCEPTANCE)
    assert sent.require_settled_by_reports().count("in_doubt") == 10 * len(LOST_BEFORE_ACCEPTANCE)


def test_wrong_credentials_are_used_once_however_often_the_task_is_retried(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH)
    before = sent.sandbox.statistics()["refused_credentials"]

    assert sent.send(password="wrong-token") == "RcsAuthError"
    assert sent.send(password="wrong-token") == "RcsAuthError"

    assert sent.sandbox.statistics()["refused_credentials"] == before + 1
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_credentials_that_became_wrong_before_the_first_request_are_used_once(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign(PEOPLE, batch_size=BATCH)
    before = sent.sandbox.statistics()["refused_credentials"]

    assert sent.send(rotated_password="wrong-token") == "RcsAuthError"

    assert sent.sandbox.statistics()["refused_credentials"] == before + 1
    assert sent.require_consistent_ledger().phones("planned") == sent.phones
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones
