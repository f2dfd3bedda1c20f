"""What a preview and a send return, readable in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.preview.text import describe_plan


@dataclass(frozen=True, slots=True, repr=False)
class CampaignPreview:
    """What a send would do. Shown, it is what ``airflow-rcs preview`` prints: phones, names and values are masked.

    :param plan: counts by reason, the sizes of the requests, three masked samples and the plan's hash.
    :param store_unavailable: why the store could not be asked who is suppressed or was messaged before; empty if it
        was.
    """

    plan: Mapping[str, Any]
    store_unavailable: str = ""

    @property
    def plan_hash(self) -> str:
        """The hash to give to ``send(..., approved_plan=...)``, which then sends this plan or nothing."""
        return str(self.plan["plan_hash"])

    def __repr__(self) -> str:
        """Return the plan as text."""
        text = describe_plan(self.plan)
        if not self.store_unavailable:
            return text
        return f"{text}\n\nSuppressed and already messaged recipients are unknown: {self.store_unavailable}"


@dataclass(frozen=True, slots=True, repr=False)
class SentCampaign:
    """The counts of a campaign after a send; no recipients.

    :param requested: all recipients that were listed; each is in exactly one state.
    :param planned: not sent yet: another call or task sends them, or they are not on this list.
    :param reasons: why recipients were rejected or suppressed, or are in doubt: state -> reason -> recipients.
    :param api_campaign_ids: the ids that the service gave to the requests.
    """

    campaign: str
    requested: int = 0
    planned: int = 0
    sending: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    suppressed: int = 0
    in_doubt: int = 0
    reasons: Mapping[str, Mapping[str, int]] | None = None
    api_campaign_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the counts that are not zero, and the reasons."""
        counts = [f"{self.requested:,} requested"]
        counts += [f"{getattr(self, state):,} {state}" for state in MessageState if getattr(self, state)]
        reasons = [
            f"  {state}: {reason}: {count:,}"
            for state, by_reason in (self.reasons or {}).items()
            for reason, count in by_reason.items()
        ]
        return "\n".join([f"Campaign {self.campaign!r}: {', '.join(counts)}", *reasons])


def sent_campaign(result: Mapping[str, Any]) -> SentCampaign:
    """Return the result of a task that sends, as an object."""
    return SentCampaign(
        campaign=result["campaign"],
        requested=result["requested"],
        **{str(state): result[state] for state in MessageState},
        reasons=result["reasons"],
        api_campaign_ids=tuple(result["api_campaign_ids"]),
    )
