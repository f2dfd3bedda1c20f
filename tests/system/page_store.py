"""A store with campaigns in every state that the RCS page shows, through the steps that a send takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import begin_schedule
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy, begin_attempt, end_attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import expire_lease

_ACCOUNT, _CONNECTION = "7d1e40c2b95f4a6e8c03", "rcs_default"
WELCOME = CampaignTerms("1234567", "Welcome offer", account=_ACCOUNT, rcs_conn_id=_CONNECTION)
SHIPPING = CampaignTerms("1234568", "Shipping notice", account=_ACCOUNT, rcs_conn_id=_CONNECTION)
DAG_ID = "shop_spring"
_CODES = (["13"] * 62, ["20"] * 24, ["101"] * 5, ["10"] * 3, [""] * 6)
_AS_READ = {"20": "read"}
_NOT_USABLE = ("phone: the number is too short", "phone: no phone", "phone: not a mobile")


@dataclass(frozen=True)
class Sent:
    """A campaign that was sent, with the moment at which it was."""

    name: str
    at: datetime
    claims: Sequence[Claim]


def fill(engine: sa.Engine, run_id: str, now: datetime) -> None:
    """Fill a store that is migrated and empty.

    :param run_id: a run of the DAG ``shop_spring``, whose tasks have sent two of the campaigns.
    """
    chance = random.Random(2026)
    for number in range(6):
        at = now - timedelta(days=9 - number, hours=number)
        by = StartedBy(
            "shop_weekly", "send", f"scheduled__{at:%Y-%m-%d}T06:00:00+00:00", -1, 1, host="worker-1", process=7
        )
        _report(engine, _send(engine, f"weekly/{at:%Y-%m-%d}", WELCOME, by, 900 + 37 * number, at), chance)
    _settle_one_in_doubt(engine, now)
    cancel_at = Cancellation("ana", "the offer ended before it was sent", now - timedelta(hours=30))
    cancel(
        engine,
        _plan(engine, "winter-leftovers", WELCOME, StartedBy(started_by="ana on a notebook"), 240).campaign,
        cancel_at,
    )
    begin_schedule(
        engine,
        _plan(engine, "summer-launch", SHIPPING, _by("shop_launch", "plan", "manual__1"), 1_200),
        now + timedelta(days=12),
        {},
    )
    for letter, terms in (("a", WELCOME), ("b", SHIPPING)):
        at = now - timedelta(hours=20)
        sent = _send(engine, f"spring/{letter}", terms, _by(DAG_ID, f"send_{letter}", run_id), 2_400, at, rejected=37)
        _report(engine, sent, chance, worse=letter == "b")
    _send(engine, "newsletter", WELCOME, StartedBy(started_by="ana on a notebook"), 300, now - timedelta(hours=3))
    refused = RefusedReport("the body is not JSON", "application/json", b"{")
    land_all(engine, [ReceivedReports(now, refused=[refused])])


def _by(dag_id: str, task_id: str, run_id: str) -> StartedBy:
    return StartedBy(dag_id, task_id, run_id, -1, 1, host="worker-2", process=11)


def _plan(
    engine: sa.Engine, name: str, terms: CampaignTerms, by: StartedBy, recipients: int, rejected: int = 0
) -> Attempt:
    opened = open_campaign(engine, name, terms, _AS_READ)
    attempt = begin_attempt(engine, opened, by, timedelta(minutes=5))
    first = opened.id * 10_000
    people = [_listed(f"+346{first + each:08d}") for each in range(recipients)]
    people += [_listed(f"{name}-{each}", _NOT_USABLE[each % 3]) for each in range(rejected)]
    record_list(engine, attempt, prepare_list_part(engine, people))
    return attempt


def _listed(phone: str, rejection: str = "") -> ListedRecipient:
    return ListedRecipient(
        phone, None if rejection else phone, phone, "", "", {}, rejection, "row 1" if rejection else ""
    )


def _send(
    engine: sa.Engine,
    name: str,
    terms: CampaignTerms,
    by: StartedBy,
    recipients: int,
    at: datetime,
    rejected: int = 12,
) -> Sent:
    attempt = _plan(engine, name, terms, by, recipients, rejected)
    claims = claim_batches(engine, attempt, 500, requests=20)
    dispatch_claims(engine, attempt, claims)
    # As if it had been then: the hour of a message is that of its claim.
    with engine.begin() as connection:
        connection.execute(campaign.update().where(campaign.c.name == name).values(created_at=at, reports_since=at))
        ids = [claim.request_id for claim in claims]
        connection.execute(request.update().where(request.c.id.in_(ids)).values(claimed_at=at))
    settle(engine, [Settlement(claim, _outcomes(claim), f"e-{claim.reference}") for claim in claims])
    end_attempt(engine, attempt)
    return Sent(name, at, claims)


def _outcomes(claim: Claim) -> list[Outcome]:
    accepted, rejected = MessageState.ACCEPTED, MessageState.REJECTED
    return [
        Outcome(each.phone, rejected, reason=REJECTED_BY_SERVICE)
        if number % 97 == 5
        else Outcome(each.phone, accepted, api_message_id=f"m-{each.phone}")
        for number, each in enumerate(claim.recipients)
    ]


def _report(engine: sa.Engine, sent: Sent, chance: random.Random, *, worse: bool = False) -> None:
    codes = [*chain(*_CODES), *(["102"] * 9 if worse else [])]
    now = datetime.now(UTC)
    for claim in sent.claims:
        reports = []
        for recipient in claim.recipients:
            if code := chance.choice(codes):
                later = sent.at + timedelta(minutes=min(chance.expovariate(1 / 150), 1_000))
                channel = "SMS" if chance.random() < 0.12 else "RCS"
                reports.append(
                    Report(
                        status_code=code,
                        phone=recipient.phone,
                        campaign_reference=claim.reference,
                        service=channel,
                        reported_at=min(later, now),
                    )
                )
        land(engine, reports, min(sent.at + timedelta(hours=16), now))
        fold(engine)


def _settle_one_in_doubt(engine: sa.Engine, now: datetime) -> None:
    by = _by("shop_flash", "send", "manual__flash")
    attempt = _plan(engine, "flash-sale", WELCOME, by, 800)
    first, second = claim_batches(engine, attempt, 400, requests=2)
    dispatch_claims(engine, attempt, [first, second])
    settle(engine, [Settlement(first, _outcomes(first), "e-flash")])
    with engine.begin() as connection:
        at = now - timedelta(hours=26)
        connection.execute(request.update().where(request.c.id == second.request_id).values(claimed_at=at))
    expire_lease(engine, attempt)
    recover_dead_attempts(engine, attempt.campaign)
