"""The triggers that keep where messages changed, as the first migration creates them."""

from __future__ import annotations

from string import Template

_IDS_PER_RANGE = 64

# A statement that changes messages, or their channels, gives the ranges of their ids the revision of the change in the
# same transaction. That holds the lock of their campaign, so no two transactions wait for each other at a range.
_MESSAGES = "new_rows AS each"
_CHANNELS = "new_rows AS each JOIN rcs_message ON rcs_message.id = each.message_id"

# On PostgreSQL once for each statement, from all rows that it has written.
_FUNCTION = Template("""
CREATE OR REPLACE FUNCTION $name() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$$$
BEGIN
    INSERT INTO rcs_changed_range AS kept (campaign_id, first_message_id, revision)
    SELECT campaign_id, $id / $size * $size AS first_message_id, max(each.revision) FROM $rows
    GROUP BY 1, 2
    ON CONFLICT (campaign_id, first_message_id) DO UPDATE SET revision = excluded.revision
    WHERE kept.revision < excluded.revision;
    RETURN NULL;
END
$$$$""")
_TRIGGER = Template("""
CREATE TRIGGER ${name}_$operation AFTER $operation ON $table REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION $name()""")

# On SQLite once for each row whose range does not have the revision yet.
_ROW_TRIGGER = Template("""
CREATE TRIGGER ${name}_$operation AFTER $event ON $table
WHEN NOT EXISTS (
    SELECT 1 FROM rcs_changed_range WHERE campaign_id = $campaign AND first_message_id = $id / $size * $size
        AND revision >= NEW.revision
)
BEGIN
    INSERT INTO rcs_changed_range (campaign_id, first_message_id, revision)
    VALUES ($campaign, $id / $size * $size, NEW.revision)
    ON CONFLICT (campaign_id, first_message_id) DO UPDATE SET revision = excluded.revision;
END""")
_CAMPAIGN_OF_CHANNEL = "(SELECT campaign_id FROM rcs_message WHERE id = NEW.message_id)"


def create_range_triggers(dialect: str) -> list[str]:
    """Return the statements that create the triggers, and the functions that they call."""
    return _on_postgresql() if dialect == "postgresql" else _on_sqlite()


def _on_postgresql() -> list[str]:
    statements = []
    for table, identifier, rows in (
        ("rcs_message", "each.id", _MESSAGES),
        ("rcs_message_channel", "each.message_id", _CHANNELS),
    ):
        name = f"{table}_changed"
        statements.append(_FUNCTION.substitute(name=name, id=identifier, rows=rows, size=_IDS_PER_RANGE))
        statements += [
            _TRIGGER.substitute(name=name, table=table, operation=operation) for operation in ("insert", "update")
        ]
    return statements


def _on_sqlite() -> list[str]:
    return [
        _ROW_TRIGGER.substitute(
            name=f"{table}_changed",
            table=table,
            operation=operation,
            event=event,
            campaign=campaign,
            id=identifier,
            size=_IDS_PER_RANGE,
        )
        for table, identifier, campaign in (
            ("rcs_message", "NEW.id", "NEW.campaign_id"),
            ("rcs_message_channel", "NEW.message_id", _CAMPAIGN_OF_CHANNEL),
        )
        for operation, event in (("insert", "INSERT"), ("update", "UPDATE OF revision"))
    ]
