from __future__ import annotations

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.read.funnel import Funnel
from airflow_provider_rcs.store.read.funnel_stages import stages_of


def funnel(unreported: int = 0, statuses: dict[DeliveryStatus, int] | None = None, **states: int) -> Funnel:
    return Funnel(
        {state: states.get(state.value, 0) for state in MessageState},
        {status: (statuses or {}).get(status, 0) for status in DeliveryStatus},
        unreported,
    )


def test_each_stage_is_a_part_of_the_one_before_and_says_what_was_lost() -> None:
    statuses = {DeliveryStatus.DELIVERED: 50, DeliveryStatus.READ: 20, DeliveryStatus.FAILED: 7, DeliveryStatus.SENT: 3}

    stages = stages_of(funnel(10, statuses, accepted=90, rejected=6, in_doubt=4))

    assert [(stage.name, stage.count, stage.share) for stage in stages] == [
        ("Requested", 100, 1.0),
        ("Accepted by the service", 90, 0.9),
        ("Delivered", 70, 0.7),
        ("Read", 20, 0.2),
    ]
    assert dict(stages[1].lost) == {"rejected": 6, "in doubt": 4}
    assert dict(stages[2].lost) == {"failed": 7, "in flight": 3, "without a report": 10}


def test_every_message_that_is_not_delivered_is_named_among_the_lost() -> None:
    every = dict.fromkeys(DeliveryStatus, 1)

    requested, accepted, delivered, *_ = stages_of(
        funnel(1, every, **{**dict.fromkeys([each.value for each in MessageState], 1), "accepted": 8})
    )

    assert requested.count - accepted.count == sum(accepted.lost.values())
    assert accepted.count - delivered.count == sum(delivered.lost.values())


def test_clicks_are_a_stage_only_where_there_are_some() -> None:
    clicked = {DeliveryStatus.CLICKED: 2}

    assert [stage.name for stage in stages_of(funnel(0, clicked, accepted=2))][-1] == "Clicked"
    assert [stage.name for stage in stages_of(funnel(2, accepted=2))][-1] == "Read"


def test_a_campaign_without_recipients_has_empty_bars() -> None:
    assert {stage.width for stage in stages_of(funnel())} == {"0.00"}


def test_a_bar_of_few_among_very_many_can_be_seen() -> None:
    statuses = {DeliveryStatus.DELIVERED: 1}

    assert stages_of(funnel(999_999, statuses, accepted=1_000_000))[2].width == "0.40"
