"""Which messages are those of a request: found by the numbers that they had when it claimed them.

An index on the request would have to be written anew by each claim.
"""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.tables import message, request

_HIGHEST_NUMBER = 2**63 - 1

# One that was claimed through the upgrade of the store does not tell its numbers: then they are looked for everywhere.
IS_OF_REQUEST = sa.and_(
    message.c.request_id == request.c.id,
    message.c.id >= sa.func.coalesce(request.c.first_message_id, 0),
    message.c.id <= sa.func.coalesce(request.c.last_message_id, _HIGHEST_NUMBER),
)
