"""Checks of the RCS service: the credentials, by the one call that sends nothing, its clock, and a template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_rcs.api.accounts import format_credits
from airflow_provider_rcs.api.errors import RcsAuthError, RcsError, RcsInputError
from airflow_provider_rcs.doctor.findings import Finding, Level
from airflow_provider_rcs.hooks.rcs import RcsHook

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from airflow_provider_rcs.api.models import Template

# Under this name, credentials that the service refused the doctor are recorded in the store.
DOCTOR = "airflow-rcs doctor"

_TOLERATED = timedelta(seconds=30)


class Service:
    """The RCS service, to which refused credentials are shown once: in a run, and if there is a store, in any.

    :param rcs_conn_id: the connection to it.
    :param get_store: returns the store, whatever its tables are.
    """

    def __init__(self, rcs_conn_id: str, get_store: Callable[[], sa.Engine]) -> None:
        self.hook = _DatedHook(rcs_conn_id)
        self._get_store = get_store

    def require_not_refused(self) -> None:
        """Check that the service has not refused these credentials before, as far as the store knows.

        :raises RcsAuthError: if it has.
        """
        from airflow_provider_rcs.store.campaign.campaigns import resolve_command
        from airflow_provider_rcs.store.outbox.refused_credentials import find_refusal

        store = self._store
        refusal = find_refusal(store, self.hook.credentials_fingerprint) if store is not None else None
        if refusal is not None:
            campaign, refused_at = refusal
            raise RcsAuthError(
                f"the service refused these credentials on {refused_at:%Y-%m-%d %H:%M} UTC ({campaign}). They are not "
                "shown to it again, because that can block the account. Correct login and password of the connection "
                f"{self.hook.rcs_conn_id!r}. If the account was fixed instead: "
                + resolve_command(campaign, "--credentials-fixed")
            )

    def remember_refusal(self) -> None:
        """Record in the store that the service refused these credentials."""
        from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal

        if self._store is not None:
            remember_refusal(self._store, DOCTOR, self.hook.credentials_fingerprint)

    @cached_property
    def _store(self) -> sa.Engine | None:
        """The store, or ``None`` if it cannot be used, which another check says."""
        from airflow_provider_rcs.store.db.migrate import require_migrated

        try:
            store = self._get_store()
            require_migrated(store)
        except RcsError:
            return None
        return store


def check_service(service: Service) -> Iterator[Finding]:
    """Check the credentials by asking for the credit, and this machine's clock by the reply's date."""
    try:
        service.require_not_refused()
        credit = service.hook.get_credits()
    except RcsAuthError as error:
        service.remember_refusal()
        yield Finding(Level.FAILED, "credentials", str(error))
    except RcsError as error:
        yield Finding(Level.FAILED, "service", str(error))
    else:
        yield Finding(Level.OK, "credentials", f"the service accepts them; credit left: {format_credits(credit)}")
    if service.hook.skew is not None:
        yield _judge(service.hook.skew)


def check_template(service: Service, template_id: str, sql: str, sql_conn_id: str) -> Iterator[Finding]:
    """Compare the variables of a template with the columns of a query, whose rows are not read.

    :raises RcsInputError: if one of the three is not given, or if the query fails.
    """
    from airflow_provider_rcs.hooks.sql import stream_columns

    for argument, value in {"template_id": template_id, "sql": sql, "sql_conn_id": sql_conn_id}.items():
        if not value:
            raise RcsInputError(argument, "it is not given, and the others need it", "Give all three, or none.")
    service.require_not_refused()
    try:
        template = service.hook.get_template(template_id, fresh=True)
    except RcsAuthError:
        service.remember_refusal()
        raise
    columns: list[str] = []
    rows = stream_columns("sql", sql_conn_id, sql, require_columns=columns.extend)
    next(rows, None)
    rows.close()  # type: ignore[attr-defined]
    yield _compare(template, columns)


class _DatedHook(RcsHook):
    """A hook that notes by how much this machine's clock is ahead of the service's, which its replies state."""

    skew: timedelta | None = None

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """Return a session as the hook does, which notes the date of each reply."""
        session = super().get_conn(headers, extra_options)
        session.hooks["response"].append(self._note_date)
        return session

    def _note_date(self, response: requests.Response, **_: object) -> None:
        now = datetime.now(UTC)
        try:
            date = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return
        # The date is cut to seconds, and the reply was written at any time since the request left.
        if date > now:
            self.skew = now - date
        else:
            self.skew = max(now - response.elapsed - date - timedelta(seconds=1), timedelta(0))


def _judge(skew: timedelta) -> Finding:
    if abs(skew) <= _TOLERATED:
        return Finding(Level.OK, "clock", "this machine and the service agree on the time")
    direction = "ahead of" if skew > timedelta(0) else "behind"
    return Finding(
        Level.WARNING,
        "clock",
        f"this machine is {abs(skew).total_seconds():,.0f} s {direction} the service. The dates of campaigns and "
        "reports would be wrong by that. Let the machine set its clock by NTP.",
    )


def _compare(template: Template, columns: Sequence[str]) -> Finding:
    from airflow_provider_rcs.recipients.column_names import find_column, list_columns

    missing = [name for name in template.required_variables if find_column("variables", name, columns) is None]
    what = f"template {template.id}"
    if missing:
        text = (
            f"{', '.join(missing)} of its variables have no column of that name; the columns are "
            f"{list_columns(columns)}. Give them an alias in the query, or map them with variables= or constants=."
        )
        return Finding(Level.WARNING, what, text)
    if find_column("phone_column", "phone", columns) is None:
        text = f"no column is called phone; the columns are {list_columns(columns)}. Name one with phone_column=."
        return Finding(Level.WARNING, what, text)
    return Finding(Level.OK, what, "each of its variables has a column in the query")
