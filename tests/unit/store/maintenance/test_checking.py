"""Checking of the counts that the store keeps, after any steps, and after changes by hand."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInFlightError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.count_tables import campaign_count, campaign_hour
from airflow_provider_rcs.store.db.inbox_tables import message_channel
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import changed_range, message
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.maintenance.checking import RANGES, CheckedCampaign, Difference, check, repair
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import (
    Settlement,
    mark_in_doubt,
    requeue_refused,
    requeue_unsent,
    settle,
)
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    campaign,
    claim_and_dispatch,
    expire_lease,
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    phones,
    report_on,
    sent,
)
from tests.unit.store.given import suppress as suppress_phone

PEOPLE = phones(6)
NAMES = (f"campaign {number}" for number in count())
OUTCOMES = list(MessageState)[1:]
OUTCOMES.remove(MessageState.SENDING)

WHO = st.sampled_from(PEOPLE)
STEPS = st.one_of(
    st.tuples(st.just("plan"), st.lists(st.tuples(WHO, st.sampled_from(["", "no value"])), max_size=5)),
    st.tuples(st.just("claim"), st.booleans()),
    st.tuples(st.just("settle"), st.lists(st.sampled_from(OUTCOMES), min_size=6, max_size=6)),
    st.tuples(
        st.just("report"),
        WHO,
        st.sampled_from(["10", "50", "13", "20"]),
        st.sampled_from(["RCS", "SMS"]),
        st.sampled_from([None, NOON, NOON + timedelta(hours=1)]),
    ),
    st.tuples(st.sampled_from(["erase", "exclude", "suppress"]), WHO),
    st.tuples(st.just("resolve"), st.sampled_from(list(Verdict))),
    st.tuples(st.sampled_from(["refuse", "unsent", "doubt", "die", "prune", "refold"])),
    st.tuples(st.just("cancel")),
)


@dataclass
class Scenario:
    """A campaign whose steps may come in any order; a step that is not possible does nothing."""

    engine: sa.Engine
    name: str = field(default_factory=lambda: next(NAMES))
    claims: list[Claim] = field(default_factory=list)
    attempt: Attempt = field(init=False)

    def __post_init__(self) -> None:
        self.attempt = new_attempt(self.engine, self.name)

    def take(self, step: str, *arguments: object) -> None:
        with suppress(RcsCancelledError, RcsInFlightError, IndexError):
            getattr(self, step)(*arguments)

    def plan(self, people: list[tuple[str, str]]) -> None:
        rows = [listed(phone, rejection) for phone, rejection in people]
        record_list(self.engine, self.attempt, prepare_list_part(self.engine, rows, {PEOPLE[5]}))

    def claim(self, is_dispatched: bool) -> None:
        if not is_dispatched:
            self.claims += claim_batches(self.engine, self.attempt, 2)
        elif taken := claim_and_dispatch(self.engine, self.attempt, 3):
            self.claims.append(taken)

    def settle(self, states: list[MessageState]) -> None:
        taken = self.claims.pop()
        outcomes = [Outcome(phone, state, "no") for phone, state in zip(taken.phones, states, strict=False)]
        settle(self.engine, [Settlement(taken, outcomes, "e-1")])

    def report(self, phone: str, code: str, service: str, moment: datetime | None) -> None:
        land_and_fold(self.engine, report_on(self.claims[-1], phone, code, service=service, reported_at=moment))

    def erase(self, phone: str) -> None:
        erase(self.engine, phone, "a test")

    def exclude(self, phone: str) -> None:
        suppress_excluded(self.engine, self.attempt.campaign, {phone})

    def suppress(self, phone: str) -> None:
        with suppress(sa.exc.IntegrityError):
            suppress_phone(self.engine, phone)

    def resolve(self, verdict: Verdict) -> None:
        resolve_all(self.engine, self.attempt.campaign, Resolution(verdict, "a test", "seen"))

    def refuse(self) -> None:
        requeue_refused(self.engine, self.claims.pop(), "not now")

    def unsent(self) -> None:
        requeue_unsent(self.engine, [self.claims.pop()])

    def doubt(self) -> None:
        mark_in_doubt(self.engine, self.claims.pop(), "the reply was lost")

    def die(self) -> None:
        expire_lease(self.engine, self.attempt)
        recover_dead_attempts(self.engine, self.attempt.campaign)
        self.attempt = new_attempt(self.engine, self.name)

    def prune(self) -> None:
        for _ in prune(self.engine, RetentionLimit(datetime.now(UTC) + timedelta(days=1), self.attempt.campaign.id)):
            pass

    def refold(self) -> None:
        for _ in refold(self.engine, AccountCodes("", {"20": "read", "13": "clicked"}), self.name):
            pass

    def cancel(self) -> None:
        cancel(self.engine, self.attempt.campaign, Cancellation("a test", "a mistake", NOON))


def differences(engine: sa.Engine) -> list[Difference]:
    return [difference for each in check(engine) for difference in each.differences]


def messages_in(engine: sa.Engine, name: str) -> int:
    rows = sa.select(sa.func.count() + sa.func.coalesce(sa.func.sum(message.c.repeats), 0))
    with engine.connect() as connection:
        return int(connection.execute(rows.where(message.c.campaign_id == campaign(engine, name).id)).scalar_one())


# Without shrinking: a history is readable as it is, and each attempt costs a dozen transactions.
@settings(
    max_examples=10,
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEPS, min_size=5, max_size=15))
@pytest.mark.slow
def test_the_counts_that_are_kept_are_those_of_the_rows_after_any_steps(
    engine: sa.Engine, steps: list[tuple[str, object]]
) -> None:
    scenario = Scenario(engine)
    scenario.plan([(phone, "") for phone in PEOPLE])

    for step in steps:
        scenario.take(*step)

    assert differences(engine) == []
    assert funnel(engine, scenario.name).requested == messages_in(engine, scenario.name)


def test_a_message_that_is_inserted_changed_or_deleted_by_hand_is_counted(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])
    is_ana = message.c.recipient_key == ANA
    copy = [column for column in message.c if column.name not in ("id", "recipient_key")]

    with engine.begin() as connection:
        new = sa.select(sa.literal("another"), *copy).where(is_ana)
        connection.execute(message.insert().from_select(["recipient_key", *(each.name for each in copy)], new))
        connection.execute(message.update().where(is_ana).values(state="rejected", reason="by hand", repeats=4))
        connection.execute(message.delete().where(message.c.recipient_key == BEA))

    assert differences(engine) == []
    assert funnel(engine).requested == 6


def test_a_count_that_was_changed_by_hand_is_found_and_put_right(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])
    is_accepted = campaign_count.c.state == "accepted"
    with engine.begin() as connection:
        connection.execute(campaign_count.update().where(is_accepted).values(messages=7, repeats=1))

    (checked,) = check(engine)
    repair(engine, checked.id)

    assert checked.messages == 2
    assert checked.differences == [
        Difference("messages of state=accepted", 7, 2),
        Difference("repeats of state=accepted", 1, 0),
    ]
    assert differences(engine) == []
    assert funnel(engine).requested == 2


def test_hours_that_are_missing_are_found_and_put_right(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))
    with engine.begin() as connection:
        connection.execute(campaign_hour.delete())

    found = differences(engine)
    for each in check(engine):
        repair(engine, each.id)

    assert [(each.kept, each.counted) for each in found] == [(0, 1), (0, 1)]
    assert differences(engine) == []


def test_messages_that_loads_would_not_find_are_found_and_marked_as_changed(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken), report_on(taken, service="SMS"))
    with engine.begin() as connection:
        connection.execute(changed_range.delete())

    (checked,) = check(engine)
    repair(engine, checked.id)

    assert checked.differences == [Difference(RANGES, 0, 1)]
    assert differences(engine) == []
    # A warehouse may have loaded up to the revision before, and reads only what has a higher one.
    revisions = [sa.select(each.c.revision) for each in (message, message_channel, changed_range)]
    with engine.connect() as connection:
        found = connection.execute(sa.union(*revisions)).scalars().all()
    assert found == [campaign_revision(engine)]


def campaign_revision(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(campaigns.c.revision)).scalar_one())


def test_counts_of_a_campaign_that_does_not_exist_are_found_and_removed(engine: sa.Engine) -> None:
    nothing = {"reason": "", "delivery_status": "", "delivery_channel": "", "repeats": 0}
    with engine.begin() as connection:
        connection.execute(campaign_count.insert(), {"campaign_id": 77, "state": "planned", "messages": 2, **nothing})

    assert list(check(engine)) == [
        CheckedCampaign(77, "(number 77)", 0, [Difference("messages of state=planned", 2, 0)])
    ]
    repair(engine, 77)
    assert list(check(engine)) == []


def test_a_reason_that_is_too_long_for_an_index_is_counted(engine: sa.Engine) -> None:
    sent(engine)
    reason = "".join(chr(0x100 + number % 5_000) for number in range(20_000))
    with engine.begin() as connection:
        connection.execute(message.update().values(state="in_doubt", reason=reason))

    assert differences(engine) == []
    assert funnel(engine).reasons == {MessageState.IN_DOUBT: {reason: 1}}


@pytest.mark.parametrize("moment", [None, NOON])
def test_a_status_is_counted_in_the_hour_that_its_report_gives(engine: sa.Engine, moment: datetime | None) -> None:
    land_and_fold(engine, report_on(sent(engine), reported_at=moment))

    hours = sa.select(campaign_hour.c.hour).where(campaign_hour.c.outcome == "delivered")
    with engine.connect() as connection:
        found = connection.execute(hours).scalar_one()
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    assert found == moment if moment else now - timedelta(hours=1) <= found <= now
