"""The approved plan: a hash of what would be sent, checked before a changed list is recorded."""

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


_LARGEST_SUM = 2 ** (8 * _LIST_BYTES)


class PlanHash:
    """Adds up a list of recipients, whatever the order of its rows.

    It is the same before a campaign begins, in a retry and after a part of it was sent: who was messaged already, or
    must not be, has no part in it. Of rows with the same phone each counts, wherever it stands.

    :param template: the template as the service has it.
    :param settings: of the send; its sample or shard has no part in the hash.
    :param terms: what the campaign sends.
    :param secret: what nobody knows who sees the hash, so that no short list can be guessed from it.
    """

    def __init__(self, template: Template, settings: SendSettings, terms: CampaignTerms, secret: str) -> None:
        self._key = secret.encode()
        self._terms = self._hash_of(_terms_of(template, settings, terms), _TERMS_BYTES)
        self._rows = 0
        self._sum = 0

    def __str__(self) -> str:
        """Return the hash: of what would be sent, and of the list."""
        return f"{self._terms}-{self._hash_of((self._rows, str(self._sum)), _LIST_BYTES)}"

    def add(self, listed: Sequence[ListedRecipient]) -> None:
        """Add a chunk of the list; all of it, and not only who is to be sent to now."""
        self._rows += len(listed)
        self._sum = (self._sum + sum(map(self._number_of, listed))) % _LARGEST_SUM

    def require(self, approved: str) -> None:
        """Make sure that this is the plan that was approved, once all of the list was added.

        :param approved: the hash of that one.
        :raises RcsPlanChangedError: if it is another; says in what they differ.
        """
        if approved == str(self):
            return
        terms, _, listed = approved.partition("-")
        own_terms, _, own_list = str(self).partition("-")
        changed = []
        if terms != own_terms:
            changed.append("what is sent (template, agent, date, quiet hours, campaign or account)")
        if listed != own_list:
            changed.append(f"the list (it has {self._rows} rows now)")
        raise RcsPlanChangedError(
            "approved_plan: this is not the plan that was approved; nothing is sent. Changed: "
            f"{', and '.join(changed)}. {RcsPlanChangedError.remedy}"
        )

    def _number_of(self, recipient: ListedRecipient) -> int:
        told = (recipient.key, recipient.name, recipient.reference, recipient.variables, recipient.rejection)
        row = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
        # With the secret here too: whoever writes the rows could make sums of numbers agree that everybody knows.
        return int.from_bytes(blake2b(row, digest_size=_LIST_BYTES, key=self._key).digest())

    def _hash_of(self, values: object, size: int) -> str:
        return blake2b(orjson.dumps(values), digest_size=size, key=self._key).hexdigest()


def _terms_of(template: Template, settings: SendSettings, terms: CampaignTerms) -> tuple[object, ...]:
    return (
        settings.campaign,
        terms.agent,
        terms.send_at and terms.send_at.astimezone(UTC).isoformat(),
        [(hours.start, hours.end, hours.action) for hours in settings.quiet_hours],
        template.id,
        template.name,
        [(variable.name, variable.type, variable.filled_by_service) for variable in template.variables],
    )


_BYTES_IN_MEMORY = 8 * 2**20


def hold_until_approved(
    chunks: Iterable[Sequence[ListedRecipient]], plan: PlanHash, approved: str
) -> Iterator[Sequence[ListedRecipient]]:
    """Read all chunks, and give the first one out only if the plan is the approved one.

    So nothing of a changed list enters the books, from where another task of the campaign would send to it. Long lists
    wait in a file without a name, which is gone with the process.

    :param chunks: the list; reading it adds it to the plan.
    :param approved: the hash of the approved plan.
    :raises RcsPlanChangedError: if the plan is another.
    """
    with SpooledTemporaryFile(_BYTES_IN_MEMORY) as held:
        held.writelines(orjson.dumps(list(map(tuple, listed))) + b"\n" for listed in chunks)
        plan.require(approved)
        held.seek(0)
        for line in held:
            yield [ListedRecipient(*row) for row in orjson.loads(line)]
