"""What would become of a list: counts, and the sizes of the requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import FrequencyCap, Outcome, Recipient, SendRequest
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire import send
from airflow_provider_rcs.sending.preview import Forecast
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, new_reference, new_token
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.outbox.suppression import record_exclusions
from tests.one_request import claim_batch, settle
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    TERMS,
    campaign,
    claimed,
    listed,
    phones,
    planned,
    sent,
)


def forecast(engine: sa.Engine | None = None, excluded: Any = (), batch_size: int = 1000, **settings: Any) -> Forecast:
    return Forecast(
        TERMS,
        SendSettings("1234567", "spring", **settings),
        ApiSettings(batch_size=batch_size),
        engine,
        None if engine is None else find_campaign(engine, "spring"),
        frozenset(excluded),
    )


def foreseen(*chunks: Any, **arguments: Any) -> Forecast:
    made = forecast(**arguments)
    for chunk in chunks:
        made.add([listed(each) if isinstance(each, str) else each for each in chunk])
    made.finish()
    return made


def counts(made: Forecast) -> dict[str, int]:
    every = {
        "planned": made.planned,
        "messaged": made.messaged,
        "duplicates": made.duplicates,
        "rejected": made.rejected.total(),
        "suppressed": made.suppressed.total(),
    }
    return {name: count for name, count in every.items() if count}


def suppress(engine: sa.Engine, phone: str) -> None:
    with engine.begin() as connection:
        connection.execute(suppression.insert().values(phone=phone, reason="asked", since=datetime.now(UTC)))


def test_a_phone_that_comes_again_is_a_duplicate_in_the_same_chunk_and_in_a_later_one() -> None:
    assert counts(foreseen([ANA, BEA, ANA], [BEA, EVA])) == {"planned": 3, "duplicates": 2}


@pytest.mark.parametrize("first_is_wrong", [True, False])
def test_the_first_row_of_a_phone_counts(first_is_wrong: bool) -> None:
    rows = [listed(ANA, "variable Amount: it has no value"), listed(ANA)]

    made = foreseen(rows if first_is_wrong else rows[::-1])

    assert counts(made) == {"rejected" if first_is_wrong else "planned": 1, "duplicates": 1}


def test_whom_the_campaign_has_messaged_is_not_messaged_again_even_if_the_list_is_wrong_now(
    engine: sa.Engine,
) -> None:
    sent(engine, [ANA])
    mark_in_doubt(engine, claimed(engine, [BEA]), "the connection broke")
    claimed(engine, [EVA])

    made = foreseen([listed(ANA, "variable Amount: it has no value"), BEA, EVA], engine=engine)

    assert counts(made) == {"messaged": 3}


def test_who_is_planned_or_rejected_by_an_earlier_list_is_taken_over_from_this_one(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    assert counts(foreseen([ANA, BEA], engine=engine)) == {"planned": 2}


def test_what_the_service_refused_and_what_was_suppressed_stays_so(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA])
    settle(engine, taken, [Outcome(ANA, MessageState.REJECTED, reason="no such phone")], "e-1")
    taken = claimed(engine, [EVA])
    settle(engine, taken, [Outcome(EVA, MessageState.DUPLICATE)], "e-2")
    suppress(engine, BEA)
    claim_batch(engine, planned(engine, [BEA]), 10)

    made = foreseen([ANA, BEA, EVA], engine=engine)

    assert counts(made) == {"rejected": 1, "suppressed": 1, "duplicates": 1}
    assert (made.rejected, made.suppressed) == ({"no such phone": 1}, {"suppressed: asked": 1})


def test_who_must_not_be_messaged_is_suppressed_by_the_reason_that_a_claim_gives(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    record_exclusions(engine, campaign(engine), [BEA])
    sent(engine, [EVA], name="before")
    nobody, *_ = phones(1)

    made = foreseen(
        [ANA, BEA, EVA, nobody], engine=engine, excluded=[ANA, nobody], frequency_cap=FrequencyCap(1, timedelta(days=7))
    )

    assert made.suppressed == {
        "suppressed: asked": 1,
        "excluded by exclude_sql": 2,
        "frequency cap: at most 1 within 7 days": 1,
    }


def test_a_campaign_that_is_not_begun_is_asked_about_suppressions_too(engine: sa.Engine) -> None:
    suppress(engine, ANA)

    assert counts(foreseen([ANA, BEA], engine=engine)) == {"planned": 1, "suppressed": 1}


def test_requests_are_counted_as_they_will_be_cut() -> None:
    people = phones(25)

    assert foreseen(people[:7], people[7:], batch_size=10).requests == 3


def test_a_request_of_suppressed_people_alone_is_none() -> None:
    people = phones(4)

    assert foreseen(people, batch_size=2, excluded=people[:2]).requests == 1


def test_the_size_of_a_request_is_that_of_its_body() -> None:
    request = SendRequest("1234567", (Recipient(ANA, "Núria", "42", {"Amount": "7"}),), new_reference(new_token()))
    row = listed(ANA, name="Núria", reference="42", variables={"Amount": "7"})

    made = foreseen([row])

    size = len(send.send_body(request, ApiSettings().recipient_reference_key, "json"))
    assert (made.largest_request, made.all_requests) == (size, size)


def test_the_largest_request_is_told_beside_all_of_them() -> None:
    made = foreseen([listed(phone, name="x" * (number * 100)) for number, phone in enumerate(phones(3))], batch_size=1)

    assert made.largest_request > made.all_requests / 3
    assert made.largest_request < made.all_requests


@given(
    st.lists(st.lists(st.sampled_from(phones(8))), max_size=6), st.integers(1, 5), st.sets(st.sampled_from(phones(8)))
)
def test_everyone_on_the_list_is_counted_once(chunks: list[list[str]], batch_size: int, excluded: set[str]) -> None:
    made = foreseen(*chunks, batch_size=batch_size, excluded=excluded)

    assert sum(counts(made).values()) == sum(map(len, chunks))
    assert made.planned == len({phone for chunk in chunks for phone in chunk} - excluded)
