"""The RCS service as one attempt at a campaign needs it, shown no credentials that it has refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_provider_rcs.api.credit import require_credit
from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaigns import find_campaign
from airflow_provider_rcs.store.refused_credentials import check_credentials, remember_refusal


@dataclass(frozen=True)
class Service:
    """The service behind one connection.

    :param send: makes one call that sends, such as :meth:`~airflow_provider_rcs.hooks.rcs.RcsHook.send`.
    :param settings: how the connection says to speak to it.
    :param fingerprint: of the connection's credentials, so that refused ones are known again.
    """

    send: Callable[[SendRequest], SendResult]
    settings: ApiSettings
    fingerprint: str = ""


def look_up_template(
    engine: sa.Engine, settings: SendSettings, get_template: Callable[[str], Template], fingerprint: str
) -> Template:
    """Look up the campaign's template, unless the service is known to refuse the credentials.

    :raises RcsAuthError: if it has refused them to this campaign before, or does so now.
    :raises RcsRefusedError: another of its kinds, if the template cannot be looked up.
    """
    check_credentials(engine, settings.campaign, fingerprint)
    with _refusals_remembered(engine, settings.campaign, fingerprint):
        return get_template(settings.template_id)


def require_credit_to_begin(
    engine: sa.Engine, settings: SendSettings, get_credits: Callable[[], float], fingerprint: str
) -> None:
    """Check that the account has the credit that was asked for, unless the campaign has begun.

    One that has begun has used some of the credit itself, and goes on with what there is. So does one that another task
    begins in the meantime, such as that of another shard.

    :raises RcsCreditError: if it has less.
    :raises RcsRefusedError: another of its kinds, if the credit cannot be looked up.
    """
    with _refusals_remembered(engine, settings.campaign, fingerprint):
        require_credit_for_preview(engine, settings, get_credits)


@contextmanager
def _refusals_remembered(engine: sa.Engine, campaign: str, fingerprint: str) -> Iterator[None]:
    try:
        yield
    except RcsAuthError:
        remember_refusal(engine, campaign, fingerprint)
        raise


def look_up_for_preview(
    engine: sa.Engine | None, settings: SendSettings, get_template: Callable[[str], Template], fingerprint: str
) -> Template:
    """Look up the campaign's template as :func:`look_up_template` does, and keep nothing.

    :param engine: the store, if it can be asked.
    """
    if engine is not None:
        check_credentials(engine, settings.campaign, fingerprint)
    return get_template(settings.template_id)


def require_credit_for_preview(
    engine: sa.Engine | None, settings: SendSettings, get_credits: Callable[[], float]
) -> None:
    """Check the credit as :func:`require_credit_to_begin` does, and keep nothing.

    :param engine: the store, if it can be asked.
    """
    if settings.min_credits is None or _has_begun(engine, settings):
        return
    left = get_credits()
    if not _has_begun(engine, settings):
        require_credit(left, settings.min_credits)


def _has_begun(engine: sa.Engine | None, settings: SendSettings) -> bool:
    return engine is not None and find_campaign(engine, settings.campaign) is not None
