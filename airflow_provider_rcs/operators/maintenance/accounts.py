"""Operators that list the accounts of the store, and say that one has another login or host by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context


class RcsListAccountsOperator(RcsMaintenanceOperator):
    """Log the accounts of the store, like ``airflow-rcs accounts list``.

    Returns a list of ``{"account": ..., "campaigns": ..., "suppressed": ...}``.
    """

    def maintain(self, engine: sa.Engine, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """List the accounts."""
        from airflow_provider_rcs.store.campaign.account_moves import accounts_table, known_accounts

        accounts = known_accounts(engine)
        self.log.info("%s", accounts_table(accounts))
        return [
            {"account": each.account, "campaigns": each.campaigns, "suppressed": each.suppressed} for each in accounts
        ]


class RcsMoveAccountOperator(RcsMaintenanceOperator):
    """Say that an account is that of a connection by now, like ``airflow-rcs accounts move``.

    For an account whose login or host has changed. Returns ``{"campaigns": ..., "reports": ...}``: how many campaigns
    were moved, and how many reports that were set aside are folded again.

    :param account: the account as it was: eight or more letters of its fingerprint. (templated)
    :param rcs_conn_id: the connection to the account as it is now. (templated)
    """

    template_fields: Sequence[str] = ("account", "rcs_conn_id", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, account: str, rcs_conn_id: str = DEFAULT_RCS_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.account = account
        self.rcs_conn_id = rcs_conn_id

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Move the campaigns and the suppressions of the account."""
        from airflow_provider_rcs.hooks.rcs import RcsHook
        from airflow_provider_rcs.store.campaign.account_moves import find_account, move_account
        from airflow_provider_rcs.store.inbox.folding import fold_if_possible

        before = find_account(engine, text_of("account", self.account))
        moved = move_account(engine, before, RcsHook(self.rcs_conn_id).account, self.rcs_conn_id)
        fold_if_possible(engine)
        self.log.info("Campaigns that belong to the account of %r now: %d.", self.rcs_conn_id, moved.campaigns)
        return {"campaigns": moved.campaigns, "reports": moved.reports}
