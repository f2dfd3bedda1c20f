"""The asset of the campaigns, of which every send that ends well emits an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from pydantic import JsonValue

CAMPAIGNS = Asset(name="rcs_campaigns", uri="rcs://store/campaigns")
# An outlet that is an asset would have its event after a dry run as well; an alias has those that are added.
SENT_CAMPAIGNS = AssetAlias(name="rcs_sent_campaigns")


def emit_sent(context: Context, sent: Mapping[str, Any]) -> None:
    """Add the event of a campaign that was sent, with its name and the counts of its recipients' states.

    :param sent: what the send returned.
    """
    plain: dict[str, JsonValue] = {key: value for key, value in sent.items() if isinstance(value, str | int)}
    context["outlet_events"][SENT_CAMPAIGNS].add(CAMPAIGNS, extra=plain)
