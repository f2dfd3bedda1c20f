"""A person who is taken out of the store: what goes, what stays, and whom nobody messages again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError, RcsInFlightError
from airflow_provider_rcs.api.models import FrequencyCap, Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import erasure, report, suppression
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from airflow_provider_rcs.store.outbox.planning import (
    KnownRecipient,
    prepare_list_part,
    read_known_recipients,
    record_list,
)
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all, resolve_phone
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
from airflow_provider_rcs.store.outbox.suppression import EXCLUDED, record_exclusions
from airflow_provider_rcs.store.privacy.erasure import PersonalData, erase, find_personal_data
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    new_attempt,
    campaign,
    claim_next,
    claim_and_dispatch,
    dispatched,
    dump_store,
    funnel,
    expire_lease,
    listed,
    planned,
    land_and_fold,
    report_on,
    row,
    rows,
    sent,
    states,
)
from tests.unit.store.read.test_exports import listening

ANAS_LIST = listed(ANA, phone_as_listed="+34 600 000 001", name="Ana Ñ", reference="ref-1", variables={"Amount": "7"})


def erase_ana(engine: sa.Engine, *, suppress: bool = False) -> PersonalData:
    return erase(engine, ANA, "the data protection officer", suppress=suppress)


def hash_of_ana(engine: sa.Engine, name: str = "spring") -> str:
    (key,) = [key for key in rows(engine, name) if key.startswith("pseudonym:")]
    return key


def suppress(engine: sa.Engine, phone: str) -> None:
    with engine.begin() as connection:
        connection.execute(suppression.insert().values(phone=phone, reason="asked", since=NOON))


def send_to_ana(engine: sa.Engine, name: str = "spring", cap: FrequencyCap | None = None) -> list[str]:
    """List Ana and Bea, and return who is claimed."""
    taken = claim_and_dispatch(engine, planned(engine, [ANA, BEA], name), 10, cap)
    return [] if taken is None else [recipient.phone for recipient in taken.recipients]


def test_nothing_of_the_person_is_left_in_any_table(engine: sa.Engine) -> None:
    begun = new_attempt(engine)
    record_list(engine, begun, prepare_list_part(engine, [ANAS_LIST, listed(BEA)]))
    taken = claim_next(engine, begun)
    settle(engine, [Settlement(taken, accepted(taken, "id"), "e-1")])
    land_and_fold(engine, report_on(taken, message_reference="ref-1", extra={"Note": ANA}, api_message_id="id-1"))
    record_exclusions(engine, campaign(engine, "summer"), [ANA])
    suppress(engine, ANA)
    land_all(engine, [ReceivedReports(NOON, refused=[RefusedReport("why", "text/plain", b"to=%2B34 600-000-001")])])
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_message SET api_message_id = 'id-1' WHERE phone = :ana"), {"ana": ANA})

    erase_ana(engine)

    left = dump_store(engine)
    assert [each for each in (ANA, "600 000 001", "600-000-001", "Ana Ñ", "ref-1", "Amount") if each in left] == []
    assert BEA in left


def test_the_counts_of_a_campaign_and_what_the_service_said_stay(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, api_message_id=f"m-{ANA}"), report_on(taken, BEA, "50"))
    funnel_before, before = funnel(engine), row(engine)

    erase_ana(engine)

    after = row(engine, hash_of_ana(engine))
    assert funnel(engine) == funnel_before
    kept = ("id", "state", "reason", "request_id", "api_message_id", "delivery_status", "delivery_at", "updated_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.revision > before.revision


def test_what_was_found_is_told_and_looking_again_finds_only_the_hash(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    record_exclusions(engine, campaign(engine, "summer"), [ANA])

    before = find_personal_data(engine, ANA)
    erased = erase_ana(engine)
    after = find_personal_data(engine, ANA)

    assert erased == before
    assert before.as_counts() == {
        "rcs_message": 1,
        "rcs_report": 1,
        "rcs_report_refused": 0,
        "rcs_exclusion": 1,
        "rcs_suppression": 0,
    }
    assert set(after.as_counts().values()) == {0}
    assert after.message_ids == before.message_ids


@pytest.mark.parametrize("text", ["600000001", "tel. 0034 600-000-001"])
def test_a_row_that_was_rejected_because_it_held_no_phone_is_erased_too(engine: sa.Engine, text: str) -> None:
    no_phone = {"phone": None, "name": "Ana"}
    wrong = listed("no-phone:1", "phone: it is not a phone number", phone_as_listed=text, **no_phone)
    other = listed("no-phone:2", "phone: it is not a phone number", phone_as_listed="600000009", **no_phone)
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [wrong, other]))

    erase_ana(engine)

    assert [each.phone_as_listed for each in rows(engine).values()] == ["", "600000009"]
    assert "no-phone:1" not in rows(engine)


def test_who_was_messaged_is_not_messaged_again_by_the_campaign_and_gets_no_second_row(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)

    assert send_to_ana(engine) == [BEA]
    assert states(engine) == {hash_of_ana(engine): "accepted", BEA: "sending"}


def test_a_list_does_not_bring_back_what_was_erased(engine: sa.Engine) -> None:
    record_list(
        engine,
        new_attempt(engine),
        prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value", name="Ana")]),
    )
    erase_ana(engine)

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [ANAS_LIST, ANAS_LIST]))

    assert ANA not in dump_store(engine)
    assert (row(engine, hash_of_ana(engine)).state, row(engine, hash_of_ana(engine)).name) == ("rejected", "")
    assert row(engine, hash_of_ana(engine)).repeats == 1
    assert funnel(engine).requested == 2


def test_who_is_planned_is_not_sent_to_and_is_told_why(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA, BEA])
    erase_ana(engine)

    assert [recipient.phone for recipient in claim_next(engine, begun).recipients] == [BEA]
    assert funnel(engine).reasons[MessageState.SUPPRESSED] == {"erased before it was sent": 1}


def test_a_preview_knows_by_the_hash_how_the_person_stands(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    record_list(
        engine, new_attempt(engine), prepare_list_part(engine, [listed(EVA, "variable Amount: it has no value")])
    )
    for phone in (ANA, EVA):
        erase(engine, phone, "a test")

    assert read_known_recipients(engine, campaign(engine), [ANA, BEA, EVA]) == {
        ANA: KnownRecipient(MessageState.ACCEPTED, ""),
        EVA: KnownRecipient(MessageState.REJECTED, "variable Amount: it has no value"),
    }


def test_another_campaign_messages_the_person_if_a_list_names_them_again(engine: sa.Engine) -> None:
    sent(engine, [ANA])

    erase_ana(engine)

    assert send_to_ana(engine, "summer") == [ANA, BEA]


def test_no_campaign_messages_the_person_if_that_was_asked_for(engine: sa.Engine) -> None:
    erase_ana(engine, suppress=True)

    assert send_to_ana(engine, "summer") == [BEA]
    assert row(engine, ANA, "summer").reason == "suppressed: erased on request"


def test_who_was_suppressed_or_excluded_stays_so_with_the_reason(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    record_exclusions(engine, campaign(engine, "spring"), [EVA])
    for phone in (ANA, EVA):
        erase(engine, phone, "a test", suppress=phone == ANA)

    taken = claim_and_dispatch(engine, planned(engine, [ANA, BEA, EVA]), 10)

    assert taken is not None
    assert [recipient.phone for recipient in taken.recipients] == [BEA]
    assert [row(engine, phone).reason for phone in (ANA, EVA)] == ["suppressed: asked", EXCLUDED]
    assert claim_next(engine, planned(engine, [EVA], "summer")).recipients[0].phone == EVA


def test_messages_from_before_the_erasure_count_for_the_frequency_cap(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)
    sent(engine, [ANA], name="summer")

    assert send_to_ana(engine, "autumn", FrequencyCap(2, timedelta(days=1))) == [BEA]
    assert send_to_ana(engine, "winter", FrequencyCap(3, timedelta(days=1))) == [ANA, BEA]


def test_while_a_message_is_being_sent_nothing_is_erased_and_the_campaign_is_named(engine: sa.Engine) -> None:
    sent(engine, [ANA], name="summer")
    dispatched(engine, [ANA])

    with pytest.raises(RcsInFlightError, match=r"campaign 'spring': a message .* being sent .* Nothing was erased"):
        erase_ana(engine)

    assert [list(states(engine, name)) for name in ("spring", "summer")] == [[ANA], [ANA]]


def test_what_a_dead_attempt_was_sending_is_in_doubt_and_erased(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    claim_next(engine, holder)
    expire_lease(engine, holder)

    erase_ana(engine)

    assert states(engine) == {hash_of_ana(engine): "in_doubt"}


def test_a_late_reply_still_settles_an_erased_message(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    mark_in_doubt(engine, taken, "the connection broke")
    erase_ana(engine)

    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.ACCEPTED, "m-1")], "e-1")])

    assert (row(engine, hash_of_ana(engine)).state, row(engine, hash_of_ana(engine)).api_message_id) == (
        "accepted",
        "m-1",
    )


def test_a_late_refusal_does_not_plan_whom_nobody_can_send_to(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    taken = claim_next(engine, holder)
    expire_lease(engine, holder)
    recover_dead_attempts(engine, holder.campaign)
    erase_ana(engine)

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {hash_of_ana(engine): "suppressed", BEA: "planned"}


def test_a_person_who_says_not_sent_does_not_plan_whom_nobody_can_send_to(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    erase_ana(engine)

    assert resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "me", "seen in the panel")) == 2

    assert states(engine) == {hash_of_ana(engine): "suppressed", BEA: "planned"}


def test_said_to_be_not_sent_after_its_campaign_was_cancelled_an_erased_message_is_suppressed_for_that(
    engine: sa.Engine,
) -> None:
    mark_in_doubt(engine, dispatched(engine), "lost")
    erase_ana(engine)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    resolve_phone(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "asked"), ANA)

    assert funnel(engine).reasons == {MessageState.SUPPRESSED: {"cancelled: the price is wrong": 1}}


def test_an_erased_message_in_doubt_can_be_settled_by_its_phone(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    erase_ana(engine)

    assert resolve_phone(engine, campaign(engine), Resolution(Verdict.ACCEPTED, "me", "seen in the panel"), ANA) == 1

    assert states(engine) == {hash_of_ana(engine): "accepted", BEA: "in_doubt"}


def test_who_erases_is_kept_with_the_hash_and_must_be_told(engine: sa.Engine) -> None:
    erase_ana(engine)

    with engine.connect() as connection:
        kept = connection.execute(sa.select(erasure)).one()
    assert (kept.erased_by, kept.erased_at.date()) == ("the data protection officer", datetime.now(UTC).date())
    with pytest.raises(RcsInputError, match="by: it is empty"):
        erase(engine, ANA, " ")


def test_a_person_can_be_erased_again_after_being_messaged_again(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)
    sent(engine, [ANA], name="summer")

    assert len(erase_ana(engine).messages) == 1

    assert hash_of_ana(engine, "spring") == hash_of_ana(engine, "summer")
    assert [row.phone for row in rows(engine, "summer").values()] == [None]


def test_reports_that_are_blanked_get_the_number_of_a_new_fold(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)), report_on(sent(engine, [BEA], "summer"), BEA))

    erase_ana(engine)

    with engine.connect() as connection:
        folds = {row.phone: row.fold for row in connection.execute(sa.select(report.c.phone, report.c.fold))}
    assert folds[""] > folds[BEA]


def test_a_report_that_has_landed_and_is_not_folded_loses_the_person_when_it_is(engine: sa.Engine) -> None:
    taken = sent(engine)
    land(engine, [report_on(taken)], NOON)

    erase_ana(engine)
    land_and_fold(engine)

    assert row(engine, hash_of_ana(engine)).delivery_status == "delivered"
    assert "'34600000001'" not in dump_store(engine)


def test_a_fold_while_the_reports_are_looked_through_waits_for_nothing_and_leaves_nothing_of_the_person(
    engine: sa.Engine,
) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    land(engine, [report_on(taken, code="20")], NOON)
    folding = Thread(target=fold, args=(engine,))
    still_folding: list[bool] = []

    def fold_meanwhile(_connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT rcs_report.id") and not still_folding:
            still_folding.append(True)
            folding.start()
            folding.join(timeout=10)
            still_folding[0] = folding.is_alive()

    with listening(engine, "after_cursor_execute", fold_meanwhile):
        erase_ana(engine)
    folding.join()

    assert still_folding == [False]
    assert "'34600000001'" not in dump_store(engine)
