"""The approval of a plan: a hash of what would be sent, checked before anything of a changed list is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from hashlib import blake2b
from tempfile import SpooledTemporaryFile

import orjson

from airflow_provider_rcs.api.errors import RcsPlanChangedError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms

_TERMS_BYTES, _LIST_BYTES = 8, 16
_LIST_MODULUS = 2 ** (8 * _LIST_BYTES)
_BYTES_IN_MEMORY = 8 * 2**20


class PlanHash:
    """Hashes a plan: the terms of a campaign and its list, independent of the order of the rows.

    The hash is the same before a campaign begins, in a retry and after a part of the list was sent, because it does not
    depend on who was messaged already or is suppressed. Each row counts, also where the same phone is listed again.

    :param template: the template as the service has it.
    :param settings: of the send; its sample and shard do not change the hash.
    :param terms: what the campaign sends.
    :param key: a secret, such as the fingerprint of the credentials: without it, short lists could be guessed from the
        hash.
    """

    def __init__(self, template: Template, settings: SendSettings, terms: CampaignTerms, key: str) -> None:
        self._key = key.encode()
        self._terms = self._digest(_values_of_terms(template, settings, terms), _TERMS_BYTES)
        self._rows = 0
        self._sum = 0

    def __str__(self) -> str:
        """Return the hash: that of the terms, then that of the list."""
        return f"{self._terms}-{self._digest((self._rows, str(self._sum)), _LIST_BYTES)}"

    def add(self, listed: Sequence[ListedRecipient]) -> None:
        """Add a chunk of the whole list, before a sample or shard is selected from it."""
        self._rows += len(listed)
        self._sum = (self._sum + sum(map(self._number_of, listed))) % _LIST_MODULUS

    def require(self, approved: str) -> None:
        """Check that this is the approved plan, after the whole list was added.

        :param approved: the hash of the approved plan.
        :raises RcsPlanChangedError: if this is another plan; says what has changed.
        """
        if approved == str(self):
            return
        approved_terms, _, approved_list = approved.partition("-")
        terms, _, listed = str(self).partition("-")
        changed = []
        if terms != approved_terms:
            changed.append("what is sent (template, agent, date, quiet hours, campaign or account)")
        if listed != approved_list:
            changed.append(f"the list (it has {self._rows} rows now)")
        raise RcsPlanChangedError(
            "approved_plan: this is not the plan that was approved; nothing is sent. Changed: "
            f"{', and '.join(changed)}. {RcsPlanChangedError.remedy}"
        )

    def _number_of(self, recipient: ListedRecipient) -> int:
        sent = (recipient.key, recipient.name, recipient.reference, recipient.variables, recipient.rejection)
        row = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
        # Keyed here too: a person who controls rows and knows their hashes could make up another list of the same sum.
        return int.from_bytes(blake2b(row, digest_size=_LIST_BYTES, key=self._key).digest())

    def _digest(self, values: object, size: int) -> str:
        return blake2b(orjson.dumps(values), digest_size=size, key=self._key).hexdigest()


def _values_of_terms(template: Template, settings: SendSettings, terms: CampaignTerms) -> tuple[object, ...]:
    return (
        settings.campaign,
        terms.account,
        terms.agent,
        terms.send_at and terms.send_at.astimezone(UTC).isoformat(),
        [(hours.start, hours.end, hours.action) for hours in settings.quiet_hours],
        template.id,
        template.name,
        [(variable.name, variable.type, variable.filled_by_service) for variable in template.variables],
    )


def yield_if_approved(
    chunks: Iterable[Sequence[ListedRecipient]], plan: PlanHash, approved: str
) -> Iterator[Sequence[ListedRecipient]]:
    """Read all chunks, and yield them only if the plan is the approved one.

    So nothing of a changed list is recorded, where another task of the campaign would find and send it. Long lists are
    buffered in an unnamed file, which disappears with the process.

    :param chunks: the list; reading it adds it to the plan.
    :param approved: the hash of the approved plan.
    :raises RcsPlanChangedError: if this is another plan.
    """
    with SpooledTemporaryFile(_BYTES_IN_MEMORY) as buffer:
        buffer.writelines(orjson.dumps(list(map(tuple, listed))) + b"\n" for listed in chunks)
        plan.require(approved)
        buffer.seek(0)
        for line in buffer:
            yield [ListedRecipient(*row) for row in orjson.loads(line)]
