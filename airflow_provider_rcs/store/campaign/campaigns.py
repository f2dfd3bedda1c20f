"""Campaigns, opened once with terms that later attempts must keep."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCampaignConflictError, RcsInputError, RcsStoreError
from airflow_provider_rcs.store.campaign.accounts import require_same_account
from airflow_provider_rcs.store.db.bulk import dialect_insert
from airflow_provider_rcs.store.db.engine import durable_by_itself, reading_once, transaction, writing_once
from airflow_provider_rcs.store.db.inbox_tables import REFERENCE_PREFIX, report
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import request

# Without letters and digits that look alike, because people read references aloud.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
CAMPAIGN_TOKEN_LENGTH = 8
_REQUEST_TOKEN_LENGTH = 10

# Tests are campaigns of their own, which only the pages and commands that are given their name show.
IS_NO_TEST = campaigns.c.test_of.is_(None)


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """What a campaign sends; the same for all of its attempts.

    :param template_id: the template that is sent.
    :param template_name: the name of the template, for people to read.
    :param agent: the RCS agent that sends; empty for the only agent of the account.
    :param send_at: when the service shall send; ``None`` for immediately.
    :param account: the fingerprint of the account that sends: its host and login.
    :param rcs_conn_id: the connection to the account that the campaign began with; another to the same account may
        continue it.
    :param conditions: how the messages are sent, in words: condition -> value. A condition that one attempt does not
        give is not compared; the first attempt that gives it sets it.
    """

    template_id: str
    template_name: str = ""
    agent: str = ""
    send_at: datetime | None = None
    account: str = ""
    rcs_conn_id: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the store.

    :param token: prefix of the references of its requests.
    :param status_codes: overrides of the status codes: code -> status.
    :param test_of: the campaign that it tests on the team's phones; ``None`` if it is no test.
    """

    id: int
    name: str
    token: str
    terms: CampaignTerms
    status_codes: Mapping[str, str] = field(default_factory=dict)
    test_of: str | None = None


def open_campaign(
    engine: sa.Engine,
    name: str,
    terms: CampaignTerms,
    status_codes: Mapping[str, str],
    *,
    request_reports: bool = True,
    test_of: str | None = None,
) -> Campaign:
    """Return the campaign of this name, and create it if it does not exist.

    :param status_codes: overrides of the status codes; they replace earlier ones, for reports that are still to come.
    :param request_reports: whether the requests made from now on ask for reports.
    :param test_of: the campaign that it tests on the team's phones; ``None`` if it is no test.
    :raises RcsCampaignConflictError: if the campaign was opened with other terms; the text names both.
    """
    now = datetime.now(UTC)
    since = now if request_reports else None
    new_row = {
        "name": name,
        "token": new_token(),
        "template_id": terms.template_id,
        "template_name": terms.template_name,
        "agent": terms.agent,
        "send_at": terms.send_at,
        "account": terms.account,
        "rcs_conn_id": terms.rcs_conn_id,
        "conditions": dict(terms.conditions),
        "status_codes": dict(status_codes),
        "revision": 0,
        "created_at": now,
        "reports_since": since,
        "test_of": test_of,
    }
    has_name = campaigns.c.name == name
    with writing_once(engine) as connection:
        if row := connection.execute(_insert_campaign(connection, new_row)).one_or_none():
            return campaign_from_row(row)
    with reading_once(engine) as connection:
        row = connection.execute(sa.select(campaigns).where(has_name)).one()
    before = campaign_from_row(row)
    if before.test_of != test_of:
        raise _conflict(
            name, "campaign", *(f"a test of {each!r}" if each else "no test" for each in (before.test_of, test_of))
        )
    require_same_terms(before, terms)
    changes = {"conditions": {**terms.conditions, **before.terms.conditions}, "status_codes": dict(status_codes)}
    is_as_before = all(row._mapping[name] == value for name, value in changes.items())
    if is_as_before and (row.reports_since is not None) is request_reports:
        return before
    with transaction(engine) as connection:
        changed = campaigns.update().where(has_name).values(**changes, reports_since=_reports_since(since))
        return campaign_from_row(connection.execute(changed.returning(*campaigns.c)).one())


def _insert_campaign(connection: sa.Connection, new_row: Mapping[str, Any]) -> Any:
    """Return a statement that inserts a campaign, and returns its row, unless its name exists."""
    cells = [sa.literal(value, campaigns.c[name].type) for name, value in new_row.items()]
    row = sa.select(*cells).where(durable_by_itself(connection.dialect.name))
    insert = dialect_insert(connection, campaigns).from_select(list(new_row), row)
    return insert.on_conflict_do_nothing(index_elements=["name"]).returning(*campaigns.c)


def find_campaign(engine: sa.Engine, name: str) -> Campaign | None:
    """Return the campaign of this name, or ``None`` if it does not exist."""
    with reading_once(engine) as connection:
        row = connection.execute(sa.select(campaigns).where(campaigns.c.name == name)).one_or_none()
    return None if row is None else campaign_from_row(row)


def require_campaign(engine: sa.Engine, name: str) -> Campaign:
    """Return the campaign of this name.

    :raises RcsInputError: if it does not exist.
    """
    campaign = find_campaign(engine, name)
    if campaign is None:
        raise RcsInputError("campaign", f"the store has no campaign {name!r}", "List them with: airflow-rcs campaigns")
    return campaign


def require_same_terms(campaign: Campaign, terms: CampaignTerms) -> None:
    """Check that the campaign can continue with these terms.

    :raises RcsCampaignConflictError: if it was opened with other terms; the text names both.
    """
    require_same_account(campaign, terms.account, terms.rcs_conn_id)
    for term in ("template_id", "agent", "send_at"):
        before, now = getattr(campaign.terms, term), getattr(terms, term)
        if before != now and not (term == "send_at" and _is_overdue(before, now)):
            raise _conflict(campaign.name, term, str(before or "none"), str(now or "none"))
    require_same_conditions(campaign, terms.conditions)


def require_same_conditions(campaign: Campaign, conditions: Mapping[str, str]) -> None:
    """Check that a list is sent under the same conditions as the earlier lists of its campaign.

    Two tasks that send the same campaign at the same time send to each other's recipients.

    :raises RcsCampaignConflictError: if it is not; the text names both values.
    """
    for condition, before in campaign.terms.conditions.items():
        now = conditions.get(condition, before)
        if now != before:
            raise _conflict(campaign.name, condition, before, now)


def require_not_restored(engine: sa.Engine, campaign: Campaign) -> None:
    """Check that no report carries the reference of a request of this campaign that the store does not know.

    :raises RcsStoreError: if one does. The store was then restored from a backup older than the request, and does not
        know all recipients who were messaged.
    """
    with reading_once(engine) as connection:
        require_known(campaign, connection.execute(sa.select(unknown_reference(campaign))).scalar_one())


def require_known(campaign: Campaign, reference: str | None) -> None:
    """Like :func:`require_not_restored`, for callers that have read :func:`unknown_reference`."""
    if reference is not None:
        raise RcsStoreError(
            f"store: a delivery report names request {reference} of campaign {campaign.name!r}, which the store does "
            "not know. It was restored from a backup that is older than the request, and does not know which "
            "recipients were messaged since. Nothing was sent. Restore a newer backup, or use another campaign name "
            "for recipients who certainly have no message yet."
        )


def lost_commits_error() -> RcsStoreError:
    """Return the error of an attempt that finds that the store does not know any more what the attempt committed."""
    error = RcsStoreError(
        "store: it has lost commits that this task made: it was restored from a backup, or failed over to a server "
        "without the last ones. It does not know all recipients who were messaged, and this task sends nothing more. "
        "Use another campaign name for recipients who certainly have no message yet."
    )
    error.nothing_sent = False
    return error


def unknown_reference(campaign: Campaign) -> sa.ColumnElement[str | None]:
    """Return the reference of a report on a request of this campaign that the store does not know; null for none."""
    # Parked reports, which may be many, by their index; and those that have landed, which are few.
    unknown = [
        sa.select(report.c.campaign_reference)
        .where(
            is_folded,
            report.c.message_id.is_(None),
            report.c.account.in_(("", campaign.terms.account)),
            sa.literal(f"{campaign.token}-") == REFERENCE_PREFIX,
            ~sa.exists().where(request.c.reference == report.c.campaign_reference),
        )
        .limit(1)
        .scalar_subquery()
        for is_folded in (report.c.fold.is_not(None), report.c.fold.is_(None))
    ]
    return sa.func.coalesce(*unknown)


def lock_campaign(connection: sa.Connection, campaign_id: int) -> int:
    """Lock the campaign until the transaction ends, and return the revision for the changes made in it.

    Every change to a campaign's messages is made under this lock and carries the revision. Revisions therefore become
    visible in ascending order: a reader that has seen one has missed none before it.
    """
    statement = (
        campaigns.update()
        .where(campaigns.c.id == campaign_id)
        .values(revision=campaigns.c.revision + 1)
        .returning(campaigns.c.revision)
    )
    return int(connection.execute(statement).scalar_one())


def locking(campaign_id: int) -> str:
    """Return the statement of :func:`lock_campaign` for the begin of a transaction that reads the revision later."""
    return f"UPDATE rcs_campaign SET revision = revision + 1 WHERE id = {campaign_id:d}"


def campaign_from_row(row: sa.Row[Any]) -> Campaign:
    """Return the campaign of a row that has all columns of ``rcs_campaign``."""
    values = row._mapping
    terms = CampaignTerms(**{term.name: values[term.name] for term in fields(CampaignTerms)})
    return Campaign(values["id"], values["name"], values["token"], terms, values["status_codes"], values["test_of"])


def new_token() -> str:
    """Return a token for a campaign: the prefix of the references of its requests."""
    return _token(CAMPAIGN_TOKEN_LENGTH)


def new_reference(campaign_token: str) -> str:
    """Return a reference for one request: short, URL-safe and unique."""
    return f"{campaign_token}-{_token(_REQUEST_TOKEN_LENGTH)}"


def resolve_command(campaign: str, options: str = "") -> str:
    """Return the command that resolves a campaign by hand, as a person can type it.

    :param options: as they are typed, such as ``"--credentials-fixed"``.
    """
    # A name that begins with a dash would be taken for an option.
    words = [options, "--", shlex.quote(campaign)] if campaign.startswith("-") else [shlex.quote(campaign), options]
    return " ".join(["airflow-rcs resolve", *filter(None, words)])


def _reports_since(now: datetime | None) -> sa.ColumnElement[Any]:
    """Return the new value of ``reports_since``.

    :param now: if reports are requested from now on; ``None`` if they are not.
    """
    since = campaigns.c.reports_since
    if now is not None:
        return sa.func.coalesce(since, sa.literal(now, since.type))
    # A campaign that has no request yet, such as a scheduled one, has never asked for reports.
    return sa.case((sa.exists().where(request.c.campaign_id == campaigns.c.id), since), else_=None)


def _conflict(campaign: str, term: str, before: str, now: str) -> RcsCampaignConflictError:
    return RcsCampaignConflictError(
        f"{term}: campaign {campaign!r} was started with {before} and cannot continue with {now}. "
        "Keep the first value, or give the campaign another name."
    )


def _is_overdue(before: datetime | None, now: datetime | None) -> bool:
    """Return whether the campaign's date has passed, and the rest of it shall be sent immediately."""
    return now is None and before is not None and before < datetime.now(UTC)


def _token(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
