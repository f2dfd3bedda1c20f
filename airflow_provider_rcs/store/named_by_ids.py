"""Reports that name their message by the service's ids alone: it is looked for within the request that they name.

With an index on a message's own id, each reply would have to write its messages into all their indexes anew.
"""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.request_messages import IS_OF_REQUEST
from airflow_provider_rcs.store.tables import message, report, request

_NAMES_REQUEST = (
    request.c.reference == report.c.campaign_reference,
    sa.and_(request.c.api_campaign_id == report.c.api_campaign_id, report.c.api_campaign_id != ""),
)

# Of a report, a request and a message.
IS_NAMED_BY_IDS = sa.and_(
    sa.or_(*_NAMES_REQUEST),
    IS_OF_REQUEST,
    message.c.api_message_id == report.c.api_message_id,
    report.c.api_message_id != "",
)


def name_requests(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> bool:
    """Tell whether some of these reports name a request of the store.

    To be asked first: reports on what others send from the same account would else be looked for among all messages.
    """
    # Counted, and asked report by report: a database that expects to come upon one soon, or begins with the requests,
    # reads reports that are not meant, or reads all of them once for each request.
    named = [sa.exists(sa.select(request.c.id).where(names_one).correlate(report)) for names_one in _NAMES_REQUEST]
    count = sa.select(sa.func.count()).select_from(report)
    return any(connection.execute(count.where(reports, is_named)).scalar_one() for is_named in named)
