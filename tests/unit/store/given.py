"""Campaigns at any stage for the tests of the store, and queries of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, open_campaign
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import message, metadata, request, suppression
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import WHOLE_LIST, Attempt, StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TERMS = CampaignTerms("1234567", "Welcome")
ANA, BEA, EVA = "+34600000001", "+34600000002", "+34600000003"


def campaign(engine: sa.Engine, name: str = "spring", overrides: Mapping[str, str] | None = None) -> Campaign:
    return open_campaign(engine, name, TERMS, overrides or {})


def new_attempt(
    engine: sa.Engine, name: str = "spring", lease: timedelta = timedelta(minutes=5), shard: str = WHOLE_LIST
) -> Attempt:
    return begin_attempt(engine, campaign(engine, name), StartedBy(started_by="a test"), lease, shard)


def phones(count: int) -> list[str]:
    return [f"+346{number:08d}" for number in range(count)]


def listed(phone: str, rejection: str = "", /, **changes: Any) -> ListedRecipient:
    values: dict[str, Any] = {
        "key": phone,
        "phone": phone,
        "phone_as_listed": phone,
        "name": "",
        "reference": "",
        "variables": {},
        "rejection": rejection,
        "detail": "row 1" if rejection else "",
    }
    return ListedRecipient(**{**values, **changes})


def planned(engine: sa.Engine, people: Iterable[str], name: str = "spring", shard: str = WHOLE_LIST) -> Attempt:
    """Begin an attempt and record its list."""
    attempt = new_attempt(engine, name, shard=shard)
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people]))
    return attempt


def claim_and_dispatch(engine: sa.Engine, attempt: Attempt, size: int, *args: Any, **kwargs: Any) -> Claim | None:
    """Claim a batch and dispatch it: two steps of the product, for tests of what follows them."""
    claims = claim_batches(engine, attempt, size, *args, **kwargs)
    if claims:
        dispatch_claims(engine, attempt, claims)
    return next(iter(claims), None)


def claim_next(engine: sa.Engine, attempt: Attempt, size: int = 1000) -> Claim:
    """Claim and dispatch a batch, where a message is planned."""
    claim = claim_and_dispatch(engine, attempt, size)
    assert claim is not None
    return claim


def dispatched(engine: sa.Engine, people: Sequence[str] = (ANA,), name: str = "spring") -> Claim:
    """Plan a list, and claim and dispatch all of it as one request."""
    return claim_next(engine, planned(engine, people, name), len(people))


def accepted(claim: Claim, ids: str = "m") -> list[Outcome]:
    """Return the outcomes of a reply that accepts every recipient."""
    return [
        Outcome(recipient.phone, MessageState.ACCEPTED, api_message_id=f"{ids}-{recipient.phone}")
        for recipient in claim.recipients
    ]


def sent(engine: sa.Engine, people: Sequence[str] = (ANA,), name: str = "spring", ids: str = "m") -> Claim:
    """Plan a list, send it as one request, and settle it as accepted."""
    claim = dispatched(engine, people, name)
    settle(engine, [Settlement(claim, accepted(claim, ids), "e-1")])
    return claim


def report_on(claim: Claim, phone: str = ANA, code: str = "13", **changes: Any) -> Report:
    """Return a report on a message of a request; by default it says that the message was delivered."""
    values: dict[str, Any] = {
        "status_code": code,
        "phone": phone,
        "campaign_reference": claim.reference,
        "service": "RCS",
        "reported_at": NOON,
    }
    return Report(**{**values, **changes})


def land_and_fold(engine: sa.Engine, *reports: Report) -> int:
    land(engine, reports, NOON)
    return fold(engine)


def lose_requests(engine: sa.Engine, first: int) -> None:
    """Make the store as it was before a request, by its id: as after a failover to a server without later commits."""
    with engine.begin() as connection:
        before = {"state": MessageState.PLANNED, "request_id": None}
        connection.execute(message.update().where(message.c.request_id >= first).values(before))
        connection.execute(request.delete().where(request.c.id >= first))


def expire_lease(engine: sa.Engine, attempt: Attempt) -> None:
    with engine.begin() as connection:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        connection.execute(attempts.update().where(attempts.c.id == attempt.id).values(lease_until=past))


def suppress(engine: sa.Engine, *phones: str, reason: str = "asked", account: str = "") -> None:
    with engine.begin() as connection:
        values = {"reason": reason, "since": datetime.now(UTC), "account": account}
        connection.execute(suppression.insert(), [{"phone": phone, **values} for phone in phones])


def rows(engine: sa.Engine, name: str = "spring") -> dict[str, Any]:
    """Return the rows of a campaign's messages: recipient key -> row."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(message).where(message.c.campaign_id == campaign_id(connection, name)).order_by(message.c.id)
        )
        return {row.recipient_key: row for row in found}


def row(engine: sa.Engine, phone: str = ANA, name: str = "spring") -> Any:
    return rows(engine, name)[phone]


def states(engine: sa.Engine, name: str = "spring") -> dict[str, str]:
    return {key: each.state for key, each in rows(engine, name).items()}


def request_row(engine: sa.Engine, claim: Claim) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(request).where(request.c.id == claim.request_id)).one()


def request_states(engine: sa.Engine, claims: Sequence[Claim]) -> list[str]:
    return [request_row(engine, each).state for each in claims]


def funnel(engine: sa.Engine, name: str = "spring") -> Funnel:
    found = read_funnel(engine, name)
    assert found is not None
    return found


def campaign_id(connection: sa.Connection, name: str) -> int:
    found = connection.execute(sa.text("SELECT id FROM rcs_campaign WHERE name = :name"), {"name": name})
    return int(found.scalar_one())


def dump_store(engine: sa.Engine) -> str:
    """Return the content of all tables as one text, to search it for personal data."""
    with engine.connect() as connection:
        return "\n".join(
            repr(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))
        )


def statements_of(engine: sa.Engine, call: Callable[[], object]) -> list[str]:
    """Return the statements that a call executes."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    sa.event.listen(engine, "before_cursor_execute", note)
    call()
    sa.event.remove(engine, "before_cursor_execute", note)
    return statements


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
