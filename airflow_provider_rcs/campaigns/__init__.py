"""Campaigns without a DAG: preview, send and results, for notebooks and scripts."""

from __future__ import annotations

import getpass
import logging
import os
from typing import TYPE_CHECKING, Any, Literal, overload

from airflow_provider_rcs.api.errors import RcsEmptyListError
from airflow_provider_rcs.campaigns.arguments import CampaignArguments, with_signature_of
from airflow_provider_rcs.campaigns.connections import (
    opened_store,
    opened_store_if_possible,
    outside_of_a_task,
    rcs_service,
)
from airflow_provider_rcs.campaigns.outcomes import read_funnel_as, read_outcomes
from airflow_provider_rcs.campaigns.progress import shown_progress
from airflow_provider_rcs.campaigns.shown import CampaignPreview, SentCampaign, sent_campaign
from airflow_provider_rcs.hooks.store import lease_from_config
from airflow_provider_rcs.sending.campaign import look_up_template, send_campaign
from airflow_provider_rcs.sending.preview import dry_run
from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign
from airflow_provider_rcs.sending.sources import chunks_of
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, require_same_conditions
from airflow_provider_rcs.store.inbox.folding import fold_if_possible, fold_parked
from airflow_provider_rcs.store.outbox.attempts import StartedBy

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.sending.settings import SendSettings

__all__ = ["CampaignPreview", "SentCampaign", "preview", "results", "send"]

log = logging.getLogger(__name__)

_TO_GO_ON = (
    "Nothing more is sent, and what had not left is planned again. To go on, call send with the same arguments: nobody "
    "is messaged twice."
)


@with_signature_of(CampaignArguments)
def preview(frame: Any, arguments: CampaignArguments) -> CampaignPreview:
    """Return what :func:`send` would do with the same arguments; send and record nothing.

    If the store cannot be used, people who must not be messaged, or were messaged before, are unknown; the preview says
    so.

    :param frame: the recipients, as :func:`send` takes them. An iterator is used up.
    :raises RcsError: what would make a send fail before anything is sent; the error's text says what to do.
    """
    with outside_of_a_task():
        settings = arguments.checked_settings()
        service = rcs_service(arguments.rcs_conn_id)
        with opened_store_if_possible(arguments.store_conn_id, arguments.store_url) as (engine, why_not):
            if engine is not None and (campaign := find_campaign(engine, settings.campaign)):
                require_same_conditions(campaign, settings.conditions)
            chunks, excluded = chunks_of(frame, arguments.read_options), arguments.read_excluded()
            return CampaignPreview(dry_run(engine, service, settings, chunks, excluded), why_not)


@with_signature_of(CampaignArguments)
def send(frame: Any, arguments: CampaignArguments) -> SentCampaign:
    """Send a template to recipients, each at most once per campaign, however often this is called.

    The arguments are those of :class:`~airflow_provider_rcs.operators.sending.RcsSendingOperator`; two differ:
    ``campaign`` has no default, because there is no run to name it after, and ``store_url`` can name the store. Ctrl-C,
    or the interruption of a notebook's kernel, stops the send like a task; the same call goes on with the rest. Two
    calls at once, also from two machines, send as two tasks of the same campaign would.

    :param frame: the recipients: a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts or of
        such tables, or the path of Parquet or CSV files with its scheme, such as ``file:///data/people.csv``.
    :raises RcsInputError: if an argument or the list cannot be used; nothing was sent.
    :raises RcsInDoubtError: if messages are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: another error that stopped it; its text says what was sent, and what to do.
    """
    with outside_of_a_task():
        settings = arguments.checked_settings()
        service = rcs_service(arguments.rcs_conn_id)
        try:
            with opened_store(arguments.store_conn_id, arguments.store_url) as engine:
                return sent_campaign(_send(frame, arguments, settings, engine, service))
        except RcsEmptyListError:
            if arguments.on_empty == "fail":
                raise
            log.warning("Campaign %s: the list is empty; nothing was sent.", settings.campaign)
            return SentCampaign(settings.campaign)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"Campaign {settings.campaign!r}: {_TO_GO_ON}")
            raise


@overload
def results(
    campaign: str,
    *,
    form: Literal["table"] = "table",
    phones: str = "plain",
    store_conn_id: str | None = None,
    store_url: str | None = None,
) -> pd.DataFrame: ...
@overload
def results(
    campaign: str,
    *,
    form: Literal["text", "markdown", "svg"],
    phones: str = "plain",
    store_conn_id: str | None = None,
    store_url: str | None = None,
) -> str: ...
def results(
    campaign: str,
    *,
    form: str = "table",
    phones: str = "plain",
    store_conn_id: str | None = None,
    store_url: str | None = None,
) -> pd.DataFrame | str:
    """Return the outcomes of a campaign's messages, after folding the delivery reports that have landed.

    A row is a message. Its columns are ``phone``, in E.164 with the plus sign; ``phone_as_listed``, which also tells
    the recipients without a usable phone; ``reference``, your own; ``state``, what the ledger says; ``reason`` and
    ``detail`` of a state other than accepted; ``delivery_status``, ``delivery_code`` and ``delivery_channel``, what
    reports say; ``account``, the fingerprint of the account that sends it; ``requested_at``, ``delivery_at`` and
    ``updated_at``, in UTC. What is not known is missing.

    The other forms are the campaign's funnel, read from counts, without recipients: for a mail, a chat or a notebook.

    :param campaign: the campaign's name.
    :param form: ``"table"`` for a row a message; ``"text"``, ``"markdown"`` or ``"svg"`` for the funnel.
    :param phones: ``"plain"``, or ``"masked"``, which shows only the last digits, for a notebook that others see.
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``.
    :param store_url: the store's SQLAlchemy URL, in place of a connection; by default ``$AIRFLOW_RCS_STORE_URL``.
    :raises RcsInputError: if the store does not know the campaign, or an argument is not a choice.
    :raises RcsStoreError: if the store cannot be used.
    """
    with outside_of_a_task(), opened_store(store_conn_id, store_url) as engine:
        fold_if_possible(engine, fold_parked)
        return read_outcomes(engine, campaign, phones) if form == "table" else read_funnel_as(form, engine, campaign)


def _send(
    frame: Any, arguments: CampaignArguments, settings: SendSettings, engine: sa.Engine, service: RcsHook
) -> dict[str, Any]:
    stop = Stop()
    template = look_up_template(engine, service, settings, stop)
    chunks, excluded = chunks_of(frame, arguments.read_options), arguments.read_excluded()
    lease = lease_from_config()
    started_by = StartedBy(started_by=f"{_user()} with airflow_provider_rcs.campaigns.send")
    if settings.scheduled_by == "store":
        connections = DispatchConnections(arguments.rcs_conn_id, arguments.exclude_sql, arguments.exclude_conn_id)
        return schedule_campaign(
            engine,
            service,
            template,
            settings,
            chunks,
            connections,
            started_by=started_by,
            lease=lease,
            stop=stop,
            excluded=excluded,
        )
    with shown_progress(settings.campaign) as show:
        return send_campaign(
            engine,
            service,
            template,
            settings,
            chunks,
            started_by=started_by,
            lease=lease,
            stop=stop,
            excluded=excluded,
            show_progress=show,
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a number alone.
        return f"user {os.getuid()}"
