"""The accounts that a store knows, and the decision of a person that one of them has another fingerprint by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import SHOWN_LETTERS
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.tables import Column, table
from airflow_provider_rcs.store.db.bulk import dialect_insert
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.leases import is_alive_at
from airflow_provider_rcs.store.db.tables import attempt, campaign, suppression, suppression_pseudonym
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.inbox.matching import release_of_account


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account that has campaigns or suppressions of its own.

    :param account: its fingerprint.
    :param rcs_conn_ids: the connections that its campaigns began with.
    :param campaigns: how many campaigns it has.
    :param suppressed: how many phones are suppressed for it alone.
    """

    account: str
    rcs_conn_ids: Sequence[str]
    campaigns: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class MovedAccount:
    """What was moved from one account to another.

    :param campaigns: how many campaigns belong to the other account now.
    :param reports: how many reports are folded again that were set aside before.
    """

    campaigns: int
    reports: int


ACCOUNT_COLUMNS = (
    Column("account", "account"),
    Column("rcs_conn_ids", "connection", lambda row: ", ".join(row["rcs_conn_ids"])),
    Column("campaigns", "campaigns"),
    Column("suppressed", "suppressed phones"),
)
NO_ACCOUNT = "No account is known."


def known_accounts(engine: sa.Engine) -> list[KnownAccount]:
    """Return the accounts of the store, in the order of their first campaigns; those without one come last."""
    suppressed = [sa.select(table.c.account).where(table.c.account != "") for table in _SUPPRESSIONS]
    with reading(engine) as connection:
        columns = (campaign.c.account, campaign.c.rcs_conn_id, sa.func.count(), sa.func.min(campaign.c.id))
        by_connection = connection.execute(sa.select(*columns).group_by(*columns[:2]).order_by(columns[3])).all()
        phones = sa.union_all(*suppressed).subquery()
        counts = sa.select(phones.c.account, sa.func.count()).group_by(phones.c.account).order_by(phones.c.account)
        of_account = {row[0]: int(row[1]) for row in connection.execute(counts)}
    found = dict.fromkeys([*(row[0] for row in by_connection), *of_account])
    return [
        KnownAccount(
            account,
            [row[1] for row in by_connection if row[0] == account],
            sum(row[2] for row in by_connection if row[0] == account),
            of_account.get(account, 0),
        )
        for account in found
    ]


def accounts_table(accounts: Sequence[KnownAccount]) -> str:
    """Return a table for people with a line for each account."""
    return table(ACCOUNT_COLUMNS, list(map(asdict, accounts))) if accounts else NO_ACCOUNT


def find_account(engine: sa.Engine, text: str) -> KnownAccount:
    """Return the account whose fingerprint begins with a text.

    :raises RcsInputError: if it is shorter than what is shown of an account, or means none or several.
    """
    found = [each for each in known_accounts(engine) if each.account.startswith(text)]
    if len(text) < SHOWN_LETTERS or len(found) != 1:
        problem = f"{text!r} means {len(found)} accounts of the store, and must mean one"
        remedy = f"Give the {SHOWN_LETTERS} or more letters that airflow-rcs accounts list shows. Nothing was changed."
        raise RcsInputError("account", problem, remedy)
    return found[0]


def move_account(engine: sa.Engine, before: KnownAccount, account: str, rcs_conn_id: str) -> MovedAccount:
    """Have the campaigns and the suppressions of an account count as those of another, which it is by now.

    Suppressions of the earlier fingerprint stay beside those of the new one. Reports that were set aside because they
    came from the new one are folded by the next fold.

    :param account: the fingerprint that the account has by now.
    :param rcs_conn_id: the connection to it.
    :raises RcsInputError: if it is the same already, or a campaign of the account is being sent.
    """
    if before.account == account:
        raise RcsInputError("account", f"it is that of the connection {rcs_conn_id!r} already", "Nothing was changed.")
    of_account = campaign.c.account == before.account
    with transaction(engine) as connection:
        lock_folding(connection)
        # In the order of their ids, so that two processes cannot deadlock.
        locked = sa.select(campaign.c.id).where(of_account).order_by(campaign.c.id).with_for_update()
        connection.execute(locked).all()
        _require_none_sending(connection, of_account)
        values = {"account": account, "rcs_conn_id": rcs_conn_id, "revision": campaign.c.revision + 1}
        campaigns = connection.execute(campaign.update().where(of_account).values(values)).rowcount
        for table in _SUPPRESSIONS:
            _copy_suppressions(connection, table, before.account, account)
        return MovedAccount(campaigns, release_of_account(connection, account))


_SUPPRESSIONS = (suppression, suppression_pseudonym)


def _require_none_sending(connection: sa.Connection, of_account: sa.ColumnElement[bool]) -> None:
    """Check that no attempt sends for the account, which would go on under its earlier fingerprint."""
    sending = (
        sa.select(campaign.c.name)
        .join(attempt, attempt.c.campaign_id == campaign.c.id)
        .where(of_account, is_alive_at(database_now(connection)))
        .limit(1)
    )
    name = connection.execute(sending).scalar_one_or_none()
    if name is not None:
        raise RcsInputError(
            "account", f"its campaign {name!r} is being sent", "Wait until the task has ended. Nothing was changed."
        )


def _copy_suppressions(connection: sa.Connection, table: sa.Table, before: str, account: str) -> None:
    key = next(iter(table.primary_key)).name
    columns = [table.c[key], sa.literal(account), table.c.reason, table.c.since]
    copied = sa.select(*columns).where(table.c.account == before)
    insert = dialect_insert(connection, table).from_select([key, "account", "reason", "since"], copied)
    connection.execute(insert.on_conflict_do_nothing(index_elements=[key, "account"]))
