"""A list that is held back until all of it has been read and found to be the one that was approved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from tempfile import SpooledTemporaryFile

import orjson

from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.sending.plan_hash import PlanHash

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
