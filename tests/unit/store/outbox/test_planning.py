"""Lists of recipients, recorded in the ledger."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient, RecipientColumns, read_recipients
from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.planning import (
    KnownRecipient,
    prepare_list_part,
    read_known_recipients,
    record_list,
)
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from tests.examples import examples
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    campaign,
    claim_and_dispatch,
    claim_next,
    dispatched,
    expire_lease,
    funnel,
    listed,
    new_attempt,
    phones,
    row,
    rows,
    sent,
    states,
)

NO_AMOUNT = "variable Amount: it has no value"


def record_in_parts(engine: sa.Engine, attempt: Attempt, people: list[str], size: int) -> None:
    for start in range(0, len(people), size):
        record_list(
            engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people[start : start + size]])
        )


def without_phone(key: str = "no-phone:1") -> ListedRecipient:
    return listed(key, "phone: it is missing", phone=None, phone_as_listed="")


def test_recipient_is_planned_with_all_values_of_the_list(engine: sa.Engine) -> None:
    recipient = listed(
        ANA, phone_as_listed="+34 600 000 001", name="Ana Ñ 🎉", reference="42", variables={"Amount": "19,90 €"}
    )

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [recipient]))

    planned = row(engine)
    assert (planned.state, planned.phone, planned.phone_as_listed) == ("planned", ANA, "+34 600 000 001")
    assert (planned.name, planned.reference, planned.variables) == ("Ana Ñ 🎉", "42", {"Amount": "19,90 €"})


def test_rejected_recipient_is_recorded_with_reason_and_detail(engine: sa.Engine) -> None:
    record_list(
        engine,
        new_attempt(engine),
        prepare_list_part(engine, [listed(ANA, NO_AMOUNT, detail="row 3, column 'Amount'")]),
    )

    rejected = row(engine)
    assert (rejected.state, rejected.reason, rejected.detail) == ("rejected", NO_AMOUNT, "row 3, column 'Amount'")


def test_recipient_without_a_phone_is_recorded_as_rejected(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [without_phone()]))

    assert (row(engine, "no-phone:1").phone, row(engine, "no-phone:1").state) == (None, "rejected")


def test_empty_list_is_no_error(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, []))

    assert rows(engine) == {}


def test_phone_has_one_message_in_each_campaign(engine: sa.Engine) -> None:
    for name in ("spring", "summer"):
        record_list(engine, new_attempt(engine, name), prepare_list_part(engine, [listed(ANA)]))

    assert [states(engine, "spring"), states(engine, "summer")] == [{ANA: "planned"}] * 2


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_repeats_are_counted_across_the_parts_of_a_list(engine: sa.Engine, size: int) -> None:
    record_in_parts(engine, new_attempt(engine), [ANA, BEA, ANA, ANA, EVA, BEA], size)

    assert {phone: each.repeats for phone, each in rows(engine).items()} == {ANA: 2, BEA: 1, EVA: 0}


def test_list_with_repeats_is_claimed_in_its_order(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)

    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in (EVA, ANA, EVA, BEA, ANA)]))

    claim = claim_and_dispatch(engine, attempt, 10)
    assert claim is not None
    assert [recipient.phone for recipient in claim.recipients] == [EVA, ANA, BEA]


def test_second_attempt_with_the_same_list_counts_nothing_twice(engine: sa.Engine) -> None:
    for _ in range(3):
        record_in_parts(engine, new_attempt(engine), [ANA, BEA, ANA], 1)

    assert funnel(engine).requested == 3
    assert row(engine).repeats == 1


def test_second_attempt_with_more_repeats_counts_them(engine: sa.Engine) -> None:
    record_in_parts(engine, new_attempt(engine), [ANA, ANA], 1)

    record_in_parts(engine, new_attempt(engine), [ANA, ANA, ANA], 1)

    assert row(engine).repeats == 2


def test_repeats_of_a_recipient_who_was_sent_to_get_a_new_revision(engine: sa.Engine) -> None:
    sent(engine)
    before = row(engine)

    record_in_parts(engine, new_attempt(engine), [ANA, ANA], 2)

    assert row(engine).repeats == 1
    assert row(engine).revision > before.revision
    assert row(engine).updated_at > before.updated_at


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.sampled_from([ANA, BEA, EVA]), max_size=6), sizes=st.lists(st.integers(1, 6), min_size=1))
def test_any_division_of_a_list_into_parts_ends_in_the_same_counts(
    engine: sa.Engine, people: list[str], sizes: list[int]
) -> None:
    name = f"{people} {sizes}"

    for size in sizes[:3]:
        record_in_parts(engine, new_attempt(engine, name), people, size)

    assert funnel(engine, name).requested == len(people)


@pytest.mark.parametrize("in_one_part", [True, False])
def test_first_of_several_rows_with_the_same_phone_is_used(engine: sa.Engine, in_one_part: bool) -> None:
    attempt = new_attempt(engine)
    listed_rows = [listed(ANA, name="first"), listed(ANA, name="second")]

    for part in [listed_rows] if in_one_part else [listed_rows[:1], listed_rows[1:]]:
        record_list(engine, attempt, prepare_list_part(engine, part))

    assert row(engine).name == "first"


@pytest.mark.parametrize("in_one_part", [True, False])
def test_first_valid_row_is_used_where_an_earlier_one_with_the_phone_is_invalid(
    engine: sa.Engine, in_one_part: bool
) -> None:
    attempt = new_attempt(engine)
    listed_rows = [listed(ANA, NO_AMOUNT), listed(ANA, name="second"), listed(ANA, NO_AMOUNT), listed(ANA, name="last")]

    for part in [listed_rows] if in_one_part else [[each] for each in listed_rows]:
        record_list(engine, attempt, prepare_list_part(engine, part))

    assert (row(engine).state, row(engine).name, row(engine).reason, row(engine).repeats) == (
        "planned",
        "second",
        "",
        3,
    )
    assert claim_next(engine, attempt).recipients[0].name == "second"


@pytest.mark.parametrize("in_one_part", [True, False])
def test_recipient_whose_rows_are_all_invalid_is_rejected_for_the_first(engine: sa.Engine, in_one_part: bool) -> None:
    attempt = new_attempt(engine)
    listed_rows = [listed(ANA, NO_AMOUNT), listed(ANA, "column name: it has a control character")]

    for part in [listed_rows] if in_one_part else [[each] for each in listed_rows]:
        record_list(engine, attempt, prepare_list_part(engine, part))

    assert (row(engine).state, row(engine).reason) == ("rejected", NO_AMOUNT)


def test_recipient_refused_by_the_service_is_not_planned_again_by_a_second_row(engine: sa.Engine) -> None:
    settle(engine, [Settlement(dispatched(engine), [Outcome(ANA, MessageState.REJECTED, reason="no RCS")], "e-1")])

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT), listed(ANA)]))

    assert (row(engine).state, row(engine).reason) == ("rejected", "no RCS")


def test_duplicates_that_were_removed_from_a_list_are_no_longer_counted(engine: sa.Engine) -> None:
    record_in_parts(engine, new_attempt(engine), [ANA, ANA, ANA], 1)

    record_in_parts(engine, new_attempt(engine), [ANA, ANA], 1)

    assert row(engine).repeats == 1


def test_corrected_list_is_sent(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    later = new_attempt(engine)
    record_list(engine, later, prepare_list_part(engine, [listed(ANA, variables={"Amount": "7"})]))

    assert (row(engine).state, row(engine).reason, row(engine).detail) == ("planned", "", "")
    assert claim_next(engine, later).recipients[0].variables == {"Amount": "7"}


def test_recipient_not_yet_attempted_gets_the_values_of_the_new_list(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Ana")]))

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert row(engine).name == "Anna"


def test_recipient_that_is_invalid_on_the_new_list_is_not_claimed(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))

    later = new_attempt(engine)
    record_list(engine, later, prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    assert states(engine) == {ANA: "rejected"}
    assert claim_and_dispatch(engine, later, 10) is None


@pytest.mark.parametrize(
    "outcome", [MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT]
)
def test_recipient_already_attempted_keeps_its_row(engine: sa.Engine, outcome: MessageState) -> None:
    settle(engine, [Settlement(dispatched(engine), [Outcome(ANA, outcome, reason="as it was")], "e-1")])

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert (row(engine).state, row(engine).reason, row(engine).name) == (outcome, "as it was", "")


def test_recipient_of_a_request_in_flight_keeps_its_row(engine: sa.Engine) -> None:
    dispatched(engine)

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    assert states(engine) == {ANA: "sending"}


def test_recipient_in_doubt_is_not_planned_again(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine), "no reply came")

    later = new_attempt(engine)
    record_list(engine, later, prepare_list_part(engine, [listed(ANA)]))

    assert claim_and_dispatch(engine, later, 10) is None


def test_list_without_changes_leaves_the_revision_of_its_rows(engine: sa.Engine) -> None:
    sent(engine)
    before = row(engine).revision

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))

    assert row(engine).revision == before


def test_row_changed_by_a_list_gets_the_new_revision(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))
    before = row(engine).revision

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, name="Anna")]))

    assert row(engine).revision > before


def test_fenced_attempt_cannot_record_a_list(engine: sa.Engine) -> None:
    fenced = new_attempt(engine)
    expire_lease(engine, fenced)

    with pytest.raises(RcsFencedError):
        record_list(engine, fenced, prepare_list_part(engine, [listed(ANA)]))

    assert rows(engine) == {}


def test_older_attempt_that_lists_late_removes_nobody_from_a_newer_list(engine: sa.Engine) -> None:
    older, newer = new_attempt(engine), new_attempt(engine)
    record_list(engine, newer, prepare_list_part(engine, [listed(ANA)]))
    before = row(engine)

    record_list(engine, older, prepare_list_part(engine, [listed(ANA)]))

    assert row(engine) == before
    assert claim_and_dispatch(engine, newer, 10) is not None


def test_older_attempt_that_lists_late_does_not_correct_a_row_of_a_newer_list(engine: sa.Engine) -> None:
    older, newer = new_attempt(engine), new_attempt(engine)
    record_list(engine, newer, prepare_list_part(engine, [listed(ANA, NO_AMOUNT)]))

    record_list(engine, older, prepare_list_part(engine, [listed(ANA)]))

    assert states(engine) == {ANA: "rejected"}


@pytest.mark.parametrize("phone", ["6\x0000", "+4930111111111111", "x" * 1000, "👋🏽"], ids=ascii)
def test_strange_phone_does_not_fail_the_rest_of_its_list(engine: sa.Engine, phone: str) -> None:
    columns = RecipientColumns("phone", None, None, {})
    chunk = {"phone": [ANA, phone]}

    record_list(
        engine,
        new_attempt(engine),
        prepare_list_part(engine, list(read_recipients(chunk, columns, (), phone_rules=PhoneRules("ES"), first_row=1))),
    )

    assert states(engine)[ANA] == "planned"


def test_large_list_is_planned_completely(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(phone) for phone in phones(2_000)]))

    assert funnel(engine).states[MessageState.PLANNED] == 2_000


def test_known_recipients_are_returned_with_state_and_reason(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    mark_in_doubt(engine, dispatched(engine, [BEA]), "the connection broke")
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(EVA), without_phone()]))

    assert read_known_recipients(engine, campaign(engine), [ANA, BEA, EVA, "no-phone:1", "+34600000009"]) == {
        ANA: KnownRecipient(MessageState.ACCEPTED, ""),
        BEA: KnownRecipient(MessageState.IN_DOUBT, "the connection broke"),
    }


def test_only_the_recipients_asked_for_are_returned_as_known(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])

    assert list(read_known_recipients(engine, campaign(engine), [BEA])) == [BEA]


def test_recipients_of_other_campaigns_are_not_returned_as_known(engine: sa.Engine) -> None:
    sent(engine, [ANA], name="before")

    assert read_known_recipients(engine, campaign(engine), [ANA]) == {}
