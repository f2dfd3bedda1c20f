"""A dry run: what it refuses, and what it tells."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import (
    RcsCampaignConflictError,
    RcsCancelledError,
    RcsInputError,
    RcsInvalidRecipientsError,
    RcsPlanChangedError,
)
from airflow_provider_rcs.api.models import (
    FrequencyCap,
    Outcome,
    Recipient,
    SendRequest,
    Template,
    TemplateVariable,
    shards,
)
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire import send
from airflow_provider_rcs.recipients.columns import Chunk
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending.preview import PreviewCounts, preview_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, new_reference, new_token
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from airflow_provider_rcs.store.outbox.suppression import record_exclusions
from tests.unit.store.given import ANA, BEA, EVA, NOON, TERMS, campaign, claim_and_dispatch, dispatched, listed, phones, planned, rows, sent

WELCOME = Template(
    "1234567",
    "Welcome",
    (
        TemplateVariable("Who", "DESTINATARIO", filled_by_service=True),
        TemplateVariable("Amount", "TEXTO"),
        TemplateVariable("Shop", "TEXTO"),
    ),
)


PEOPLE: dict[str, list[Any]] = {
    "phone": ["600 000 001", "+34 600 000 002", "912345678", "x"],
    "name": ["Núria Pérez", "Íñigo", "Zoë", "Nobody"],
    "total": [19.9, 7, 8, 9],
}


def preview(chunks: Any = (PEOPLE,), engine: sa.Engine | None = None, excluded: Any = (), **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "template_id": "1234567",
        "campaign": "spring",
        "variables": {"Amount": "total"},
        "constants": {"Shop": "Madrid"},
        "default_region": "ES",
    }
    settings = SendSettings(**(arguments | changes))
    return preview_campaign(
        WELCOME, settings, chunks, api=ApiSettings(), engine=engine, excluded=excluded, fingerprint="secret"
    )


def test_it_tells_where_each_variable_of_the_template_comes_from() -> None:
    assert preview()["template"] == {
        "id": "1234567",
        "name": "Welcome",
        "variables": ["Amount", "Shop"],
        "sources": {"Who": "the service", "Amount": "column total", "Shop": "a constant"},
    }


def test_it_shows_three_samples_in_which_nothing_can_be_read_but_their_shape() -> None:
    assert preview()["samples"] == [
        {"phone": "********001", "name": "Xxxxx Xxxxx", "variables": {"Amount": "00.0", "Shop": "Xxxxxx"}},
        {"phone": "********002", "name": "Xxxxx", "variables": {"Amount": "0", "Shop": "Xxxxxx"}},
        {"phone": "********678", "name": "Xxx", "variables": {"Amount": "0", "Shop": "Xxxxxx"}},
    ]


def test_no_phone_name_or_value_of_a_recipient_is_in_what_it_tells(engine: sa.Engine) -> None:
    told = orjson.dumps(preview(engine=engine)).decode()

    assert not any(secret in told for secret in ("600000001", "0000001", "Núria", "Pérez", "19.9", "Íñigo"))


def test_fixed_lines_are_counted_among_those_that_would_be_sent_to() -> None:
    plan = preview()

    assert (plan["planned"], plan["fixed_lines"]) == (3, 1)


def test_fixed_lines_are_rejected_where_mobiles_alone_are_wanted() -> None:
    plan = preview(mobile_only=True)

    assert (plan["planned"], plan["fixed_lines"], plan["rejected"]) == (2, 0, 2)
    assert plan["reasons"]["rejected"]["phone: it is a fixed line, and mobile_only is set"] == 1


def test_without_a_store_it_says_that_it_was_not_asked_and_counts_exclusions_all_the_same() -> None:
    plan = preview(excluded=[["+34600000001", "34699999999"]])

    assert plan["store_asked"] is False
    assert (plan["planned"], plan["suppressed"]) == (2, 1)
    assert plan["reasons"]["suppressed"] == {"excluded by exclude_sql": 1}


def test_the_hash_of_a_plan_is_the_same_after_a_part_of_it_was_sent(engine: sa.Engine) -> None:
    before = preview()["plan_hash"]
    sent(engine, ["34600000001"])

    plan = preview(engine=engine)

    assert (plan["messaged_before"], plan["plan_hash"]) == (1, before)


def test_a_plan_that_has_changed_since_it_was_approved_is_refused_as_a_send_refuses_it() -> None:
    approved = preview()["plan_hash"]
    fewer = {name: cells[1:] for name, cells in PEOPLE.items()}

    with pytest.raises(RcsPlanChangedError):
        preview([fewer], approved_plan=approved)


def test_it_keeps_nothing(engine: sa.Engine) -> None:
    preview(engine=engine)

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM rcs_campaign")).scalar_one() == 0


def test_an_empty_list_is_refused_as_a_send_refuses_it() -> None:
    with pytest.raises(RcsInputError, match="the list is empty"):
        preview(chunks=[])


def test_the_shards_of_a_list_are_foreseen_each_by_itself_and_are_the_whole_of_it() -> None:
    plans = [preview(selection=read_selection(shard, 1)) for shard in shards(2)]

    whole = preview()
    assert [plan["requested"] for plan in plans] == [3, 1]
    for count in ("requested", "planned", "rejected", "fixed_lines"):
        assert sum(plan[count] for plan in plans) == whole[count]


def test_a_share_that_nobody_is_in_is_foreseen_as_nothing_to_send() -> None:
    plan = preview(selection=read_selection(None, 1e-9))

    assert (plan["requested"], plan["planned"], plan["requests"]["count"]) == (0, 0, 0)


def test_a_wrong_recipient_is_refused_where_a_send_would_refuse_it() -> None:
    with pytest.raises(RcsInvalidRecipientsError, match="1 of 4 cannot be sent to"):
        preview(on_invalid="fail")


def test_a_campaign_begun_with_another_template_is_refused_as_a_send_refuses_it(engine: sa.Engine) -> None:
    campaign(engine, "spring")

    with pytest.raises(RcsCampaignConflictError, match="agent: campaign 'spring' was started with none"):
        preview(engine=engine, agent="another")


def test_a_date_that_has_passed_is_refused_as_a_send_refuses_it() -> None:
    with pytest.raises(RcsInputError, match="has passed"):
        preview(send_at=datetime(2020, 1, 1, tzinfo=UTC))


def test_a_date_that_has_passed_is_of_no_matter_to_a_campaign_with_nobody_left(engine: sa.Engine) -> None:
    sent(engine, ["34600000001"])
    past = datetime.now(UTC) - timedelta(days=1)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_campaign SET send_at = :past"), {"past": f"{past:%Y-%m-%d %H:%M:%S.%f}"})
    only_ana = {name: cells[:1] for name, cells in PEOPLE.items()}

    assert preview([only_ana], engine=engine, send_at=past)["messaged_before"] == 1


def test_it_tells_from_when_on_a_dispatch_would_send_it() -> None:
    due = datetime(2099, 5, 1, 12, tzinfo=UTC)

    kept, handed_over = preview(send_at=due, scheduled_by="store"), preview(send_at=due)

    assert (kept["dispatched_from"], handed_over["dispatched_from"]) == ("2099-05-01T11:30+00:00", None)


def test_a_cancelled_campaign_is_refused_as_a_send_refuses_it(engine: sa.Engine) -> None:
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        preview(engine=engine)


def test_the_campaign_that_it_foresees_is_left_as_it_is(engine: sa.Engine) -> None:
    sent(engine, ["34600000001"])
    before = rows(engine)

    preview(engine=engine)

    assert rows(engine) == before


def test_its_memory_grows_by_the_phones_alone() -> None:
    long = "A name that takes more memory than a phone does " * 20

    def chunks(count: int) -> Iterator[Chunk]:
        for start in range(0, count, 1_000):
            phones = [f"346{number:08d}" for number in range(start, start + 1_000)]
            yield {"phone": phones, "name": [f"{long}{number}" for number in range(1_000)], "total": [1] * 1_000}

    def peak(count: int) -> int:
        tracemalloc.start()
        preview(chunks(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)
    grown = peak(8_000) - peak(2_000)

    assert grown < 6_000 * 250


def forecast(engine: sa.Engine | None = None, excluded: Any = (), batch_size: int = 1000, **settings: Any) -> PreviewCounts:
    return PreviewCounts(
        TERMS,
        SendSettings("1234567", "spring", **settings),
        ApiSettings(batch_size=batch_size),
        engine,
        None if engine is None else find_campaign(engine, "spring"),
        frozenset(excluded),
    )


def foreseen(*chunks: Any, **arguments: Any) -> PreviewCounts:
    made = forecast(**arguments)
    for chunk in chunks:
        made.add([listed(each) if isinstance(each, str) else each for each in chunk])
    made.finish()
    return made


def counts(made: PreviewCounts) -> dict[str, int]:
    every = {
        "planned": made.planned,
        "messaged": made.messaged_before,
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
    mark_in_doubt(engine, dispatched(engine, [BEA]), "the connection broke")
    dispatched(engine, [EVA])

    made = foreseen([listed(ANA, "variable Amount: it has no value"), BEA, EVA], engine=engine)

    assert counts(made) == {"messaged": 3}


def test_who_is_planned_or_rejected_by_an_earlier_list_is_taken_over_from_this_one(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    assert counts(foreseen([ANA, BEA], engine=engine)) == {"planned": 2}


def test_what_the_service_refused_and_what_was_suppressed_stays_so(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA])
    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.REJECTED, reason="no such phone")], "e-1")])
    taken = dispatched(engine, [EVA])
    settle(engine, [Settlement(taken, [Outcome(EVA, MessageState.DUPLICATE)], "e-2")])
    suppress(engine, BEA)
    claim_and_dispatch(engine, planned(engine, [BEA]), 10)

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
    assert (made.largest_bytes, made.total_bytes) == (size, size)


def test_the_largest_request_is_told_beside_all_of_them() -> None:
    made = foreseen([listed(phone, name="x" * (number * 100)) for number, phone in enumerate(phones(3))], batch_size=1)

    assert made.largest_bytes > made.total_bytes / 3
    assert made.largest_bytes < made.total_bytes


@given(
    st.lists(st.lists(st.sampled_from(phones(8))), max_size=6), st.integers(1, 5), st.sets(st.sampled_from(phones(8)))
)
def test_everyone_on_the_list_is_counted_once(chunks: list[list[str]], batch_size: int, excluded: set[str]) -> None:
    made = foreseen(*chunks, batch_size=batch_size, excluded=excluded)

    assert sum(counts(made).values()) == sum(map(len, chunks))
    assert made.planned == len({phone for chunk in chunks for phone in chunk} - excluded)
