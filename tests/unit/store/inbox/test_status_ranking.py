"""Ranking of the statuses that several channels report on a message."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import message_channel
from tests.unit.store.given import ANA, BEA, NOON, campaign, funnel, land_and_fold, phones, report_on, row, rows, sent

MINUTE = timedelta(minutes=1)

SENT, DELAYED, FAILED, DELIVERED, READ, UNKNOWN = "12", "52", "50", "13", "20", "99"
TWO_CHANNELS = [("RCS", SENT), ("SMS", "77")]


def channels(engine: sa.Engine) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        found = connection.execute(sa.select(message_channel.c.channel, message_channel.c.status))
        return {(each.channel, each.status) for each in found}


def channel_rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(message_channel).order_by(message_channel.c.channel)))


@pytest.mark.parametrize(
    ("by_rcs", "by_sms", "status", "channel"),
    [
        (FAILED, DELIVERED, "delivered", "SMS"),
        (DELIVERED, FAILED, "delivered", "RCS"),
        (SENT, DELIVERED, "delivered", "SMS"),
        (FAILED, SENT, "sent", "SMS"),
        (SENT, FAILED, "sent", "RCS"),
        (FAILED, DELAYED, "delayed", "SMS"),
        (FAILED, FAILED, "failed", "SMS"),
        (FAILED, UNKNOWN, "failed", "RCS"),
        (UNKNOWN, SENT, "sent", "SMS"),
        (READ, DELIVERED, "read", "RCS"),
    ],
)
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.slow
def test_a_channel_that_delivered_or_may_still_deliver_wins_over_one_that_failed(
    engine: sa.Engine, by_rcs: str, by_sms: str, status: str, channel: str, together: bool
) -> None:
    taken = sent(engine)
    campaign(engine, overrides={READ: "read"})
    reports = [report_on(taken, ANA, by_rcs), report_on(taken, ANA, by_sms, service="SMS")]

    for batch in [reports] if together else [reports[:1], reports[1:]]:
        land_and_fold(engine, *batch)

    assert (row(engine).delivery_status, row(engine).delivery_channel) == (status, channel)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_message_that_failed_by_every_channel_has_failed_in_any_order_of_reports(
    engine: sa.Engine, order: tuple[int, ...]
) -> None:
    taken = sent(engine)
    reports = [
        report_on(taken, ANA, code, service=service, reported_at=NOON + minute * MINUTE)
        for minute, (service, code) in enumerate([("RCS", FAILED), ("SMS", SENT), ("SMS", FAILED)])
    ]

    for index in order:
        land_and_fold(engine, reports[index])

    assert (row(engine).delivery_status, row(engine).delivery_channel) == ("failed", "SMS")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_fallback_that_fails_leaves_the_status_of_the_channel_that_may_still_deliver(
    engine: sa.Engine, order: tuple[int, ...]
) -> None:
    taken = sent(engine)
    reports = [
        report_on(taken, ANA, code, service=service, reported_at=NOON + minute * MINUTE)
        for minute, (service, code) in enumerate([("RCS", SENT), ("SMS", SENT), ("SMS", FAILED)])
    ]

    for index in order:
        land_and_fold(engine, reports[index])

    assert (row(engine).delivery_status, row(engine).delivery_channel) == ("sent", "RCS")


def test_a_message_that_another_channel_has_sent_on_is_not_final(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, ANA, FAILED))
    failed = funnel(engine).final

    land_and_fold(engine, report_on(taken, ANA, SENT, service="SMS"))

    assert (failed, funnel(engine).final) == (1, 0)


def test_a_channel_with_an_unknown_code_is_stored_when_a_second_one_reports(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, ANA, UNKNOWN))

    land_and_fold(engine, report_on(taken, ANA, SENT, service="SMS"))

    assert channels(engine) == {("RCS", "unknown"), ("SMS", "sent")}


def test_an_unknown_code_overrides_no_earlier_status_of_its_channel(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, ANA, SENT))

    land_and_fold(engine, report_on(taken, ANA, UNKNOWN, reported_at=NOON + MINUTE))

    assert (row(engine).delivery_status, row(engine).delivery_rank) == ("sent", 1)


def test_the_later_of_two_channels_that_delivered_wins(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken, ANA, DELIVERED, service="SMS"))
    land_and_fold(engine, report_on(taken, ANA, DELIVERED, service="RCS", reported_at=NOON + MINUTE))

    assert row(engine).delivery_channel == "RCS"


def test_a_third_channel_counts_as_well(engine: sa.Engine) -> None:
    taken = sent(engine)

    for service, code in [("RCS", FAILED), ("SMS", FAILED), ("VOICE", SENT)]:
        land_and_fold(engine, report_on(taken, ANA, code, service=service))

    assert (row(engine).delivery_status, row(engine).delivery_channel) == ("sent", "VOICE")


def test_channels_are_stored_only_for_messages_that_have_several(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, SENT), report_on(taken, ANA, DELIVERED), report_on(taken, BEA, FAILED))
    one_each = channels(engine)
    land_and_fold(engine, report_on(taken, BEA, SENT, service="SMS"))

    assert (one_each, channels(engine)) == (set(), {("RCS", "failed"), ("SMS", "sent")})


def test_a_repeated_report_does_not_change_a_message_of_several_channels(engine: sa.Engine) -> None:
    taken = sent(engine)
    reports = [report_on(taken, ANA, FAILED), report_on(taken, ANA, DELIVERED, service="SMS")]
    land_and_fold(engine, *reports)
    before = (row(engine), channel_rows(engine))

    land_and_fold(engine, *reports, report_on(taken, ANA, SENT, service="SMS"))

    assert (row(engine), channel_rows(engine)) == before


def test_messages_of_one_and_of_several_channels_are_folded_together(engine: sa.Engine) -> None:
    taken = sent(engine, phones(4))
    reports = [report_on(taken, phone, FAILED if place % 2 else DELIVERED) for place, phone in enumerate(phones(4))]

    land_and_fold(engine, *reports, *(report_on(taken, phone, SENT, service="SMS") for phone in phones(4)[1::2]))

    assert [each.delivery_status for each in rows(engine).values()] == ["delivered", "sent"] * 2


def test_a_message_of_one_channel_is_ranked_the_same_beside_messages_of_several(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA, DELIVERED))

    land_and_fold(
        engine,
        report_on(taken, ANA, SENT, reported_at=NOON + MINUTE),
        report_on(taken, BEA, FAILED),
        report_on(taken, BEA, SENT, service="SMS"),
    )

    assert [each.delivery_status for each in rows(engine).values()] == ["delivered", "sent"]
    assert channels(engine) == {("RCS", "failed"), ("SMS", "sent")}


def test_each_campaign_ranks_the_channels_of_its_messages_by_its_own_codes(engine: sa.Engine) -> None:
    taken = [sent(engine, [ANA, BEA]), sent(engine, [ANA, BEA], "summer", "n")]
    campaign(engine, overrides={"77": "delivered"})
    campaign(engine, "summer", overrides={"77": "failed"})

    by_two = [report_on(each, ANA, code, service=service) for each in taken for service, code in TWO_CHANNELS]
    land_and_fold(engine, *by_two, *(report_on(each, BEA, "77") for each in taken))

    assert (row(engine).delivery_status, row(engine, name="summer").delivery_status) == ("delivered", "sent")
    assert (row(engine, BEA).delivery_status, row(engine, BEA, name="summer").delivery_status) == (
        "delivered",
        "failed",
    )


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("has_fallback", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_of_reports_of_one_rank_by_a_channel_the_latest_wins_and_then_the_greatest_code(
    engine: sa.Engine, order: tuple[int, ...], has_fallback: bool, together: bool
) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"77": "delivered"})
    if has_fallback:
        land_and_fold(engine, report_on(taken, ANA, FAILED, service="RCS"))
    said = [(DELIVERED, NOON + MINUTE), ("77", NOON), ("77", NOON + MINUTE), (DELIVERED, None)]
    in_order = [said[place] for place in order]
    reports = [report_on(taken, ANA, code, service="SMS", reported_at=date) for code, date in in_order]

    for batch in [reports] if together else [[each] for each in reports]:
        land_and_fold(engine, *batch)

    assert (row(engine).delivery_code, row(engine).delivery_at) == ("77", NOON + MINUTE)
    if has_fallback:
        assert [(each.code, each.reported_at) for each in channel_rows(engine)][1:] == [("77", NOON + MINUTE)]


@pytest.mark.parametrize("spellings", [("RCS", "rcs"), ("rcs", "RCS")])
@pytest.mark.parametrize("together", [True, False])
def test_a_service_is_one_channel_in_whatever_case_it_is_written(
    engine: sa.Engine, spellings: tuple[str, str], together: bool
) -> None:
    taken = sent(engine)
    reports = [report_on(taken, ANA, code, service=each) for code, each in zip((FAILED, SENT), spellings, strict=True)]

    for batch in [reports] if together else [reports[:1], reports[1:]]:
        land_and_fold(engine, *batch)

    assert (row(engine).delivery_status, row(engine).delivery_channel, channels(engine)) == ("failed", "RCS", set())


def test_overrides_of_the_status_codes_apply_to_every_channel(engine: sa.Engine) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"77": "delivered"})

    land_and_fold(engine, report_on(taken, ANA, FAILED), report_on(taken, ANA, "77", service="SMS"))

    assert (row(engine).delivery_status, row(engine).delivery_channel) == ("delivered", "SMS")
