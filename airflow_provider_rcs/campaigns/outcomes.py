"""The outcomes of a campaign: its messages as a DataFrame, its funnel as a text or picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.read.changed_ranges import changed_pages
from airflow_provider_rcs.store.read.exports import message_page, store_identity
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.store.read.funnel_forms import FORMS

# As in the warehouse's table of messages.
_TEXTS = ("phone", "phone_as_listed", "reference")
_SHARED = ("state", "reason", "detail", "delivery_status", "delivery_code", "delivery_channel", "account")
_TIMES = ("requested_at", "delivery_at", "updated_at")
_MOMENT = "datetime64[us, UTC]"
_PHONES = ("phone", "phone_as_listed")
_SHOWN: Mapping[str, Callable[[str], str]] = {"plain": str, "masked": mask_phone}
_BEFORE_ANY_REVISION = -1


def read_outcomes(engine: sa.Engine, campaign: str, phones: str) -> pd.DataFrame:
    """Return a row for each message of a campaign, read from the store in pages.

    :param phones: ``"plain"`` or ``"masked"``.
    :raises RcsInputError: if the store does not know the campaign, or ``phones`` is another text.
    """
    if phones not in _SHOWN:
        raise RcsInputError("phones", f"{phones!r} is not a choice", "Use 'plain' or 'masked'.")
    found = find_campaign(engine, text_of("campaign", campaign))
    if found is None:
        raise _no_campaign(campaign)
    shared: dict[object, object] = {}
    tables = [_table(page, _SHOWN[phones], shared) for page in _pages(engine, found.id)]
    return pd.concat(tables or [_table([], str, shared)], ignore_index=True)


def read_funnel_as(form: str, engine: sa.Engine, campaign: str) -> str:
    """Return the funnel of a campaign.

    :param form: ``"text"``, ``"markdown"`` or ``"svg"``.
    :raises RcsInputError: if the store does not know the campaign, or ``form`` is another text.
    """
    if form not in FORMS:
        raise RcsInputError("form", f"{form!r} is not a choice", "Use 'table', 'text', 'markdown' or 'svg'.")
    name = text_of("campaign", campaign)
    funnel = read_funnel(engine, name)
    if funnel is None:
        raise _no_campaign(campaign)
    return FORMS[form](name, funnel)


def _no_campaign(campaign: object) -> RcsInputError:
    return RcsInputError(
        "campaign", f"the store has no campaign {str(campaign)!r}", "List those it has with: airflow-rcs campaigns"
    )


def _pages(engine: sa.Engine, campaign_id: int) -> Iterator[Sequence[sa.RowMapping]]:
    """Yield the messages of a campaign, in the order in which they were listed first."""
    identity = store_identity(engine)
    for page in changed_pages(engine, {campaign_id: _BEFORE_ANY_REVISION}):
        with reading(engine) as connection:
            yield connection.execute(message_page(engine, identity, page).order_by("id")).mappings().all()


def _table(page: Sequence[sa.RowMapping], show: Callable[[str], str], shared: dict[object, object]) -> pd.DataFrame:
    """Return the messages of a page.

    :param shared: the values that many messages have, so that each is in memory once.
    """
    columns: dict[str, Any] = {}
    for name in _TEXTS:
        values = [row[name] or None for row in page]
        if name in _PHONES:
            values = [value and show(value) for value in values]
        columns[name] = pd.Series(values, dtype=object)
    for name in _SHARED:
        values = [row[name] or None for row in page]
        columns[name] = pd.Series([shared.setdefault(value, value) for value in values], dtype=object)
    for name in _TIMES:
        columns[name] = pd.to_datetime([row[name] for row in page], utc=True).astype(_MOMENT)
    return pd.DataFrame(columns)
