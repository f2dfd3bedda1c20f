"""Delivery statuses: their ranks, and the codes that mean them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus, status_codes

READ, CLICKED, DELIVERED = DeliveryStatus.READ, DeliveryStatus.CLICKED, DeliveryStatus.DELIVERED
FAILED, SENT, DELAYED, UNKNOWN = (
    DeliveryStatus.FAILED,
    DeliveryStatus.SENT,
    DeliveryStatus.DELAYED,
    DeliveryStatus.UNKNOWN,
)


def numbers(*codes: int | range) -> set[str]:
    """Return codes and ranges of codes as text."""
    return {str(number) for each in codes for number in ([each] if isinstance(each, int) else each)}


VENDORS_CODES = {
    SENT: numbers(10, 0, 2, 12, 31, 500, 999, 1000, 1002),
    DELAYED: numbers(1, 1001, 1005, 1006, 52, 120, 121, 122, 134, 135, 1003, 1004, 1007),
    DELIVERED: numbers(11, 13, 14, 70, 106, 512),
    FAILED: numbers(
        range(22, 30),
        50,
        51,
        53,
        54,
        55,
        range(101, 105),
        range(110, 114),
        range(130, 134),
        136,
        137,
        140,
        141,
        150,
        200,
    ),
}


@pytest.mark.parametrize("status", VENDORS_CODES)
def test_the_vendors_codes_and_no_others_are_the_default(status: DeliveryStatus) -> None:
    assert {code for code, each in status_codes({}).items() if each is status} == VENDORS_CODES[status]


def test_no_code_means_read_clicked_or_unknown_by_default() -> None:
    assert set(status_codes({}).values()) == set(VENDORS_CODES)


def test_an_override_changes_only_its_own_code() -> None:
    codes = status_codes({"13": "read", "20": "clicked"})

    assert codes["13"] is READ
    assert codes["20"] is CLICKED
    assert codes["14"] is DELIVERED


def test_an_override_to_a_status_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="seen"):
        status_codes({"13": "seen"})


@pytest.mark.parametrize(
    ("weaker", "stronger"), [(UNKNOWN, SENT), (SENT, FAILED), (FAILED, DELIVERED), (DELIVERED, READ), (READ, CLICKED)]
)
def test_a_later_stage_of_delivery_outranks_an_earlier_one(weaker: Any, stronger: Any) -> None:
    assert weaker.rank < stronger.rank


@pytest.mark.parametrize(
    ("weaker", "stronger"), [(UNKNOWN, FAILED), (FAILED, SENT), (SENT, DELIVERED), (DELIVERED, READ), (READ, CLICKED)]
)
def test_among_channels_one_that_may_still_deliver_outranks_one_that_failed(weaker: Any, stronger: Any) -> None:
    assert weaker.rank_among_channels < stronger.rank_among_channels


def test_sent_and_delayed_share_a_rank_so_that_the_later_report_wins() -> None:
    assert SENT.rank == DELAYED.rank
    assert SENT.rank_among_channels == DELAYED.rank_among_channels


def test_failed_and_every_status_above_it_are_final() -> None:
    assert {status for status in DeliveryStatus if status.is_final} == {FAILED, DELIVERED, READ, CLICKED}


def test_read_and_clicked_messages_count_as_delivered() -> None:
    assert set(DELIVERED_STATUSES) == {DELIVERED, READ, CLICKED}
