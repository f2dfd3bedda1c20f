"""``airflow-rcs prune``: take out of the store what is old, except who must not be messaged twice."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from airflow_provider_rcs.store.privacy.retention import PrunedRows

_DAYS = {"d": 1, "w": 7}
_SECONDS_BETWEEN_LINES = 5.0
_COUNTED = ("rcs_message", "rcs_report", "rcs_exclusion", "rcs_report_refused")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Old messages keep their row and their state, with a hash in place of the phone, and no name, reference or "
        "value; their reports are deleted. The next load brings such messages to the warehouse as they are then. May "
        "be stopped at any moment, and run again."
    )
    parser.add_argument("--older-than", required=True, help="how long nothing must have happened: 180d, or 26w")
    parser.add_argument("--campaign", help="the name of the only campaign to prune")
    parser.add_argument("--dry-run", action="store_true", help="show what would be pruned, and prune nothing")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Prune the store, or show what would be pruned."""
    from airflow_provider_rcs.store.db.migrate import require_migrated
    from airflow_provider_rcs.store.inbox.folding import fold_parked
    from airflow_provider_rcs.store.privacy.retention import RetentionLimit, count_unfinished, count_prunable, prune

    age = read_age(arguments.older_than)
    engine = store_of(arguments)
    require_migrated(engine)
    limit = RetentionLimit(datetime.now(UTC) - age, _campaign_id(engine, arguments.campaign))
    if arguments.dry_run:
        _show("would be pruned", count_prunable(engine, limit))
    else:
        # First what has landed: what parked reports tell must not be lost with them.
        fold_parked(engine)
        _show("pruned", _counted(prune(engine, limit)))
    if left := count_unfinished(engine, limit):
        print(f"\n{left} old messages are left whole: they are in doubt (airflow-rcs resolve), or a task has them.")


def read_age(text: str) -> timedelta:
    """Read a number of days or weeks, such as ``180d``.

    :raises RcsInputError: if it is none, or reaches back farther than dates do.
    """
    from airflow_provider_rcs.api.errors import RcsInputError

    read = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", text.strip())
    if read is None:
        raise RcsInputError("older-than", f"{text!r} is no number of days or weeks", "Write 180d, or 26w.")
    return timedelta(days=int(read[1]) * _DAYS[read[2]])


def _counted(sets: Iterable[PrunedRows]) -> Mapping[str, int]:
    counts = Counter(dict.fromkeys(_COUNTED, 0))
    next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
    for each in sets:
        counts[each.table] += each.rows
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            told = ", ".join(f"{table} {rows:,}" for table, rows in counts.items())
            print(f"Pruned so far: {told}", file=sys.stderr, flush=True)
    return counts


def _show(what: str, counts: Mapping[str, int]) -> None:
    from airflow_provider_rcs.cli.tables import aligned

    print(aligned(["table", f"rows {what}"], list(counts.items())))


def _campaign_id(engine: sa.Engine, name: str | None) -> int | None:
    from airflow_provider_rcs.store.campaign.campaigns import require_campaign

    return None if name is None else require_campaign(engine, name).id
