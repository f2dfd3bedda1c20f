"""Erasure of a person's data from the store."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError, RcsInputError
from airflow_provider_rcs.api.models import FrequencyCap, Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.db.tables import capped_phone, erasure, suppression
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import (
    EXCLUDED,
    KnownRecipient,
    prepare_list_part,
    read_known_recipients,
    record_list,
)
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all, resolve_phone
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
from airflow_provider_rcs.store.privacy import erasure as erasing
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.personal_data import PersonalData, find_personal_data
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    campaign,
    claim_and_dispatch,
    claim_next,
    dispatched,
    dump_store,
    expire_lease,
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    planned,
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


def pseudonym_of_ana(engine: sa.Engine, name: str = "spring") -> str:
    (key,) = [key for key in rows(engine, name) if key.startswith("pseudonym:")]
    return key


def raise_keyboard_interrupt(_: object) -> None:
    raise KeyboardInterrupt


def suppress(engine: sa.Engine, phone: str) -> None:
    with engine.begin() as connection:
        connection.execute(suppression.insert().values(phone=phone, reason="asked", since=NOON))


def send_to_ana(engine: sa.Engine, name: str = "spring", cap: FrequencyCap | None = None) -> list[str]:
    """List Ana and Bea, and return the claimed phones."""
    taken = claim_and_dispatch(engine, planned(engine, [ANA, BEA], name), 10, cap)
    return [] if taken is None else [recipient.phone for recipient in taken.recipients]


def test_erasure_leaves_no_personal_data_in_any_table(engine: sa.Engine) -> None:
    begun = new_attempt(engine)
    record_list(engine, begun, prepare_list_part(engine, [ANAS_LIST, listed(BEA)]))
    taken = claim_next(engine, begun)
    settle(engine, [Settlement(taken, accepted(taken, "id"), "e-1")])
    land_and_fold(engine, report_on(taken, message_reference="ref-1", extra={"Note": ANA}, api_message_id="id-1"))
    suppress(engine, ANA)
    land_all(engine, [ReceivedReports(NOON, refused=[RefusedReport("why", "text/plain", b"to=%2B34 600-000-001")])])
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_message SET api_message_id = 'id-1' WHERE phone = :ana"), {"ana": ANA})

    erase_ana(engine)

    left = dump_store(engine)
    assert [each for each in (ANA, "600 000 001", "600-000-001", "Ana Ñ", "ref-1", "Amount") if each in left] == []
    assert BEA in left


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"Destinatario=34+600+000+001"),
        ("application/x-www-form-urlencoded", b"Destinatario=34%20600%20000%20001"),
        ("application/json", '{"Destinatario": "600000001"'.encode("utf-16")),
        ("application/json", gzip.compress(b'{"Destinatario": "34600000001"}', mtime=0)),
        ("text/plain; name=34600000001", b"?"),
    ],
)
def test_a_refused_body_that_contains_the_phone_is_deleted(engine: sa.Engine, content_type: str, body: bytes) -> None:
    of_bea = RefusedReport("why", content_type.replace("001", "002"), b"Destinatario=34+600+000+002")
    land_all(engine, [ReceivedReports(NOON, refused=[RefusedReport("why", content_type, body), of_bea])])

    erased = erase_ana(engine)

    assert len(erased.refused_reports) == 1
    with engine.begin() as connection:
        assert connection.execute(sa.select(report_refused.c.body)).scalars().all() == [of_bea.body]


def test_what_the_spool_could_not_read_is_erased_from_the_store(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "1.spool").write_bytes(b'{"reports": [{"phone": "+34600000001"\n')
    for pushes in Spool(tmp_path).drain():
        land_all(engine, pushes)
    before = find_personal_data(engine, ANA).as_counts()

    erase_ana(engine)

    assert before["rcs_report_refused"] == 1
    assert "600000001" not in dump_store(engine)
    assert list(tmp_path.iterdir()) == []


def test_erasure_keeps_the_counts_of_a_campaign_and_the_services_ids(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, api_message_id=f"m-{ANA}"), report_on(taken, BEA, "50"))
    funnel_before, before = funnel(engine), row(engine)

    erase_ana(engine)

    after = row(engine, pseudonym_of_ana(engine))
    assert funnel(engine) == funnel_before
    kept = ("id", "state", "reason", "request_id", "api_message_id", "delivery_status", "delivery_at", "updated_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.revision > before.revision


def test_erase_returns_what_it_found_and_a_second_search_finds_only_pseudonyms(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))

    before = find_personal_data(engine, ANA)
    erased = erase_ana(engine)
    after = find_personal_data(engine, ANA)

    assert erased == before
    assert before.as_counts() == {
        "rcs_message": 1,
        "rcs_report": 1,
        "rcs_inbound": 0,
        "rcs_report_refused": 0,
        "rcs_suppression": 0,
    }
    assert set(after.as_counts().values()) == {0}
    assert after.message_ids == before.message_ids


@pytest.mark.parametrize("text", ["600000001", "tel. 0034 600-000-001"])
def test_a_row_that_was_rejected_for_its_phone_is_erased_too(engine: sa.Engine, text: str) -> None:
    no_phone = {"phone": None, "name": "Ana"}
    wrong = listed("no-phone:1", "phone: it is not a phone number", phone_as_listed=text, **no_phone)
    other = listed("no-phone:2", "phone: it is not a phone number", phone_as_listed="600000009", **no_phone)
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [wrong, other]))

    erase_ana(engine)

    assert [each.phone_as_listed for each in rows(engine).values()] == ["", "600000009"]
    assert "no-phone:1" not in rows(engine)


def test_an_erased_recipient_is_not_messaged_twice_and_gets_no_second_row(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)

    assert send_to_ana(engine) == [BEA]
    assert states(engine) == {pseudonym_of_ana(engine): "accepted", BEA: "sending"}


def test_a_new_list_does_not_restore_erased_data(engine: sa.Engine) -> None:
    record_list(
        engine,
        new_attempt(engine),
        prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value", name="Ana")]),
    )
    erase_ana(engine)

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [ANAS_LIST, ANAS_LIST]))

    assert ANA not in dump_store(engine)
    assert (row(engine, pseudonym_of_ana(engine)).state, row(engine, pseudonym_of_ana(engine)).name) == ("rejected", "")
    assert row(engine, pseudonym_of_ana(engine)).repeats == 1
    assert funnel(engine).requested == 2


def test_a_planned_message_is_suppressed_by_the_erasure(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA, BEA])
    erase_ana(engine)

    assert [recipient.phone for recipient in claim_next(engine, begun).recipients] == [BEA]
    assert funnel(engine).reasons[MessageState.SUPPRESSED] == {"erased before it was sent": 1}


def test_a_preview_finds_the_state_of_erased_recipients_by_pseudonym(engine: sa.Engine) -> None:
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


def test_another_campaign_messages_an_erased_recipient_that_its_list_contains(engine: sa.Engine) -> None:
    sent(engine, [ANA])

    erase_ana(engine)

    assert send_to_ana(engine, "summer") == [ANA, BEA]


def test_no_campaign_messages_a_recipient_erased_with_suppress(engine: sa.Engine) -> None:
    erase_ana(engine, suppress=True)

    assert send_to_ana(engine, "summer") == [BEA]
    assert row(engine, ANA, "summer").reason == "suppressed: erased on request"


def test_erased_recipients_stay_suppressed_or_excluded_with_the_reason(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    suppress_excluded(engine, planned(engine, [EVA]).campaign, {EVA})
    for phone in (ANA, EVA):
        erase(engine, phone, "a test", suppress=phone == ANA)

    taken = claim_and_dispatch(engine, planned(engine, [ANA, BEA, EVA]), 10)

    assert taken is not None
    assert [recipient.phone for recipient in taken.recipients] == [BEA]
    assert funnel(engine).reasons[MessageState.SUPPRESSED] == {"suppressed: asked": 1, EXCLUDED: 1}
    assert claim_next(engine, planned(engine, [EVA], "summer")).recipients[0].phone == EVA


def test_messages_before_the_erasure_count_towards_the_frequency_cap(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)
    sent(engine, [ANA], name="summer")

    assert send_to_ana(engine, "autumn", FrequencyCap(2, timedelta(days=1))) == [BEA]
    assert send_to_ana(engine, "winter", FrequencyCap(3, timedelta(days=1))) == [ANA, BEA]


def test_nothing_is_erased_while_a_message_is_being_sent(engine: sa.Engine) -> None:
    sent(engine, [ANA], name="summer")
    dispatched(engine, [ANA])

    with pytest.raises(RcsInFlightError, match=r"campaign 'spring': a message .* being sent .* Nothing was erased"):
        erase_ana(engine)

    assert [list(states(engine, name)) for name in ("spring", "summer")] == [[ANA], [ANA]]


def test_messages_that_a_dead_attempt_was_sending_become_in_doubt_and_are_erased(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    claim_next(engine, holder)
    expire_lease(engine, holder)

    erase_ana(engine)

    assert states(engine) == {pseudonym_of_ana(engine): "in_doubt"}


def test_a_late_reply_still_settles_an_erased_message(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    mark_in_doubt(engine, taken, "the connection broke")
    erase_ana(engine)

    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.ACCEPTED, "m-1")], "e-1")])

    assert (row(engine, pseudonym_of_ana(engine)).state, row(engine, pseudonym_of_ana(engine)).api_message_id) == (
        "accepted",
        "m-1",
    )


def test_a_late_refusal_does_not_requeue_an_erased_message(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    taken = claim_next(engine, holder)
    expire_lease(engine, holder)
    recover_dead_attempts(engine, holder.campaign)
    erase_ana(engine)

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {pseudonym_of_ana(engine): "suppressed", BEA: "planned"}


def test_resolving_as_not_sent_does_not_requeue_an_erased_message(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    erase_ana(engine)

    assert resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "me", "seen in the panel")) == 2

    assert states(engine) == {pseudonym_of_ana(engine): "suppressed", BEA: "planned"}


def test_resolving_an_erased_message_of_a_cancelled_campaign_suppresses_it(
    engine: sa.Engine,
) -> None:
    mark_in_doubt(engine, dispatched(engine), "lost")
    erase_ana(engine)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    resolve_phone(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "asked"), ANA)

    assert funnel(engine).reasons == {MessageState.SUPPRESSED: {"cancelled: the price is wrong": 1}}


def test_an_erased_message_in_doubt_can_be_resolved_by_its_phone(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    erase_ana(engine)

    assert resolve_phone(engine, campaign(engine), Resolution(Verdict.ACCEPTED, "me", "seen in the panel"), ANA) == 1

    assert states(engine) == {pseudonym_of_ana(engine): "accepted", BEA: "in_doubt"}


def test_the_name_of_who_erases_is_stored_and_required(engine: sa.Engine) -> None:
    erase_ana(engine)

    with engine.connect() as connection:
        kept = connection.execute(sa.select(erasure)).one()
    assert (kept.erased_by, kept.erased_at.date()) == ("the data protection officer", datetime.now(UTC).date())
    with pytest.raises(RcsInputError, match="by: it is empty"):
        erase(engine, ANA, " ")


def test_an_erasure_that_dies_between_two_campaigns_is_completed_by_another(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sent(engine, [ANA, BEA], "spring"), sent(engine, [ANA], "summer")
    land_and_fold(engine, report_on(first), report_on(second))
    with monkeypatch.context() as dying:
        dying.setattr(erasing, "let_others_write", raise_keyboard_interrupt)
        with pytest.raises(KeyboardInterrupt):
            erase_ana(engine)
    pseudonymous = [list(states(engine, name)) != [ANA] for name in ("spring", "summer")]
    sent_again = send_to_ana(engine, "spring")
    land_and_fold(engine, report_on(first, code="20"), report_on(second, code="20"))

    erased = erase_ana(engine)

    assert (pseudonymous, sent_again) == ([True, False], [])
    assert len(erased.message_ids) == 2
    assert repr(ANA) not in dump_store(engine)


def test_a_message_that_another_list_plans_during_the_erasure_is_erased_too(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine, [ANA])
    lists = iter(["summer"])
    monkeypatch.setattr(erasing, "let_others_write", lambda _: [planned(engine, [ANA, BEA], name) for name in lists])

    erased = erase_ana(engine)

    assert len(erased.messages) == 2
    assert repr(ANA) not in dump_store(engine)


def test_a_message_that_is_claimed_during_the_erasure_stops_it_with_a_part_erased(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine, [ANA], "spring")
    waiting = planned(engine, [ANA], "summer")
    monkeypatch.setattr(erasing, "let_others_write", lambda _: claim_next(engine, waiting))

    with pytest.raises(RcsInFlightError, match=r"campaign 'summer': .* being sent .* Only a part .* is erased"):
        erase_ana(engine)

    assert [list(states(engine, name)) == [ANA] for name in ("spring", "summer")] == [False, True]


def test_a_report_that_names_the_phone_but_the_ids_of_another_message_is_erased(engine: sa.Engine) -> None:
    taken = sent(engine, [BEA])
    land_and_fold(engine, report_on(taken, ANA, api_message_id=f"m-{BEA}"))

    erased = erase_ana(engine)

    assert len(erased.reports) == 1
    assert row(engine, BEA).delivery_status == "delivered"
    assert repr(ANA) not in dump_store(engine)


def test_a_report_on_the_phone_that_matches_no_message_is_erased(engine: sa.Engine) -> None:
    unknown = replace(sent(engine, [BEA]), reference="of nobody")
    land_and_fold(engine, report_on(unknown, ANA), report_on(unknown, "7" * 3_000))

    erased = erase_ana(engine)

    assert len(erased.reports) == 1
    assert repr(ANA) not in dump_store(engine)


def test_a_recipient_can_be_erased_again_after_another_message(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase_ana(engine)
    sent(engine, [ANA], name="summer")

    assert len(erase_ana(engine).messages) == 1

    assert pseudonym_of_ana(engine, "spring") == pseudonym_of_ana(engine, "summer")
    assert [row.phone for row in rows(engine, "summer").values()] == [None]


def test_reports_that_lose_personal_data_get_a_new_fold_number(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)), report_on(sent(engine, [BEA], "summer"), BEA))

    erase_ana(engine)

    with engine.connect() as connection:
        folds = {row.phone: row.fold for row in connection.execute(sa.select(report.c.phone, report.c.fold))}
    assert folds[""] > folds[BEA]


def test_a_report_landed_before_the_erasure_loses_personal_data_when_folded(engine: sa.Engine) -> None:
    taken = sent(engine)
    land(engine, [report_on(taken)], NOON)

    erase_ana(engine)
    land_and_fold(engine)

    assert row(engine, pseudonym_of_ana(engine)).delivery_status == "delivered"
    assert "'+34600000001'" not in dump_store(engine)


def test_a_fold_during_the_search_does_not_wait_and_leaves_no_personal_data(
    engine: sa.Engine,
) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    land(engine, [report_on(taken, code="20")], NOON)
    folding = Thread(target=fold, args=(engine,))
    is_blocked: list[bool] = []

    def fold_during_search(_connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT rcs_report.id") and not is_blocked:
            is_blocked.append(True)
            folding.start()
            folding.join(timeout=10)
            is_blocked[0] = folding.is_alive()

    with listening(engine, "after_cursor_execute", fold_during_search):
        erase_ana(engine)
    folding.join()

    assert is_blocked == [False]
    assert "'+34600000001'" not in dump_store(engine)


def test_an_erased_phone_is_forgotten_among_those_under_a_frequency_cap(engine: sa.Engine) -> None:
    sent(engine, [ANA], "summer")
    with engine.begin() as connection:
        connection.execute(capped_phone.insert(), [{"phone": ANA}, {"phone": BEA}])

    erase(engine, ANA, "a person")

    with engine.connect() as connection:
        assert list(connection.execute(sa.select(capped_phone.c.phone)).scalars()) == [BEA]
