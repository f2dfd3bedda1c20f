"""The list of recipients on its way into the books."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient, RecipientColumns, read_recipients
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.planning import (
    KnownRecipient,
    prepare_list_part,
    read_known_recipients,
    record_list,
)
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from tests.unit.store.given import ANA, BEA, EVA, new_attempt, campaign, claim_next, claim_and_dispatch, dispatched, funnel, expire_lease, listed, phones, row, rows, sent, states

NO_AMOUNT = "variable Amount: it has no value"


def list_in_chunks(engine: sa.Engine, attempt: Attempt, people: list[str], size: int) -> None:
    for start in range(0, len(people), size):
        record_list(
            engine, new_attempt, prepare_list_part(engine, [listed(phone) for phone in people[start : start + size]])
        )


def without_phone(key: str = "no-phone:1") -> ListedRecipient:
    return listed(key, "phone: it is missing", phone=None, phone_as_listed="")


def test_a_recipient_is_planned_with_all_that_the_list_says_of_it(engine: sa.Engine) -> None:
    recipient = listed(
        ANA, phone_as_listed="+34 600 000 001", name="Ana Ñ 🎉", reference="42", variables={"Amount": "19,90 €"}
    )

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [recipient]))

    planned = row(engine)
    assert (planned.state, planned.phone, planned.phone_as_listed) == ("planned", ANA, "+34 600 000 001")
    assert (planned.name, planned.reference, planned.variables) == ("Ana Ñ 🎉", "42", {"Amount": "19,90 €"})


def test_a_rejected_recipient_is_in_the_books_with_reason_and_place(engine: sa.Engine) -> None:
    record_list(
        engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT, detail="row 3, column 'Amount'")])
    )

    rejected = row(engine)
    assert (rejected.state, rejected.reason, rejected.detail) == ("rejected", NO_AMOUNT, "row 3, column 'Amount'")


def test_a_recipient_without_a_phone_is_in_the_books_as_well(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [without_phone()]))

    assert (row(engine, "no-phone:1").phone, row(engine, "no-phone:1").state) == (None, "rejected")


def test_an_empty_list_is_no_error(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, []))

    assert rows(engine) == {}


def test_a_phone_is_one_message_in_each_of_two_campaigns(engine: sa.Engine) -> None:
    for name in ("spring", "summer"):
        record_list(engine, new_attempt(engine, name), prepare_list_part(engine, [listed(ANA)]))

    assert [states(engine, "spring"), states(engine, "summer")] == [{ANA: "planned"}] * 2


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_repeats_are_counted_over_the_chunks_of_a_list(engine: sa.Engine, size: int) -> None:
    list_in_chunks(engine, new_attempt(engine), [ANA, BEA, ANA, ANA, EVA, BEA], size)

    assert {phone: each.repeats for phone, each in rows(engine).items()} == {ANA: 2, BEA: 1, EVA: 0}


def test_a_list_with_repeats_is_claimed_in_its_order(engine: sa.Engine) -> None:
    held = new_attempt(engine)

    record_list(engine, held, prepare_list_part(engine, [listed(phone) for phone in (EVA, ANA, EVA, BEA, ANA)]))

    taken = claim_and_dispatch(engine, held, 10)
    assert taken is not None
    assert [recipient.phone for recipient in taken.recipients] == [EVA, ANA, BEA]


def test_a_second_attempt_with_the_same_list_counts_nothing_twice(engine: sa.Engine) -> None:
    for _ in range(3):
        list_in_chunks(engine, new_attempt(engine), [ANA, BEA, ANA], 1)

    assert funnel(engine).requested == 3
    assert row(engine).repeats == 1


def test_a_second_attempt_with_more_repeats_counts_those(engine: sa.Engine) -> None:
    list_in_chunks(engine, new_attempt(engine), [ANA, ANA], 1)

    list_in_chunks(engine, new_attempt(engine), [ANA, ANA, ANA], 1)

    assert row(engine).repeats == 2


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.sampled_from([ANA, BEA, EVA]), max_size=6), sizes=st.lists(st.integers(1, 6), min_size=1))
def test_any_cut_of_a_list_into_chunks_ends_in_the_same_counts(
    engine: sa.Engine, people: list[str], sizes: list[int]
) -> None:
    name = f"{people} {sizes}"

    for size in sizes[:3]:
        list_in_chunks(engine, new_attempt(engine, name), people, size)

    assert funnel(engine, name).requested == len(people)


@pytest.mark.parametrize("in_one_chunk", [True, False])
def test_of_rows_with_the_same_phone_the_first_counts(engine: sa.Engine, in_one_chunk: bool) -> None:
    begun = new_attempt(engine)
    chunk = [listed(ANA, name="first"), listed(ANA, name="second")]

    for part in [chunk] if in_one_chunk else [chunk[:1], chunk[1:]]:
        record_list(engine, begun, prepare_list_part(engine, part))

    assert row(engine).name == "first"


@pytest.mark.parametrize("in_one_chunk", [True, False])
def test_a_first_row_that_is_rejected_is_not_put_right_by_a_later_one(engine: sa.Engine, in_one_chunk: bool) -> None:
    begun = new_attempt(engine)
    chunk = [listed(ANA, NO_AMOUNT), listed(ANA)]

    for part in [chunk] if in_one_chunk else [chunk[:1], chunk[1:]]:
        record_list(engine, begun, prepare_list_part(engine, part))

    assert states(engine) == {ANA: "rejected"}


def test_a_list_that_was_put_right_is_sent(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    again = new_attempt(engine)
    record_list(engine, again, prepare_list_part(engine, [listed(ANA, variables={"Amount": "7"})]))

    assert (row(engine).state, row(engine).reason, row(engine).detail) == ("planned", "", "")
    assert claim_next(engine, again).recipients[0].variables == {"Amount": "7"}


def test_a_recipient_who_was_not_tried_yet_takes_what_the_new_list_says(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Ana")]))

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert row(engine).name == "Anna"


def test_a_recipient_who_is_wrong_on_the_new_list_is_not_sent_to(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))

    again = new_attempt(engine)
    record_list(engine, again, prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    assert states(engine) == {ANA: "rejected"}
    assert claim_and_dispatch(engine, again, 10) is None


@pytest.mark.parametrize(
    "outcome", [MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT]
)
def test_a_recipient_who_was_tried_keeps_its_row(engine: sa.Engine, outcome: MessageState) -> None:
    settle(engine, [Settlement(dispatched(engine), [Outcome(ANA, outcome, reason="as it was")], "e-1")])

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert (row(engine).state, row(engine).reason, row(engine).name) == (outcome, "as it was", "")


def test_a_recipient_who_is_being_sent_to_keeps_its_row(engine: sa.Engine) -> None:
    dispatched(engine)

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    assert states(engine) == {ANA: "sending"}


def test_a_recipient_in_doubt_is_not_planned_again(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine), "no reply came")

    again = new_attempt(engine)
    record_list(engine, again, prepare_list_part(engine, [listed(ANA)]))

    assert claim_and_dispatch(engine, again, 10) is None


def test_nobody_new_on_a_list_leaves_the_revision_of_its_rows(engine: sa.Engine) -> None:
    sent(engine)
    before = row(engine).revision

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))

    assert row(engine).revision == before


def test_a_row_that_the_list_changes_carries_the_campaigns_new_revision(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))
    before = row(engine).revision

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert row(engine).revision > before


def test_an_attempt_that_lost_its_lease_can_list_nobody(engine: sa.Engine) -> None:
    fenced = new_attempt(engine)
    expire_lease(engine, fenced)

    with pytest.raises(RcsFencedError):
        record_list(engine, fenced, prepare_list_part(engine, [listed(ANA)]))

    assert rows(engine) == {}


def test_an_older_attempt_that_lists_late_takes_nobody_off_the_list_of_a_newer_one(engine: sa.Engine) -> None:
    older, newer = new_attempt(engine), new_attempt(engine)
    record_list(engine, newer, prepare_list_part(engine, [listed(ANA)]))

    record_list(engine, older, prepare_list_part(engine, [listed(ANA)]))

    assert claim_and_dispatch(engine, newer, 10) is not None


@pytest.mark.parametrize("phone", ["6\x0000", "+4930111111111111", "x" * 1000, "👋🏽"], ids=ascii)
def test_no_phone_however_strange_sinks_the_list_that_it_is_on(engine: sa.Engine, phone: str) -> None:
    columns = RecipientColumns("phone", None, None, {})
    chunk = {"phone": [ANA, phone]}

    record_list(
        engine,
        new_attempt(engine),
        prepare_list_part(engine, list(read_recipients(chunk, columns, (), default_region=None, first_row=1))),
    )

    assert states(engine)[ANA] == "planned"


def test_a_large_list_is_planned_whole(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(phone) for phone in phones(2_000)]))

    assert funnel(engine).states[MessageState.PLANNED] == 2_000


def test_who_keeps_its_row_when_it_is_listed_again_is_told_by_state_and_reason(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    mark_in_doubt(engine, dispatched(engine, [BEA]), "the connection broke")
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(EVA), without_phone()]))

    assert read_known_recipients(engine, campaign(engine), [ANA, BEA, EVA, "no-phone:1", "34600000009"]) == {
        ANA: KnownRecipient(MessageState.ACCEPTED, ""),
        BEA: KnownRecipient(MessageState.IN_DOUBT, "the connection broke"),
    }


def test_who_is_known_to_another_campaign_alone_is_not_told(engine: sa.Engine) -> None:
    sent(engine, [ANA], name="before")

    assert read_known_recipients(engine, campaign(engine), [ANA]) == {}
