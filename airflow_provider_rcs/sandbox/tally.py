"""How often each phone was accepted: the figures by which a sender is judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import AcceptedSend


class Tally:
    """Counts of accepted messages, for each phone and for each phone of a campaign."""

    def __init__(self) -> None:
        self._by_phone: Counter[str] = Counter()
        self._by_campaign: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def add(self, send: AcceptedSend) -> None:
        phones = [message.phone for message in send.messages]
        # Senders write their own campaign before the dash, and behind it what tells one batch from the next.
        token = send.campaign_reference.partition("-")[0]
        self._by_phone.update(phones)
        self._by_campaign[send.template_id, token].update(phones)

    @property
    def twice(self) -> int:
        """How many phones were accepted more than once in one campaign."""
        return sum(count > 1 for phones in self._by_campaign.values() for count in phones.values())

    @property
    def most_for_a_phone(self) -> int:
        return max(self._by_phone.values(), default=0)
