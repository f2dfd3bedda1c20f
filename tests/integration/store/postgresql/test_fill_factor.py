"""The fill factor of the messages' pages, which the migrations set and the tables in the code cannot name."""

from __future__ import annotations

import sqlalchemy as sa


def test_pages_of_messages_keep_room_for_delivery_statuses(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        options = connection.scalar(sa.text("SELECT reloptions FROM pg_class WHERE relname = 'rcs_message'"))

    assert options == ["fillfactor=50"]
