from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE
from tests.chaos.steps import Step
from tests.sandbox_process import SandboxProcess

BATCH = 20


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    """A sandbox that pushes several reports for each message, some repeated and some out of order."""
    with SandboxProcess(latency=0.02, report_jitter=0.02, repeated_share=0.2, out_of_order_share=0.2) as sandbox:
        yield sandbox


def test_reports_that_arrive_before_the_reply_are_folded_and_the_reply_adds_to_them(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign()
    sent.sandbox.release_reports()
    sent.inject_fault(1, "late_reply", seconds=1.5)

    sending = sent.start()
    sent.wait_until(lambda: sent.ledger().count("accepted") == BATCH)
    assert len(sent.messages(sent.ledger().token)) == BATCH
    assert sent.wait_for_end(sending) == DONE

    sent.require_settled_by_reports()
    rows = sent.message_rows()
    assert {row["state"] for row in rows} == {"accepted"}
    assert all(row["delivery_status"] and row["api_message_id"] for row in rows)


def test_killed_after_reports_settled_messages_whose_reply_is_still_missing(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign()
    sent.sandbox.release_reports()
    sent.inject_fault(1, "late_reply", seconds=3)

    sending = sent.start(lease=SHORT_LEASE)
    sent.wait_until(lambda: sent.ledger().count("accepted") == BATCH)
    sending.kill()
    assert sent.wait_for_end(sending) == KILLED

    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_reports_pushed_again_change_nothing(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign(max_in_flight=1)
    sent.send_until_killed(Step.AFTER_REPLY, 3)
    sent.require_settled_by_reports()
    before = sent.message_rows()

    sent.sandbox.push_reports_again()
    sent.sandbox.wait_until_reports_are_pushed()
    assert sent.send() == DONE

    assert [without_listing(row) for row in sent.message_rows()] == [without_listing(row) for row in before]
    assert {row["state"] for row in before} == {"accepted"}


def without_listing(row: dict[str, object]) -> dict[str, object]:
    """Return a row without the columns that say which list it was last on."""
    return {name: value for name, value in row.items() if name not in {"listed_by", "listed_now"}}
