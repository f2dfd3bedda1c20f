"""Work on the whole store that takes a while: pruning, refolding and checking, with a line of progress now and then."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.campaign.campaigns import require_campaign
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.maintenance.checking import CheckedCampaign, check
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune

_DAYS = {"d": 1, "w": 7}
_SECONDS_BEFORE_PROGRESS = 2.0
_SECONDS_BETWEEN_PROGRESS_LINES = 5.0
_PRUNED_TABLES = ("rcs_message", "rcs_report", "rcs_inbound", "rcs_report_refused")

ShowLine = Callable[[str], object]


def read_limit(engine: sa.Engine, argument: str, age: str, campaign: str | None) -> RetentionLimit:
    """Return what counts as old.

    :param argument: the argument that holds the age, for errors.
    :param age: as :func:`read_age` reads it.
    :param campaign: the only campaign to prune.
    :raises RcsInputError: if the age cannot be read, or if there is no such campaign.
    """
    before = datetime.now(UTC) - read_age(argument, age)
    return RetentionLimit(before, require_campaign(engine, campaign).id if campaign else None)


def read_age(argument: str, text: str) -> timedelta:
    """Return the age in a text such as ``180d`` or ``26w``.

    :raises RcsInputError: if it cannot be read, or reaches back beyond the first date.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", text.strip())
    if match is None:
        raise RcsInputError(argument, f"{text!r} is not a number of days or weeks", "Write 180d, or 26w.")
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def prune_store(engine: sa.Engine, limit: RetentionLimit, show: ShowLine) -> Mapping[str, int]:
    """Prune the store and return the number of pruned rows: table -> rows.

    Parked reports are folded first, so that they still count for their messages.

    :param show: shows a line of progress every few seconds.
    """
    fold_parked(engine)
    counts = Counter(dict.fromkeys(_PRUNED_TABLES, 0))
    clock = _LineClock()
    for batch in prune(engine, limit):
        counts[batch.table] += batch.rows
        if clock.is_due():
            show("Pruned so far: " + ", ".join(f"{table} {rows:,}" for table, rows in counts.items()))
    return counts


def refold_store(
    engine: sa.Engine, codes: AccountCodes | None, campaign: str | None, show: ShowLine
) -> tuple[int, int]:
    """Refold, and return the number of messages that were computed anew, and of those that have changed.

    :param codes: the codes of an account; ``None`` to use those that each campaign was last sent with.
    :param campaign: the only campaign to refold; all by default.
    :param show: shows a line of progress every few seconds.
    :raises RcsInputError: if there is no such campaign.
    """
    if campaign:
        require_campaign(engine, campaign)
    fold(engine)
    messages = changed = 0
    clock = _LineClock()
    for batch in refold(engine, codes, campaign or None):
        messages += batch.messages
        changed += batch.changed
        if clock.is_due():
            show(f"Refolded so far: {messages:,} messages, {changed:,} changed")
    return messages, changed


def check_store(engine: sa.Engine, show: ShowLine) -> Iterator[CheckedCampaign]:
    """Check the counts that the store keeps, and yield each campaign when it is checked.

    :param show: shows a line of progress every few seconds.
    """
    clock = _LineClock()
    for number, checked in enumerate(check(engine), 1):
        yield checked
        if clock.is_due():
            show(f"Checked so far: {number:,} campaigns")


class _LineClock:
    """Says when the next line of progress is due."""

    def __init__(self) -> None:
        self._next_at = time.monotonic() + _SECONDS_BEFORE_PROGRESS

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next_at:
            return False
        self._next_at = now + _SECONDS_BETWEEN_PROGRESS_LINES
        return True
