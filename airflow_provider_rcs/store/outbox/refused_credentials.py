"""Refused credentials, which no task of the campaign sends to the service again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.store.campaign.campaigns import resolve_command
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.engine import reading, reading_once, transaction
from airflow_provider_rcs.store.db.tables import refused_credentials


def remember_refusal(engine: sa.Engine, campaign: str, fingerprint: str) -> None:
    """Record that the service refused credentials in a campaign.

    :param fingerprint: of the login and password.
    """
    row = {"campaign": campaign, "fingerprint": fingerprint, "refused_at": datetime.now(UTC)}
    with transaction(engine) as connection:
        insert_or_ignore(connection, refused_credentials, [row], key=["campaign", "fingerprint"])


def forget_refusals(engine: sa.Engine, campaign: str) -> int:
    """Delete the refusals of a campaign, after a person has fixed the account, and return their number."""
    with transaction(engine) as connection:
        of_campaign = refused_credentials.c.campaign == campaign
        return connection.execute(refused_credentials.delete().where(of_campaign)).rowcount


def find_refusal(engine: sa.Engine, fingerprint: str) -> tuple[str, datetime] | None:
    """Return a campaign in which the service refused credentials, and when; ``None`` if it did not."""
    columns = (refused_credentials.c.campaign, refused_credentials.c.refused_at)
    refused = sa.select(*columns).where(refused_credentials.c.fingerprint == fingerprint)
    with reading(engine) as connection:
        row = connection.execute(refused.order_by(refused_credentials.c.refused_at).limit(1)).one_or_none()
    return None if row is None else (row.campaign, row.refused_at)


@contextmanager
def looking_up(engine: sa.Engine, campaign: str, fingerprint: str) -> Iterator[None]:
    """Run a block of look-ups, unless the service has refused the credentials; record it if it refuses them now.

    :raises RcsAuthError: if the service has refused these credentials in the campaign before, or refuses them now.
    """
    with reading_once(engine) as connection:
        require_not_refused(connection, campaign, fingerprint)
    try:
        yield
    except RcsAuthError:
        remember_refusal(engine, campaign, fingerprint)
        raise


def require_not_refused(connection: sa.Connection, campaign: str, fingerprint: str) -> None:
    """Check that the service has not refused these credentials in the campaign.

    :raises RcsAuthError: if it has.
    """
    refused = sa.select(refused_credentials.c.refused_at).where(
        refused_credentials.c.campaign == campaign, refused_credentials.c.fingerprint == fingerprint
    )
    refused_at = connection.execute(refused).scalar_one_or_none()
    if refused_at is not None:
        raise refused_error(campaign, refused_at)


def refused_error(campaign: str, refused_at: datetime) -> RcsAuthError:
    """Return the error of credentials that the service has refused in a campaign."""
    return RcsAuthError(
        f"campaign {campaign!r}: the service refused these credentials on {refused_at:%Y-%m-%d %H:%M} UTC. They "
        "are not sent again, because that can block the account. Correct login and password of the connection. If "
        f"the account was fixed instead: {resolve_command(campaign, '--credentials-fixed')}"
    )
