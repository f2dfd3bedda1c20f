"""What would become of a list of recipients if it were sent now, added up without keeping anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_provider_rcs.api import phones, values
from airflow_provider_rcs.api.models import Recipient
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire import send_body
from airflow_provider_rcs.sending.requests import cap_of, request_of
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaigns import Campaign, CampaignTerms, new_reference, new_token
from airflow_provider_rcs.store.planning import Standing, standings
from airflow_provider_rcs.store.suppression import EXCLUDED, foresee

_SAMPLES = 3


@dataclass
class Forecast:
    """Adds up the chunks of a list; of its recipients only the keys are remembered.

    :param terms: what the campaign sends.
    :param api: how the connection says to speak to the service.
    :param engine: the store, if it can be asked.
    :param campaign: the campaign, if it has been begun.
    :param excluded: phones that ``exclude_sql`` names.
    """

    terms: CampaignTerms
    settings: SendSettings
    api: ApiSettings
    engine: sa.Engine | None
    campaign: Campaign | None
    excluded: Set[str]
    planned: int = 0
    fixed_lines: int = 0
    duplicates: int = 0
    messaged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    largest_request: int = 0
    all_requests: int = 0
    samples: list[dict[str, object]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _waiting: list[ListedRecipient] = field(default_factory=list)

    def add(self, listed: Sequence[ListedRecipient]) -> None:
        """Add a chunk; of a phone that is listed again, the first row counts."""
        fresh = [recipient for recipient in listed if self._is_new(recipient.key)]
        self.duplicates += len(listed) - len(fresh)
        keys = [recipient.key for recipient in fresh]
        known = standings(self.engine, self.campaign, keys) if self.engine and self.campaign else {}
        for recipient in fresh:
            if recipient.key in known:
                self._count_known(known[recipient.key])
            elif recipient.rejection:
                self.rejected[recipient.rejection] += 1
            else:
                self._waiting.append(recipient)
        batch_size = self.settings.batch_size or self.api.batch_size
        whole = len(self._waiting) - len(self._waiting) % batch_size
        for start in range(0, whole, batch_size):
            self._add_request(self._waiting[start : start + batch_size])
        del self._waiting[:whole]

    def finish(self) -> None:
        """Add what is left of the last chunk."""
        if self._waiting:
            self._add_request(self._waiting)

    def _is_new(self, key: str) -> bool:
        known = len(self._keys)
        self._keys.add(key)
        return len(self._keys) > known

    def _count_known(self, standing: Standing) -> None:
        match standing.state:
            case MessageState.REJECTED:
                self.rejected[standing.reason] += 1
            case MessageState.SUPPRESSED:
                self.suppressed[standing.reason] += 1
            case MessageState.DUPLICATE:
                self.duplicates += 1
            case _:
                self.messaged += 1

    def _add_request(self, batch: Sequence[ListedRecipient]) -> None:
        against = self._reasons_against([recipient.key for recipient in batch])
        self.suppressed.update(against.values())
        wanted = [recipient for recipient in batch if recipient.key not in against]
        if not wanted:
            return
        size = self._size_of_request(wanted)
        self.requests += 1
        self.all_requests += size
        self.largest_request = max(self.largest_request, size)
        self.planned += len(wanted)
        self.fixed_lines += sum(recipient.is_fixed_line for recipient in wanted)
        self.samples.extend(map(_masked, wanted[: _SAMPLES - len(self.samples)]))

    def _reasons_against(self, batch: Sequence[str]) -> Mapping[str, str]:
        if self.engine is None:
            return {phone: EXCLUDED for phone in batch if phone in self.excluded}
        return foresee(self.engine, self.campaign, batch, self.excluded, cap_of(self.settings))

    def _size_of_request(self, listed: Sequence[ListedRecipient]) -> int:
        """Return the bytes of a request, whose reference is as long as the real one will be."""
        recipients = tuple(Recipient(each.key, each.name, each.reference, each.variables) for each in listed)
        reference = new_reference(self.campaign.token if self.campaign else new_token())
        request = request_of(self.terms, self.settings, recipients, reference)
        return len(send_body(request, self.api.recipient_reference_key, self.api.body_format))


def _masked(recipient: ListedRecipient) -> dict[str, object]:
    """Return what can be checked of a recipient without reading it."""
    return {
        "phone": phones.mask(recipient.key),
        "name": values.mask(recipient.name),
        "variables": {variable: values.mask(text) for variable, text in recipient.variables.items()},
    }
