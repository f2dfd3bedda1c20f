""""""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.store.db.tables import request, suppression
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.settlement import Settlement, requeue_refused, requeue_unsent, settle
from airflow_provider_rcs.store.outbox.suppression import EXCLUDED, preview_suppressions, record_exclusions
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    accepted,
    campaign,
    claim_and_dispatch,
    funnel,
    phones,
    planned,
    row,
    states,
)

WEEKLY = FrequencyCap(1, timedelta(days=7))


def suppress(engine: sa.Engine, phone: str, reason: str = "asked to be left alone") -> None:
    with engine.begin() as connection:
        connection.execute(suppression.insert().values(phone=phone, reason=reason, since=datetime.now(UTC)))


def send(engine: sa.Engine, name: str, people: list[str], cap: FrequencyCap | None = None) -> Claim | None:
    taken = claim_and_dispatch(engine, planned(engine, people, name), 100, cap)
    if taken is not None:
        settle(engine, [Settlement(taken, accepted(taken), "e-1")])
    return taken


def whom(taken: Claim | None) -> list[str]:
    return [] if taken is None else [recipient.phone for recipient in taken.recipients]


def test_who_is_in_the_table_of_suppressions_is_not_claimed_and_counted_with_the_reason(engine: sa.Engine) -> None:
    suppress(engine, BEA)

    taken = send(engine, "spring", [ANA, BEA, EVA])

    assert whom(taken) == [ANA, EVA]
    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("suppressed", "suppressed: asked to be left alone")
    assert funnel(engine).requested == 3


def test_a_batch_of_suppressed_people_alone_does_not_end_the_claims(engine: sa.Engine) -> None:
    people = phones(5)
    for phone in people[:3]:
        suppress(engine, phone)

    taken = claim_and_dispatch(engine, planned(engine, people), 2)

    assert whom(taken) == people[3:4]


def test_who_is_excluded_from_a_campaign_is_suppressed_in_it_alone(engine: sa.Engine) -> None:
    record_exclusions(engine, campaign(engine, "spring"), [ANA, BEA])

    assert whom(send(engine, "spring", [ANA, EVA])) == [EVA]
    assert whom(send(engine, "summer", [ANA, EVA])) == [ANA, EVA]
    assert row(engine, ANA).reason == EXCLUDED


def test_excluding_the_same_phone_again_does_no_harm(engine: sa.Engine) -> None:
    for _ in range(2):
        record_exclusions(engine, campaign(engine), [ANA])

    assert whom(send(engine, "spring", [ANA])) == []


def test_who_had_enough_messages_of_all_campaigns_is_suppressed(engine: sa.Engine) -> None:
    send(engine, "spring", [ANA])

    assert whom(send(engine, "summer", [ANA, BEA], WEEKLY)) == [BEA]
    assert row(engine, ANA, "summer").reason == "frequency cap: at most 1 within 7 days"


def test_messages_before_the_stretch_of_time_do_not_count(engine: sa.Engine) -> None:
    send(engine, "spring", [ANA])
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=datetime.now(UTC) - timedelta(days=8)))

    assert whom(send(engine, "summer", [ANA], WEEKLY)) == [ANA]


def test_a_message_that_was_refused_does_not_count(engine: sa.Engine) -> None:
    taken = claim_and_dispatch(engine, planned(engine, [ANA], "spring"), 10)
    assert taken is not None
    requeue_refused(engine, taken, "too many requests")

    assert whom(send(engine, "summer", [ANA], WEEKLY)) == [ANA]


def test_a_message_that_is_under_way_counts_because_it_may_arrive(engine: sa.Engine) -> None:
    claim_and_dispatch(engine, planned(engine, [ANA], "spring"), 10)

    assert whom(send(engine, "summer", [ANA], WEEKLY)) == []


def test_a_message_that_is_claimed_counts_until_it_is_given_back(engine: sa.Engine) -> None:
    taken = claim_batches(engine, planned(engine, [ANA, BEA], "spring"), 1, requests=2)
    requeue_unsent(engine, taken[1:])

    assert whom(send(engine, "summer", [ANA, BEA], WEEKLY)) == [BEA]


def test_the_reason_tells_a_stretch_that_is_not_of_whole_days_too() -> None:
    assert FrequencyCap(2, timedelta(hours=36)).reason == "frequency cap: at most 2 within 36 hours"


def test_who_was_suppressed_stays_so_in_the_campaign(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    send(engine, "spring", [ANA])
    with engine.begin() as connection:
        connection.execute(suppression.delete())

    assert whom(send(engine, "spring", [ANA])) == []
    assert states(engine) == {ANA: "suppressed"}


def test_what_is_foreseen_is_what_a_claim_then_does(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    record_exclusions(engine, campaign(engine, "spring"), [ANA, BEA])
    send(engine, "before", [BEA, EVA])
    everyone = [ANA, BEA, EVA, *phones(2)]

    foreseen = preview_suppressions(engine, campaign(engine, "spring"), everyone, set(), WEEKLY)

    send(engine, "spring", everyone, WEEKLY)
    assert foreseen == {phone: row(engine, phone).reason for phone in (ANA, BEA, EVA)}


def test_who_will_be_excluded_is_foreseen_before_it_is_noted_and_before_a_campaign_is_begun(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    send(engine, "before", [BEA, EVA])

    assert preview_suppressions(engine, None, [ANA, BEA, EVA], {ANA, BEA}, WEEKLY) == {
        ANA: "suppressed: asked to be left alone",
        BEA: EXCLUDED,
        EVA: WEEKLY.reason,
    }
