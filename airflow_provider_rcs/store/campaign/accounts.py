"""The account of a campaign, which no later attempt may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.api.accounts import SHOWN_LETTERS
from airflow_provider_rcs.api.errors import RcsCampaignConflictError

if TYPE_CHECKING:
    from airflow_provider_rcs.store.campaign.campaigns import Campaign


def require_same_account(campaign: Campaign, account: str, rcs_conn_id: str) -> None:
    """Check that a campaign is continued through the account that it belongs to, by whichever connection.

    Two accounts would skip each other's recipients, and read each other's reports by their own status codes.

    :param account: the fingerprint of the account that continues it.
    :param rcs_conn_id: the connection to that account.
    :raises RcsCampaignConflictError: if it is another account; the text names both.
    """
    terms = campaign.terms
    if account == terms.account:
        return
    before, now = terms.account[:SHOWN_LETTERS], account[:SHOWN_LETTERS]
    raise RcsCampaignConflictError(
        f"rcs_conn_id: campaign {campaign.name!r} belongs to the account of the connection {terms.rcs_conn_id!r} "
        f"({before}) and cannot continue through that of the connection {rcs_conn_id!r} ({now}). Nothing was sent. Use "
        "a connection to the first account, or give the campaign another name. If they are one account, whose login or "
        f"host has changed: airflow-rcs accounts move {before} --rcs-conn-id {rcs_conn_id}"
    )
