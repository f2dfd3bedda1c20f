"""Everything that changes messages, channels, reports or replies of a store, to be done in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.api.models import InboundMessage, Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.account_moves import find_account, move_account
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, open_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land, land_all
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy, begin_attempt, end_attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
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
from tests.unit.store.given import NOON, expire_lease, listed, phones, report_on
from tests.unit.store.given import suppress as suppress_phones

ACCOUNTS = ("e" * 32, "f" * 32)
CAMPAIGNS = ("spring", "autumn", "winter")
PEOPLE = phones(6)


@dataclass
class Changes:
    """Changes of one store; which recipients and which campaign they concern is chosen at random."""

    engine: sa.Engine
    random: random.Random
    open_claims: list[Claim] = field(default_factory=list)
    all_claims: list[Claim] = field(default_factory=list)
    moves: int = 0

    def do(self, name: str) -> None:
        """Make a change, unless it is not possible now."""
        with suppress(RcsError):
            OPERATIONS[name](self)

    def people(self) -> list[str]:
        return self.random.sample(PEOPLE, self.random.randint(1, len(PEOPLE)))

    def campaign(self) -> Campaign:
        account = ACCOUNTS[self.moves % 2]
        terms = CampaignTerms("1", account=account, rcs_conn_id="rcs")
        return open_campaign(self.engine, self.random.choice(CAMPAIGNS), terms, {})

    def attempt(self) -> Attempt:
        return begin_attempt(self.engine, self.campaign(), StartedBy(started_by="a test"), timedelta(minutes=5))

    def claim(self) -> Claim | None:
        return self.open_claims.pop(self.random.randrange(len(self.open_claims))) if self.open_claims else None


def _plan(changes: Changes) -> None:
    people = [listed(phone, name=changes.random.choice("AB")) for phone in changes.people()]
    wrong = listed("x", "phone: it is not valid", phone=None)
    excluded = set(changes.people()[:1])
    record_list(changes.engine, changes.attempt(), prepare_list_part(changes.engine, [*people, wrong], excluded))


def _claim(changes: Changes) -> None:
    attempt = changes.attempt()
    people = [listed(phone) for phone in changes.people()]
    record_list(changes.engine, attempt, prepare_list_part(changes.engine, people))
    claims = claim_batches(changes.engine, attempt, 2, requests=2)
    changes.open_claims += claims
    changes.all_claims += claims


def _send(changes: Changes) -> None:
    _claim(changes)
    _dispatch(changes)
    _settle(changes)


def _dispatch(changes: Changes) -> None:
    for claim in changes.open_claims:
        campaign = changes.campaign()
        if campaign.id == claim.campaign_id:
            attempt = begin_attempt(changes.engine, campaign, StartedBy(), timedelta(minutes=5))
            dispatch_claims(changes.engine, attempt, [claim])
            end_attempt(changes.engine, attempt)


def _settle(changes: Changes) -> None:
    states = (MessageState.ACCEPTED, MessageState.ACCEPTED, MessageState.REJECTED, MessageState.PLANNED)
    if claim := changes.claim():
        outcomes = [Outcome(phone, changes.random.choice(states), f"m-{phone}") for phone in claim.phones]
        settle(changes.engine, [Settlement(claim, outcomes, "e-1")])


def _lose_reply(changes: Changes) -> None:
    if claim := changes.claim():
        mark_in_doubt(changes.engine, claim, "the reply was lost")


def _refuse(changes: Changes) -> None:
    if claim := changes.claim():
        requeue_refused(changes.engine, claim, "no credit")


def _requeue(changes: Changes) -> None:
    if claim := changes.claim():
        requeue_unsent(changes.engine, [claim])


def _die(changes: Changes) -> None:
    attempt = changes.attempt()
    with changes.engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_attempt SET lease_until = '2020-01-01 00:00:00.000000'"))
    expire_lease(changes.engine, attempt)
    recover_dead_attempts(changes.engine, attempt.campaign)


def _cancel(changes: Changes) -> None:
    # Seldom, because nothing more happens to the campaign.
    if changes.random.random() < 0.3:
        cancel(changes.engine, changes.campaign(), Cancellation("Mar", "a mistake", NOON))


def _resolve(changes: Changes) -> None:
    verdict = changes.random.choice(list(Verdict))
    resolve_all(changes.engine, changes.campaign(), Resolution(verdict, "Mar", "seen"))


def _exclude(changes: Changes) -> None:
    suppress_excluded(changes.engine, changes.campaign(), set(changes.people()[:1]))


def _suppress(changes: Changes) -> None:
    with suppress(sa.exc.IntegrityError):
        suppress_phones(changes.engine, changes.random.choice(PEOPLE))


def _report(changes: Changes) -> None:
    code, service = changes.random.choice(("12", "13", "50", "77")), changes.random.choice(("RCS", "SMS"))
    for claim in changes.random.sample(changes.all_claims, min(2, len(changes.all_claims))):
        phone = changes.random.choice(claim.phones)
        ids = {"api_campaign_id": "e-1", "api_message_id": f"m-{phone}"}
        land(changes.engine, [report_on(claim, phone, code, service=service, **ids)], NOON)
    # Parked until a message has this id.
    parked = Report(code, PEOPLE[0], service=service, reported_at=NOON, api_message_id=f"m-{PEOPLE[0]}")
    land(changes.engine, [parked], NOON)
    fold(changes.engine)


def _reply(changes: Changes) -> None:
    phone = changes.random.choice(PEOPLE)
    reply = InboundMessage(phone, changes.random.choice(("BAJA", "hola")), api_message_id=f"m-{phone}")
    land_all(changes.engine, [ReceivedReports(NOON, inbound=[reply])])
    fold(changes.engine)


def _erase(changes: Changes) -> None:
    erase(changes.engine, changes.random.choice(PEOPLE), "Mar")


def _prune(changes: Changes) -> None:
    if changes.random.random() < 0.3:
        list(prune(changes.engine, RetentionLimit(datetime.now(UTC) + timedelta(days=1))))


def _refold(changes: Changes) -> None:
    account, status = ACCOUNTS[changes.moves % 2], changes.random.choice(("read", "failed"))
    list(refold(changes.engine, AccountCodes(account, {"77": status})))


def _move(changes: Changes) -> None:
    with changes.engine.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_attempt SET lease_until = '2020-01-01 00:00:00.000000'"))
    before = find_account(changes.engine, ACCOUNTS[changes.moves % 2])
    move_account(changes.engine, before, ACCOUNTS[(changes.moves + 1) % 2], "rcs")
    changes.moves += 1


OPERATIONS: dict[str, Callable[[Changes], None]] = {
    "plan": _plan,
    "claim": _claim,
    "send": _send,
    "dispatch": _dispatch,
    "settle": _settle,
    "lose reply": _lose_reply,
    "refuse": _refuse,
    "requeue": _requeue,
    "die": _die,
    "cancel": _cancel,
    "resolve": _resolve,
    "exclude": _exclude,
    "suppress": _suppress,
    "report": _report,
    "reply": _reply,
    "erase": _erase,
    "prune": _prune,
    "refold": _refold,
    "move account": _move,
}
