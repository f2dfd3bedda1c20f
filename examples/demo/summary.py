"""The summary that the demo prints at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.tables import aligned
from examples.demo.home import Home

_SAMPLE = """
    SELECT phone, name, reference, state, delivery_status, delivery_at, api_message_id
    FROM rcs_message WHERE campaign = ? AND state = 'accepted' ORDER BY delivery_status DESC, id LIMIT 3
"""


def funnel_table(warehouse: Path, campaign: str) -> str:
    """Return the campaign's funnel, counted in the warehouse's message table."""
    with closing(sqlite3.connect(warehouse)) as connection:
        states = _counts(connection, "state", campaign)
        statuses = _counts(connection, "delivery_status", campaign)
        reasons = connection.execute(
            "SELECT reason, COUNT(*) FROM rcs_message WHERE campaign = ? AND state = 'rejected' "
            "GROUP BY reason ORDER BY COUNT(*) DESC, reason",
            (campaign,),
        ).fetchall()
        repeats = connection.execute(
            "SELECT COALESCE(SUM(repeats), 0) FROM rcs_message WHERE campaign = ?", (campaign,)
        ).fetchone()[0]
    rows: list[tuple[str, int]] = [
        ("requested", sum(states.values()) + repeats),
        ("accepted", states.get("accepted", 0)),
        ("  delivered", statuses.get("delivered", 0) + statuses.get("read", 0)),
        ("    of which read", statuses.get("read", 0)),
        ("  failed", statuses.get("failed", 0)),
        ("  not final yet", sum(statuses.get(name, 0) for name in ("", "sent", "delayed")) - _unsent(states)),
        ("rejected", states.get("rejected", 0)),
        *((f"  {reason}", count) for reason, count in reasons),
        ("listed again (duplicate)", states.get("duplicate", 0) + repeats),
        ("in doubt", states.get("in_doubt", 0)),
        ("still to send", states.get("planned", 0) + states.get("sending", 0)),
    ]
    return aligned(["funnel", "recipients"], rows)


def sample_rows(warehouse: Path, campaign: str) -> str:
    """Return three rows of the warehouse's message table, with masked phones."""
    with closing(sqlite3.connect(warehouse)) as connection:
        rows = connection.execute(_SAMPLE, (campaign,)).fetchall()
    headings = ["phone", "name", "reference", "state", "status", "at (UTC)", "message id"]
    return aligned(headings, [(mask_phone(phone), *rest[:4], str(rest[4])[:19], rest[5]) for phone, *rest in rows])


def times_table(times: Mapping[str, float]) -> str:
    """Return the duration of each step."""
    return aligned(["step", "seconds"], [(step, f"{seconds:6.1f}") for step, seconds in times.items()])


def next_steps(home: Home, campaign: str) -> str:
    """Return what to look at next."""
    return "\n".join(
        [
            f"The warehouse   {home.warehouse}  (tables customer, rcs_campaign, rcs_message, rcs_report)",
            f"The ledger      {home.store}",
            f"The DAG         {home.dags / 'rcs_campaign.py'}",
            f"The logs        {home.logs}",
            f"Run it again    make demo CAMPAIGN={campaign}   (nobody is sent a second message)",
            "A real account  airflow connections add rcs_default --conn-type rcs \\",
            "                  --conn-host https://api.mensatek.com/v7 --conn-login API_USER --conn-password API_TOKEN",
            "                and point the account's panel at POST https://<your Airflow>/rcs/reports",
        ]
    )


def _counts(connection: sqlite3.Connection, column: str, campaign: str) -> dict[str, int]:
    query = f"SELECT {column}, COUNT(*) FROM rcs_message WHERE campaign = ? GROUP BY {column}"
    return dict(connection.execute(query, (campaign,)).fetchall())


def _unsent(states: Mapping[str, int]) -> int:
    """Count the messages without a delivery status because the service never accepted them."""
    return sum(count for state, count in states.items() if state != "accepted")
