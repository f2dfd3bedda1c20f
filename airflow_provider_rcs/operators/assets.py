"""The asset of the sent campaigns, which starts the DAGs that are scheduled on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from pydantic import JsonValue

CAMPAIGNS = Asset(name="rcs_campaigns", uri="rcs://store/campaigns")
# An asset as outlet would get an event after a dry run as well; an alias gets only the events that the task adds.
SENT_CAMPAIGNS = AssetAlias(name="rcs_sent_campaigns")


def emit_campaign_event(context: Context, sent: Mapping[str, Any]) -> None:
    """Add an event for a campaign that was sent, with its name and its counts by state.

    :param sent: the result of the send.
    """
    if "outlet_events" not in context:  # without a run, such as in a test
        return
    extra: dict[str, JsonValue] = {key: value for key, value in sent.items() if isinstance(value, str | int)}
    context["outlet_events"][SENT_CAMPAIGNS].add(CAMPAIGNS, extra=extra)
