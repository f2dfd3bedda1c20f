"""Credentials that the service refused: a campaign does not show them to it again, whichever task asks."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import refused_credentials


def remember_refusal(engine: sa.Engine, campaign: str, fingerprint: str) -> None:
    """Remember that the service refused credentials to a campaign.

    :param fingerprint: of the login and password.
    """
    row = {"campaign": campaign, "fingerprint": fingerprint, "refused_at": datetime.now(UTC)}
    with transaction(engine) as connection:
        insert_or_ignore(connection, refused_credentials, [row], key=["campaign", "fingerprint"])


def forget_refusals(engine: sa.Engine, campaign: str) -> int:
    """Forget the refusals of a campaign, because a person has mended the account; return how many there were."""
    with transaction(engine) as connection:
        ours = refused_credentials.c.campaign == campaign
        return connection.execute(refused_credentials.delete().where(ours)).rowcount


def check_credentials(engine: sa.Engine, campaign: str, fingerprint: str) -> None:
    """Check that the service has not refused these credentials to the campaign.

    :raises RcsAuthError: if it has.
    """
    with reading(engine) as connection:
        require_not_refused(connection, campaign, fingerprint)


def require_not_refused(connection: sa.Connection, campaign: str, fingerprint: str) -> None:
    """Check the same inside the transaction that depends on it."""
    refused = sa.select(refused_credentials.c.refused_at).where(
        refused_credentials.c.campaign == campaign, refused_credentials.c.fingerprint == fingerprint
    )
    since = connection.execute(refused).scalar_one_or_none()
    if since is not None:
        raise RcsAuthError(
            f"campaign {campaign!r}: the service refused these credentials on {since:%Y-%m-%d %H:%M} UTC, and they are "
            "not shown to it again, because that can block the account. Put login and password of the connection "
            f"right; if it was the account that was mended: airflow-rcs resolve {campaign!r} --credentials-mended"
        )
