"""Campaigns: opened once, on terms that later attempts must keep."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCampaignConflictError, RcsInputError, RcsStoreError
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign, report, request

# Without the look-alikes, because people read references aloud.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


_CAMPAIGN_TOKEN_LENGTH = 8


_REQUEST_TOKEN_LENGTH = 10


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """What a campaign sends; the same for every attempt at it.

    :param template_id: the template that is sent.
    :param template_name: its name, for people.
    :param agent: the RCS agent that sends; empty for the only one of the account.
    :param send_at: when the service is asked to send; ``None`` for at once.
    """

    template_id: str
    template_name: str = ""
    agent: str = ""
    send_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the store."""

    id: int
    name: str
    token: str
    terms: CampaignTerms
    status_codes: Mapping[str, str] = field(default_factory=dict)


def open_campaign(
    engine: sa.Engine,
    name: str,
    terms: CampaignTerms,
    status_codes: Mapping[str, str],
    *,
    request_reports: bool = True,
) -> Campaign:
    """Return the campaign of this name, made now if there is none.

    :param status_codes: overrides of the status codes; the latest ones count, for the reports still to come.
    :param request_reports: whether the requests that are made from now on ask for reports.
    :raises RcsCampaignConflictError: if it was opened on other terms; names both.
    """
    now = datetime.now(UTC)
    fresh = {
        "name": name,
        "token": new_token(),
        "template_id": terms.template_id,
        "template_name": terms.template_name,
        "agent": terms.agent,
        "send_at": terms.send_at,
        "status_codes": dict(status_codes),
        "revision": 0,
        "created_at": now,
    }
    of_this_name = campaign.c.name == name
    with transaction(engine) as connection:
        insert_or_ignore(connection, campaign, [fresh], key=["name"])
        require_same_terms(read_campaign(connection.execute(sa.select(campaign).where(of_this_name)).one()), terms)
        changes = {
            "status_codes": dict(status_codes),
            "reports_since": _reports_since(now if request_reports else None),
        }
        connection.execute(campaign.update().where(of_this_name).values(changes))
        return read_campaign(connection.execute(sa.select(campaign).where(of_this_name)).one())


def find_campaign(engine: sa.Engine, name: str) -> Campaign | None:
    """Return the campaign of this name, or ``None``."""
    with reading(engine) as connection:
        row = connection.execute(sa.select(campaign).where(campaign.c.name == name)).one_or_none()
    return None if row is None else read_campaign(row)


def require_campaign(engine: sa.Engine, name: str) -> Campaign:
    """Return the campaign of this name.

    :raises RcsInputError: if there is none.
    """
    found = find_campaign(engine, name)
    if found is None:
        raise RcsInputError("campaign", f"the store knows no campaign {name!r}", "See: airflow-rcs campaigns")
    return found


def require_same_terms(opened: Campaign, terms: CampaignTerms) -> None:
    """Check that a campaign can go on with these terms.

    :raises RcsCampaignConflictError: if it was opened on other ones; names both.
    """
    for term in ("template_id", "agent", "send_at"):
        before, now = getattr(opened.terms, term), getattr(terms, term)
        if before != now and not (term == "send_at" and _is_overdue(before, now)):
            raise RcsCampaignConflictError(
                f"{term}: campaign {opened.name!r} was begun with {before or 'none'!s}, and is now asked to go on with "
                f"{now or 'none'!s}. Keep it as it was, or give the campaign another name."
            )


def lock_campaign(connection: sa.Connection, campaign_id: int) -> int:
    """Take the campaign's lock until the transaction ends, and return the revision of what it changes.

    Every change of a campaign's messages is made under this lock and carries the revision; so revisions become
    visible in their order, and a reader who has seen one has missed none before it.
    """
    statement = (
        campaign.update()
        .where(campaign.c.id == campaign_id)
        .values(revision=campaign.c.revision + 1)
        .returning(campaign.c.revision)
    )
    return int(connection.execute(statement).scalar_one())


def read_campaign(row: sa.Row[Any]) -> Campaign:
    """Return the campaign of a row that has all columns of its table."""
    values = row._mapping
    terms = CampaignTerms(**{term.name: values[term.name] for term in fields(CampaignTerms)})
    return Campaign(values["id"], values["name"], values["token"], terms, values["status_codes"])


def new_token() -> str:
    """Return a campaign's part of its requests' references."""
    return _token(_CAMPAIGN_TOKEN_LENGTH)


def new_reference(campaign_token: str) -> str:
    """Return a reference for one request: short, URL-safe, and never given twice."""
    return f"{campaign_token}-{_token(_REQUEST_TOKEN_LENGTH)}"


def _reports_since(now: datetime | None) -> sa.ColumnElement[Any]:
    """Return since when a campaign asks for reports that asks for them from now on, or does not."""
    since = campaign.c.reports_since
    if now is not None:
        return sa.func.coalesce(since, sa.literal(now, since.type))
    # Who was only listed while reports were asked for, as for a date, is sent to without.
    return sa.case((sa.exists().where(request.c.campaign_id == campaign.c.id), since), else_=None)


def _token(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _is_overdue(before: datetime | None, now: datetime | None) -> bool:
    """Whether the date of the campaign has passed, and the rest of it is asked to be sent at once."""
    return now is None and before is not None and before < datetime.now(UTC)


def require_not_restored(engine: sa.Engine, campaign: Campaign) -> None:
    """Check that no report echoes a request of the campaign that the store has lost.

    :raises RcsStoreError: if one does. The store was restored from a backup that is older than that request, so it has
        forgotten whom it messaged.
    """
    unknown = (
        sa.select(report.c.campaign_reference)
        .where(
            report.c.message_id.is_(None),
            report.c.campaign_reference.startswith(f"{campaign.token}-", autoescape=True),
            ~sa.exists().where(request.c.reference == report.c.campaign_reference),
        )
        .limit(1)
    )
    with reading(engine) as connection:
        reference = connection.execute(unknown).scalar_one_or_none()
    if reference is not None:
        raise RcsStoreError(
            f"store: a delivery report came on request {reference} of campaign {campaign.name!r}, which the store does "
            "not know: it was restored from a backup that is older, and has forgotten whom it messaged. Nothing "
            "was sent. Restore a newer backup, or send to whom is certain under another campaign name."
        )
