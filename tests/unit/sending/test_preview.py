"""A preview counts what a send would do, and refuses what a send would refuse."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
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
    QuietHours,
    Recipient,
    SendRequest,
    Template,
    TemplateVariable,
    shards,
)
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire import send
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.recipients.phones import IS_FIXED_LINE
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending.preview import PreviewCounts, dry_run
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, new_reference, new_token
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from tests.unit.sending.service import Service
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    TERMS,
    campaign,
    claim_and_dispatch,
    dispatched,
    listed,
    phones,
    planned,
    rows,
    sent,
)

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
    "phone": ["600 000 001", "+34 600 000 002", "34600000678", "x"],
    "name": ["Núria Pérez", "Íñigo", "Zoë", "Nobody"],
    "total": [19.9, 7, 8, 9],
}
WITH_A_FIXED_LINE = PEOPLE | {"phone": [*PEOPLE["phone"][:2], "912345678", "x"]}


def welcome_settings(**changes: Any) -> SendSettings:
    arguments: dict[str, Any] = {
        "template_id": "1234567",
        "campaign": "spring",
        "variables": {"Amount": "total"},
        "constants": {"Shop": "Madrid"},
        "default_region": "ES",
    }
    return SendSettings(**(arguments | changes))


def preview(chunks: Any = (PEOPLE,), engine: sa.Engine | None = None, excluded: Any = (), **changes: Any) -> Any:
    service = Service(template=WELCOME, credentials_fingerprint="secret")
    return dry_run(engine, service, welcome_settings(**changes), chunks, excluded)


def new_counts(
    engine: sa.Engine | None = None, excluded: Any = (), batch_size: int = 1000, **settings: Any
) -> PreviewCounts:
    return PreviewCounts(
        TERMS,
        SendSettings("1234567", "spring", **settings),
        ApiSettings(batch_size=batch_size),
        engine,
        None if engine is None else find_campaign(engine, "spring"),
        frozenset(excluded),
    )


def count(*chunks: Any, **arguments: Any) -> PreviewCounts:
    counted = new_counts(**arguments)
    for chunk in chunks:
        counted.add([listed(each) if isinstance(each, str) else each for each in chunk])
    counted.finish()
    return counted


def counts(counted: PreviewCounts) -> dict[str, int]:
    all_counts = {
        "planned": counted.planned,
        "messaged": counted.messaged_before,
        "duplicates": counted.duplicates,
        "rejected": counted.rejected.total(),
        "suppressed": counted.suppressed.total(),
    }
    return {name: number for name, number in all_counts.items() if number}


def suppress(engine: sa.Engine, phone: str) -> None:
    with engine.begin() as connection:
        connection.execute(suppression.insert().values(phone=phone, reason="asked", since=datetime.now(UTC)))


def test_the_plan_names_the_source_of_each_variable() -> None:
    assert preview()["template"] == {
        "id": "1234567",
        "name": "Welcome",
        "variables": ["Amount", "Shop"],
        "sources": {"Who": "the service", "Amount": "column total", "Shop": "a constant"},
    }


def test_the_plan_has_three_samples_that_show_only_the_shape_of_values() -> None:
    assert preview()["samples"] == [
        {"phone": "*********001", "name": "Xxxxx Xxxxx", "variables": {"Amount": "00.0", "Shop": "Xxxxxx"}},
        {"phone": "*********002", "name": "Xxxxx", "variables": {"Amount": "0", "Shop": "Xxxxxx"}},
        {"phone": "*********678", "name": "Xxx", "variables": {"Amount": "0", "Shop": "Xxxxxx"}},
    ]


def test_the_plan_contains_no_phone_name_or_value_of_a_recipient(engine: sa.Engine) -> None:
    plan = orjson.dumps(preview(engine=engine)).decode()

    assert not any(text in plan for text in ("600000001", "0000001", "Núria", "Pérez", "19.9", "Íñigo"))


def test_the_plan_counts_how_phones_were_read_and_of_which_country_they_are() -> None:
    assert preview()["phones"] == {
        "readings": {"national": 1, "as written": 1, "country code without +": 1},
        "countries": {"ES": 3},
        "unreadable": 0,
        "advice": "",
        "rules": {"phone_column": "phone", "default_region": "ES", "mobile_only": "True"},
    }


def test_a_list_that_cannot_be_read_is_refused_by_the_name_of_the_argument() -> None:
    with pytest.raises(RcsInputError, match=r"^default_region: 4 of 4 phones"):
        preview([PEOPLE | {"phone": ["600000001", "600000002", "600000003", "600000004"]}], default_region=None)


def test_fixed_lines_are_counted_among_planned_recipients_where_they_are_accepted() -> None:
    plan = preview([WITH_A_FIXED_LINE], mobile_only=False)

    assert (plan["planned"], plan["fixed_lines"]) == (3, 1)


def test_fixed_lines_are_rejected() -> None:
    plan = preview([WITH_A_FIXED_LINE])

    assert (plan["planned"], plan["fixed_lines"], plan["rejected"]) == (2, 0, 2)
    assert plan["reasons"]["rejected"][f"phone: {IS_FIXED_LINE}"] == 1


def test_without_a_store_the_plan_says_so_and_still_counts_exclusions() -> None:
    plan = preview(excluded=[["+34600000001", "+34699999999"]], default_region="ES")

    assert plan["store_asked"] is False
    assert (plan["planned"], plan["suppressed"]) == (2, 1)
    assert plan["reasons"]["suppressed"] == {"excluded by exclude_sql": 1}


def test_the_hash_of_a_plan_is_the_same_after_part_of_it_was_sent(engine: sa.Engine) -> None:
    before = preview()["plan_hash"]
    sent(engine, ["+34600000001"])

    plan = preview(engine=engine)

    assert (plan["messaged_before"], plan["plan_hash"]) == (1, before)


def test_a_plan_that_has_changed_since_its_approval_is_refused_as_by_a_send() -> None:
    approved = preview()["plan_hash"]
    fewer = {name: cells[1:] for name, cells in PEOPLE.items()}

    with pytest.raises(RcsPlanChangedError):
        preview([fewer], approved_plan=approved)


def test_a_preview_records_nothing(engine: sa.Engine) -> None:
    preview(engine=engine)

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM rcs_campaign")).scalar_one() == 0


def test_an_empty_list_is_refused_as_by_a_send() -> None:
    with pytest.raises(RcsInputError, match="the list is empty"):
        preview(chunks=[])


def test_previews_of_all_shards_add_up_to_the_preview_of_the_list() -> None:
    plans = [preview(selection=read_selection(shard, 1)) for shard in shards(2)]

    whole = preview()
    assert [plan["requested"] for plan in plans] == [2, 2]
    for count in ("requested", "planned", "rejected", "fixed_lines"):
        assert sum(plan[count] for plan in plans) == whole[count]


def test_an_empty_sample_is_previewed_as_nothing_to_send() -> None:
    plan = preview(selection=read_selection(None, 1e-9))

    assert (plan["requested"], plan["planned"], plan["requests"]["count"]) == (0, 0, 0)


def test_an_invalid_recipient_is_refused_as_by_a_send() -> None:
    with pytest.raises(RcsInvalidRecipientsError, match="1 of 4 cannot be sent to"):
        preview(on_invalid="fail")


def test_a_campaign_begun_with_another_agent_is_refused_as_by_a_send(engine: sa.Engine) -> None:
    campaign(engine, "spring")

    with pytest.raises(RcsCampaignConflictError, match="agent: campaign 'spring' was started with none"):
        preview(engine=engine, agent="another")


def test_a_passed_date_is_refused_as_by_a_send() -> None:
    with pytest.raises(RcsInputError, match="has passed"):
        preview(send_at=datetime(2020, 1, 1, tzinfo=UTC))


def test_a_passed_date_is_accepted_if_the_campaign_has_nobody_left_to_message(engine: sa.Engine) -> None:
    sent(engine, ["+34600000001"])
    past = datetime.now(UTC) - timedelta(days=1)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_campaign SET send_at = :past"), {"past": f"{past:%Y-%m-%d %H:%M:%S.%f}"})
    only_ana = {name: cells[:1] for name, cells in PEOPLE.items()}

    assert preview([only_ana], engine=engine, send_at=past)["messaged_before"] == 1


def test_the_plan_has_the_earliest_time_of_a_dispatch() -> None:
    due = datetime(2099, 5, 1, 12, tzinfo=UTC)

    by_store, by_service = preview(send_at=due, scheduled_by="store"), preview(send_at=due)

    assert (by_store["dispatched_from"], by_service["dispatched_from"]) == ("2099-05-01T11:30+00:00", None)


def test_a_cancelled_campaign_is_refused_as_by_a_send(engine: sa.Engine) -> None:
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        preview(engine=engine)


def test_a_preview_does_not_change_its_campaign(engine: sa.Engine) -> None:
    sent(engine, ["+34600000001"])
    before = rows(engine)

    preview(engine=engine)

    assert rows(engine) == before


@pytest.mark.slow
def test_the_memory_of_a_preview_grows_only_with_the_phones() -> None:
    long = "A name that needs more memory than a phone " * 20

    def chunks(count: int) -> Iterator[Chunk]:
        for start in range(0, count, 1_000):
            phones = [f"+346{number:08d}" for number in range(start, start + 1_000)]
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


def test_a_repeated_phone_is_a_duplicate_in_the_same_chunk_and_in_a_later_one() -> None:
    assert counts(count([ANA, BEA, ANA], [BEA, EVA])) == {"planned": 3, "duplicates": 2}


@pytest.mark.parametrize("in_one_chunk", [True, False])
@pytest.mark.parametrize("first_is_wrong", [True, False])
def test_the_first_valid_row_of_a_phone_counts(first_is_wrong: bool, in_one_chunk: bool) -> None:
    rows = [listed(ANA, "variable Amount: it has no value"), listed(ANA)]
    rows = rows if first_is_wrong else rows[::-1]

    counted = count(*[rows] if in_one_chunk else [[each] for each in rows])

    assert counts(counted) == {"planned": 1, "duplicates": 1}
    assert dict(counted.rejected) == {}


def test_the_first_row_of_a_phone_counts_if_none_is_valid() -> None:
    counted = count([listed(ANA, "first"), listed(ANA, "second")], [listed(ANA, "third")])

    assert counts(counted) == {"rejected": 1, "duplicates": 2}
    assert dict(counted.rejected) == {"first": 1}


def test_values_that_look_missing_are_counted_by_column() -> None:
    people = {"PHONE": ["600000001", "600000002", "600000003"], "Name": ["NULL", None, "Ana"], "total": ["nan", 7, 7]}

    plan = preview([people])

    assert plan["suspicious_values"] == {"Name": {"NULL": 1, "empty": 1}, "total": {"nan": 1}}
    assert plan["planned"] == 3


def test_messaged_recipients_are_counted_as_messaged_even_if_the_list_is_now_invalid(
    engine: sa.Engine,
) -> None:
    sent(engine, [ANA])
    mark_in_doubt(engine, dispatched(engine, [BEA]), "the connection broke")
    dispatched(engine, [EVA])

    counted = count([listed(ANA, "variable Amount: it has no value"), BEA, EVA], engine=engine)

    assert counts(counted) == {"messaged": 3}


def test_recipients_planned_by_an_earlier_list_are_counted_as_planned(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    assert counts(count([ANA, BEA], engine=engine)) == {"planned": 2}


def test_messages_that_were_rejected_duplicate_or_suppressed_keep_their_state(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA])
    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.REJECTED, reason="no such phone")], "e-1")])
    taken = dispatched(engine, [EVA])
    settle(engine, [Settlement(taken, [Outcome(EVA, MessageState.DUPLICATE)], "e-2")])
    suppress(engine, BEA)
    claim_and_dispatch(engine, planned(engine, [BEA]), 10)

    counted = count([ANA, BEA, EVA], engine=engine)

    assert counts(counted) == {"rejected": 1, "suppressed": 1, "duplicates": 1}
    assert (counted.rejected, counted.suppressed) == ({"no such phone": 1}, {"suppressed: asked": 1})


def test_suppressed_recipients_are_counted_by_the_reason_that_a_claim_gives(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    sent(engine, [EVA], name="before")
    nobody, *_ = phones(1)

    counted = count(
        [ANA, BEA, EVA, nobody], engine=engine, excluded=[BEA, nobody], frequency_cap=FrequencyCap(1, timedelta(days=7))
    )

    assert counted.suppressed == {
        "suppressed: asked": 1,
        "excluded by exclude_sql": 2,
        "frequency cap: at most 1 within 7 days": 1,
    }


def test_an_excluded_recipient_whose_row_is_invalid_is_counted_as_a_send_records_it() -> None:
    counted = count([listed(ANA, "variable Amount: it has no value"), BEA], excluded=[ANA])

    assert (counts(counted), counted.suppressed) == ({"planned": 1, "suppressed": 1}, {"excluded by exclude_sql": 1})


def test_suppressions_are_counted_for_a_campaign_that_has_not_begun(engine: sa.Engine) -> None:
    suppress(engine, ANA)

    assert counts(count([ANA, BEA], engine=engine)) == {"planned": 1, "suppressed": 1}


def test_requests_are_counted_in_batches_across_chunks() -> None:
    people = phones(25)

    assert count(people[:7], people[7:], batch_size=10).requests == 3


def test_a_batch_of_only_suppressed_recipients_is_no_request() -> None:
    people = phones(4)

    assert count(people, batch_size=2, excluded=people[:2]).requests == 1


def test_the_size_of_a_request_is_that_of_its_body() -> None:
    request = SendRequest("1234567", (Recipient(ANA, "Núria", "42", {"Amount": "7"}),), new_reference(new_token()))
    row = listed(ANA, name="Núria", reference="42", variables={"Amount": "7"})

    counted = count([row])

    size = len(send.send_body(request, ApiSettings().recipient_reference_key, "json"))
    assert (counted.largest_bytes, counted.total_bytes) == (size, size)


def test_the_size_of_the_largest_request_is_counted_beside_the_total() -> None:
    counted = count([listed(phone, name="x" * (number * 100)) for number, phone in enumerate(phones(3))], batch_size=1)

    assert counted.largest_bytes > counted.total_bytes / 3
    assert counted.largest_bytes < counted.total_bytes


@given(
    st.lists(st.lists(st.sampled_from(phones(8))), max_size=6), st.integers(1, 5), st.sets(st.sampled_from(phones(8)))
)
def test_everyone_on_the_list_is_counted_once(chunks: list[list[str]], batch_size: int, excluded: set[str]) -> None:
    counted = count(*chunks, batch_size=batch_size, excluded=excluded)

    assert sum(counts(counted).values()) == sum(map(len, chunks))
    assert counted.planned == len({phone for chunk in chunks for phone in chunk} - excluded)


def test_a_date_in_the_campaigns_own_quiet_hours_is_a_warning_in_the_plan_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    night = datetime(2100, 1, 1, 23, tzinfo=UTC)

    plan = preview(send_at=night, quiet_hours=(QuietHours(time(22), time(9)),))

    (warning,) = plan["warnings"]
    assert warning.startswith("send_at: 2100-01-02 00:00 in Spain is within quiet_hours[0]")
    assert f"Campaign spring: {warning}" in caplog.messages


def test_the_frequency_cap_of_a_plan_counts_by_its_date(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    cap, today, in_ten_days = FrequencyCap(1, timedelta(days=7)), None, datetime.now(UTC) + timedelta(days=10)

    people = [{"phone": [ANA], "name": ["Ana"], "total": [1]}]

    planned = [
        preview(people, engine, campaign="summer", frequency_cap=cap, send_at=date)["planned"]
        for date in (today, in_ten_days)
    ]

    assert planned == [0, 1]
