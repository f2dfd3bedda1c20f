"""The outcomes of a campaign's messages as a DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.read.exports import Row, messages_since

# As in the warehouse's table of messages.
_TEXTS = ("phone", "phone_as_listed", "reference")
_SHARED = ("state", "reason", "detail", "delivery_status", "delivery_code", "delivery_channel", "account")
_TIMES = ("requested_at", "delivery_at", "updated_at")
_MOMENT = "datetime64[us, UTC]"
_PHONES = ("phone", "phone_as_listed")
_FORMS: Mapping[str, Callable[[str], str]] = {"plain": str, "masked": mask_phone}
_BEFORE_ANY_REVISION = -1


def read_outcomes(engine: sa.Engine, campaign: str, phones: str) -> pd.DataFrame:
    """Return a row for each message of a campaign, read from the store in pages.

    :param phones: ``"plain"`` or ``"masked"``.
    :raises RcsInputError: if the store does not know the campaign, or ``phones`` is another text.
    """
    if phones not in _FORMS:
        raise RcsInputError("phones", f"{phones!r} is not a choice", "Use 'plain' or 'masked'.")
    name = text_of("campaign", campaign)
    found = find_campaign(engine, name)
    if found is None:
        raise RcsInputError(
            "campaign", f"the store has no campaign {name!r}", "List those it has with: airflow-rcs campaigns"
        )
    shared: dict[object, object] = {}
    pages = messages_since(engine, found.id, _BEFORE_ANY_REVISION)
    tables = [_table(page, _FORMS[phones], shared) for page in pages]
    return pd.concat(tables or [_table([], str, shared)], ignore_index=True)


def _table(page: Sequence[Row], show: Callable[[str], str], shared: dict[object, object]) -> pd.DataFrame:
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
