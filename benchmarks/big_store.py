"""A store with a past, filled by SQL: campaigns, their messages, and the reports on them.

``python -m benchmarks.big_store URL --campaigns 500 --recipients 10000`` migrates the store of a URL and fills it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState, status_codes
from airflow_provider_rcs.recipients.phones import Reading
from airflow_provider_rcs.store.db.count_tables import report_count
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import attempt, campaign, message, metadata, request, store
from airflow_provider_rcs.store.inbox.folded_codes import codes_as_text
from airflow_provider_rcs.store.outbox.attempts import StartedBy

_RECIPIENTS_PER_REQUEST = 1_000
BETWEEN_CAMPAIGNS = timedelta(hours=4)
# No small factor: the phones of a campaign, and the reports on it, come in no order of their own.
_STRIDE = 48_271
_CODES = ("10", "13")


@dataclass(frozen=True, slots=True)
class Past:
    """The size of a store's past; by default 5 million messages and 10 million reports.

    The last campaign has just ended, the others ended four hours apart before it.

    :param campaigns: how many campaigns were sent.
    :param recipients: the messages of each, in requests of 1,000; two reports were folded on each message.
    :param messages_per_phone: how many campaigns messaged the same person.
    :param parked: reports on messages that others send from the same account.
    """

    campaigns: int = 500
    recipients: int = 10_000
    messages_per_phone: int = 10
    parked: int = 0

    @property
    def messages(self) -> int:
        """The messages of all campaigns."""
        return self.campaigns * self.recipients

    @property
    def people(self) -> int:
        """How many phones there are: +34600000000 and those that follow."""
        return max(self.messages // self.messages_per_phone, self.recipients)


def fill(engine: sa.Engine, past: Past) -> None:
    """Fill a store that is migrated and empty, and let PostgreSQL vacuum and analyse it."""
    now = datetime.now(UTC)
    for number in range(1, past.campaigns + 1):
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            _add_campaign(connection, past, number, now - (past.campaigns - number) * BETWEEN_CAMPAIGNS)
    with engine.begin() as connection:
        if past.parked:
            connection.execute(_parked_reports(connection.dialect.name, past, now))
        connection.execute(store.update().values(fold=past.campaigns))
    if engine.dialect.name == "postgresql":
        _finish_on_postgresql(engine)


def _add_campaign(connection: sa.Connection, past: Past, number: int, at: datetime) -> None:
    dialect = connection.dialect.name
    same = {"revision": 3, "reports_since": at, "send_at": None, "status_codes": {}, "conditions": {}}
    texts = {
        "template_id": "1234568",
        "template_name": "Shipping notice",
        "agent": "",
        "account": "bench",
        "rcs_conn_id": "bench",
    }
    named = {"id": number, "name": f"past-{number}", "token": f"past{number:04d}", "created_at": at}
    connection.execute(
        campaign.insert().values({**same, **texts, **named, "folded_codes": codes_as_text(status_codes({}))})
    )
    ended = {"started_at": at, "lease_until": at, "ended_at": at}
    starter = asdict(StartedBy(started_by="bench"))
    connection.execute(
        attempt.insert().values({**starter, "id": number, "campaign_id": number, "shard": "1/1", **ended})
    )
    connection.execute(_requests(dialect, past, number, at))
    connection.execute(_messages(dialect, past, number, at))
    for position in range(len(_CODES)):
        connection.execute(_reports(dialect, past, number, position, at))
    counted = {"campaign_id": number, "fold": number, "reports": past.recipients * len(_CODES), "received_at": at}
    connection.execute(report_count.insert().values(counted))


def _requests(dialect: str, past: Past, number: int, at: datetime) -> sa.Insert:
    per_campaign = -(-past.recipients // _RECIPIENTS_PER_REQUEST)
    each = _series(dialect, per_campaign)
    first = (number - 1) * past.recipients + each * _RECIPIENTS_PER_REQUEST
    last_of_campaign = number * past.recipients
    ends = first + _RECIPIENTS_PER_REQUEST
    request_id = (number - 1) * per_campaign + each + 1
    last = sa.case((ends > last_of_campaign, last_of_campaign), else_=ends)
    values = {
        "id": request_id,
        "campaign_id": number,
        "attempt_id": number,
        "reference": _reference(number, each),
        "state": "accepted",
        "recipients": last - first,
        "first_message_id": first + 1,
        "last_message_id": last,
        "api_campaign_id": _text("s-", request_id),
        "reason": "",
        **dict.fromkeys(("claimed_at", "echoed_at", "settled_at"), at),
    }
    return _insert(request, values)


def _messages(dialect: str, past: Past, number: int, at: datetime) -> sa.Insert:
    each = _series(dialect, past.recipients)
    per_campaign = -(-past.recipients // _RECIPIENTS_PER_REQUEST)
    message_id = (number - 1) * past.recipients + each + 1
    phone = _phone(past, number, each)
    values = {
        "id": message_id,
        "campaign_id": number,
        "recipient_key": phone,
        "phone": phone,
        "phone_as_listed": sa.func.substr(phone, 2),
        "reading": Reading.NATIONAL,
        "name": _text("Núria Pérez ", each),
        "reference": _text("C-", each),
        "variables": sa.cast(_text('{"Pedido": "A-', each) + sa.literal('", "Dia": "1"}'), sa.Text),
        "state": MessageState.ACCEPTED,
        "reason": "",
        "detail": "",
        "is_excluded": sa.false(),
        "listed_by": number,
        "listed_now": 1,
        "repeats": 0,
        "request_id": (number - 1) * per_campaign + _quotient(dialect, each, _RECIPIENTS_PER_REQUEST) + 1,
        "api_message_id": _text("m-", message_id),
        "delivery_status": DeliveryStatus.DELIVERED,
        "delivery_rank": DeliveryStatus.DELIVERED.rank,
        "delivery_code": _CODES[-1],
        "delivery_channel": "RCS",
        "delivery_at": at,
        "revision": 3,
        "updated_at": at,
    }
    return _insert(message, values)


def _reports(dialect: str, past: Past, number: int, position: int, at: datetime) -> sa.Insert:
    # Out of order: the reports of a campaign come in another order than its messages were sent.
    each = (_series(dialect, past.recipients) * _STRIDE) % past.recipients
    message_id = (number - 1) * past.recipients + each + 1
    values = {
        **_same_of_all_reports(at),
        "phone": _phone(past, number, each),
        "status_code": _CODES[position],
        "campaign_reference": _reference(number, _quotient(dialect, each, _RECIPIENTS_PER_REQUEST)),
        "message_reference": _text("C-", each),
        "api_message_id": _text("m-", message_id),
        "fold": number,
        "message_id": message_id,
    }
    return _insert(report, values)


def _parked_reports(dialect: str, past: Past, at: datetime) -> sa.Insert:
    each = _series(dialect, past.parked)
    values = {
        **_same_of_all_reports(at),
        "phone": _phone(past, 0, each),
        "status_code": _CODES[-1],
        "campaign_reference": "",
        "message_reference": _text("other-", each),
        "api_message_id": _text("other-", each),
        "fold": past.campaigns,
        "message_id": None,
    }
    return _insert(report, values)


def _same_of_all_reports(at: datetime) -> Mapping[str, Any]:
    dates = {"received_at": at, "reported_at": at, "reported_at_text": f"{at:%d/%m/%Y %H:%M:%S}"}
    return {"service": "RCS", "agent": "", "api_campaign_id": "", "extra": "{}", **dates}


def _insert(table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
    return table.insert().from_select(list(values), sa.select(*(_typed(table, *each) for each in values.items())))


def _typed(table: sa.Table, name: str, value: Any) -> sa.ColumnElement[Any]:
    kind = table.c[name].type
    if isinstance(kind, sa.JSON):
        text = value if isinstance(value, sa.ColumnElement) else sa.literal(value, sa.Text)
        # SQLite would read a cast to JSON as one to a number.
        return sa.cast(text, sa.JSON().with_variant(sa.Text(), "sqlite"))
    return value if isinstance(value, sa.ColumnElement) else sa.literal(value, kind)


def _series(dialect: str, count: int) -> sa.ColumnElement[int]:
    """Return the numbers from 0 to ``count - 1``, as a column to select."""
    if dialect == "postgresql":
        return sa.func.generate_series(0, count - 1).table_valued(sa.column("n", sa.BigInteger)).render_derived().c.n
    first = sa.select(sa.literal(0).label("n")).cte("series", recursive=True)
    numbers = first.union_all(sa.select(first.c.n + 1).where(first.c.n < count - 1))
    return numbers.c.n


def _quotient(dialect: str, value: sa.ColumnElement[int], divisor: int) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.floor(value / divisor), sa.BigInteger) if dialect == "postgresql" else value // divisor


def _phone(past: Past, number: int, each: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    person = ((each + number * past.recipients) * _STRIDE) % past.people
    return sa.literal("+346") + sa.func.substr(sa.cast(person + 100_000_000, sa.Text), 2)


def _reference(number: int, each: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    return _text(f"past{number:04d}-", each)


def _text(prefix: str, each: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    return sa.literal(prefix) + sa.cast(each, sa.Text)


def _finish_on_postgresql(engine: sa.Engine) -> None:
    """Continue the generated ids behind the given ones, and vacuum and analyse."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (campaign, attempt, request, message):
            highest = f"(SELECT max(id) FROM {table.name})"
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {highest})")
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {table.name}")


def main() -> None:
    """Migrate and fill the store of a URL."""
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.db.migrate import migrate

    default = Past()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="SQLAlchemy URL of an empty database")
    parser.add_argument("--campaigns", type=int, default=default.campaigns)
    parser.add_argument("--recipients", type=int, default=default.recipients, help="of each campaign")
    parser.add_argument("--parked", type=int, default=default.parked, help="reports on messages of others")
    given = parser.parse_args()
    engine = engine_from_url(given.url)
    migrate(engine)
    past = Past(given.campaigns, given.recipients, parked=given.parked)
    begun = time.perf_counter()
    fill(engine, past)
    print(f"{past.messages:,} messages in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
