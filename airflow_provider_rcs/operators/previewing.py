"""The dry run of a sending operator, and the test that it sends to the team's phones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.hooks.store import lease_from_config, store_engine
from airflow_provider_rcs.operators.naming import started_by_task
from airflow_provider_rcs.operators.rendering import list_of

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.operators.sending import RcsSendingOperator
    from airflow_provider_rcs.recipients.chunks import Chunk
    from airflow_provider_rcs.sending.preview.phone_tests import PhoneTest
    from airflow_provider_rcs.sending.settings import SendSettings
    from airflow_provider_rcs.sending.stopping import Stop

log = logging.getLogger(__name__)


def require_no_test_phones(test_phones: object) -> None:
    """Check that a task that sends to the whole list was not given test phones.

    :raises RcsInputError: if it was.
    """
    if test_phones is not None:
        raise RcsInputError(
            "test_phones", "only a dry run sends to them", "Give them to the task with dry_run=True, or leave them out."
        )


def phone_test_of(operator: RcsSendingOperator, context: Context, stop: Stop) -> PhoneTest | None:
    """Return the test that the dry run of an operator sends; ``None`` if it has no test phones.

    :param stop: tells whether the task should stop.
    :raises RcsInputError: if ``test_phones`` is no list.
    """
    from airflow_provider_rcs.sending.preview.phone_tests import PhoneTest

    phones = list_of("test_phones", operator.test_phones)
    if phones is None:
        return None
    return PhoneTest(phones, started_by_task(operator, context), lease_from_config(), stop)


def preview_plan(
    settings: SendSettings,
    rcs_conn_id: str,
    store_conn_id: str | None,
    chunks: Iterable[Chunk],
    excluded: Iterable[Sequence[object]],
    test: PhoneTest | None,
) -> dict[str, Any]:
    """Return the plan of a campaign, after sending the test, if there is one.

    :param chunks: the recipients, as columns of some rows at a time.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :raises RcsStoreError: if there is a test, and the store cannot be used.
    :raises RcsError: what would make a send fail before anything is sent.
    """
    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.sending.preview import dry_run
    from airflow_provider_rcs.store.campaign.campaigns import find_campaign, require_same_conditions

    engine = _store_if_readable(store_conn_id) if test is None else store_engine(store_conn_id)
    if engine is not None and (campaign := find_campaign(engine, settings.campaign)):
        require_same_conditions(campaign, settings.conditions)
    return dry_run(engine, RcsHook(rcs_conn_id), settings, chunks, excluded, test)


def _store_if_readable(store_conn_id: str | None) -> sa.Engine | None:
    try:
        return store_engine(store_conn_id)
    except RcsStoreError as error:
        log.warning("Suppressed and already messaged recipients are unknown: %s", error)
        return None
