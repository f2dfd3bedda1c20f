"""The triggers that keep the counts of messages, as the first migration creates them."""

from __future__ import annotations

from string import Template

# A statement that changes messages changes their counts in the same transaction. That holds the lock of their campaign,
# so no two transactions wait for each other at a row of counts. The hour of what was sent is that of the request; the
# hour of a status is that which the report gives, or that of the message's last change if its date cannot be read.

_KIND = "campaign_id, state, reason, delivery_status, delivery_channel"
_IS_SENT = "($row.state = 'accepted' OR $row.state = 'in_doubt' AND $row.echoed_at IS NOT NULL)"

# On PostgreSQL once for each statement that changes messages, from all rows that it has changed.
# Both sides are counted before they are compared: one pass over the rows each, with little to do for a row.
_STATUS_HOUR = """
            CASE WHEN delivery_status <> '' THEN
                date_bin('1 hour', coalesce(delivery_at, updated_at), '2000-01-01 00:00+00')
            END AS hour"""
_NEW = f"""
            SELECT {_KIND},{_STATUS_HOUR}, count(*) AS messages, sum(repeats) AS repeats
            FROM new_rows GROUP BY {_KIND}, hour"""
_OLD = f"""
            SELECT {_KIND},{_STATUS_HOUR}, -count(*) AS messages, -sum(repeats) AS repeats
            FROM old_rows GROUP BY {_KIND}, hour"""
_CHANGED_ROWS = {"insert": _NEW, "update": f"{_NEW} UNION ALL {_OLD}", "delete": _OLD}
_TRANSITION_TABLES = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
_FUNCTION = Template("""
CREATE OR REPLACE FUNCTION rcs_count_$operation() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$$$
BEGIN
    WITH changed AS (
        SELECT $kind, hour, sum(messages) AS messages, sum(repeats) AS repeats
        FROM ($rows
        ) AS each
        GROUP BY $kind, hour
        HAVING sum(messages) <> 0 OR sum(repeats) <> 0
    ), counts AS (
        SELECT $kind, sum(messages) AS messages, sum(repeats) AS repeats FROM changed
        GROUP BY $kind
        HAVING sum(messages) <> 0 OR sum(repeats) <> 0
    ), updated AS (
        UPDATE rcs_campaign_count AS kept
        SET messages = kept.messages + counts.messages, repeats = kept.repeats + counts.repeats
        FROM counts
        WHERE kept.campaign_id = counts.campaign_id AND kept.state = counts.state
            AND kept.delivery_status = counts.delivery_status AND kept.reason = counts.reason
            AND kept.delivery_channel = counts.delivery_channel
        RETURNING counts.*
    ), inserted AS (
        INSERT INTO rcs_campaign_count ($kind, messages, repeats)
        SELECT * FROM counts EXCEPT SELECT * FROM updated
    )
    INSERT INTO rcs_campaign_hour AS kept (campaign_id, hour, outcome, messages)
    SELECT campaign_id, hour, delivery_status, sum(messages) FROM changed
    WHERE delivery_status <> ''
    GROUP BY campaign_id, hour, delivery_status
    HAVING sum(messages) <> 0
    ON CONFLICT (campaign_id, hour, outcome) DO UPDATE SET messages = kept.messages + excluded.messages;
    RETURN NULL;
END
$$$$""")
_TRIGGER = Template("""
CREATE TRIGGER rcs_count_$operation AFTER $operation ON rcs_message REFERENCING $tables
FOR EACH STATEMENT EXECUTE FUNCTION rcs_count_$operation()""")
_REQUEST_FUNCTION = Template("""
CREATE OR REPLACE FUNCTION rcs_count_request() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$$$
BEGIN
    IF TG_OP <> 'INSERT' AND $was_sent THEN
        UPDATE rcs_campaign_hour SET messages = messages - OLD.recipients
        WHERE campaign_id = OLD.campaign_id AND outcome = 'accepted'
            AND hour = date_bin('1 hour', OLD.claimed_at, '2000-01-01 00:00+00');
    END IF;
    IF TG_OP <> 'DELETE' AND $is_sent THEN
        INSERT INTO rcs_campaign_hour AS kept (campaign_id, hour, outcome, messages)
        SELECT NEW.campaign_id, date_bin('1 hour', NEW.claimed_at, '2000-01-01 00:00+00'), 'accepted', NEW.recipients
        ON CONFLICT (campaign_id, hour, outcome) DO UPDATE SET messages = kept.messages + excluded.messages;
    END IF;
    RETURN NULL;
END
$$$$""")
_REQUEST_TRIGGER = """
CREATE TRIGGER rcs_count_request AFTER INSERT OR UPDATE OR DELETE ON rcs_request
FOR EACH ROW EXECUTE FUNCTION rcs_count_request()"""

# On SQLite once for each row, where what is counted differs.
_ADD = Template("""
    UPDATE rcs_campaign_count SET messages = messages + $n, repeats = repeats + $n * $row.repeats
    WHERE campaign_id = $row.campaign_id AND state = $row.state AND delivery_status = $row.delivery_status
        AND reason = $row.reason AND delivery_channel = $row.delivery_channel;""")
_INSERT = Template("""
    INSERT INTO rcs_campaign_count ($kind, messages, repeats)
    SELECT NEW.campaign_id, NEW.state, NEW.reason, NEW.delivery_status, NEW.delivery_channel, 1, NEW.repeats
    WHERE changes() = 0;""")
_ADD_HOUR = Template("""
    UPDATE rcs_campaign_hour SET messages = messages + $n
    WHERE campaign_id = $row.campaign_id AND hour = $hour AND outcome = $outcome AND $condition;""")
_INSERT_HOUR = Template("""
    INSERT INTO rcs_campaign_hour (campaign_id, hour, outcome, messages)
    SELECT NEW.campaign_id, $hour, $outcome, $n WHERE changes() = 0 AND $condition;""")
_HOUR = "substr($moment, 1, 13) || ':00:00.000000'"
_STATUS_AT = "coalesce($row.delivery_at, $row.updated_at)"
_ROW_TRIGGER = "CREATE TRIGGER rcs_count_{} AFTER {} ON {} {}\nBEGIN{}\nEND"


def create_triggers(dialect: str) -> list[str]:
    """Return the statements that create the triggers, and the functions that they call."""
    return _on_postgresql() if dialect == "postgresql" else _on_sqlite()


def _on_postgresql() -> list[str]:
    is_sent, was_sent = (_IS_SENT.replace("$row", row) for row in ("NEW", "OLD"))
    statements = [_REQUEST_FUNCTION.substitute(is_sent=is_sent, was_sent=was_sent), _REQUEST_TRIGGER]
    for operation, rows in _CHANGED_ROWS.items():
        statements += [
            _FUNCTION.substitute(operation=operation, kind=_KIND, rows=rows),
            _TRIGGER.substitute(operation=operation, tables=_TRANSITION_TABLES[operation]),
        ]
    return statements


def _on_sqlite() -> list[str]:
    status_differs = (
        "WHEN OLD.delivery_status || NEW.delivery_status <> '' AND (OLD.delivery_status <> NEW.delivery_status "
        f"OR {_of('OLD', _STATUS_AT)} <> {_of('NEW', _STATUS_AT)} OR OLD.campaign_id <> NEW.campaign_id)"
    )
    add, remove = _counted("NEW") + _status_hour("NEW"), _counted("OLD") + _status_hour("OLD")
    return [
        _ROW_TRIGGER.format("insert", "INSERT", "rcs_message", "", add),
        _ROW_TRIGGER.format("delete", "DELETE", "rcs_message", "", remove),
        _ROW_TRIGGER.format(
            "update",
            f"UPDATE OF {_KIND}, repeats",
            "rcs_message",
            f"WHEN {_differs((*_KIND.split(', '), 'repeats'))}",
            _counted("OLD") + _counted("NEW"),
        ),
        _ROW_TRIGGER.format(
            "status",
            "UPDATE OF campaign_id, delivery_status, delivery_at, updated_at",
            "rcs_message",
            status_differs,
            _status_hour("OLD") + _status_hour("NEW"),
        ),
        _ROW_TRIGGER.format("request_insert", "INSERT", "rcs_request", "", _request_hour("NEW")),
        _ROW_TRIGGER.format("request_delete", "DELETE", "rcs_request", "", _request_hour("OLD")),
        _ROW_TRIGGER.format("request", "UPDATE", "rcs_request", "", _request_hour("OLD") + _request_hour("NEW")),
    ]


def _counted(row: str) -> str:
    added = _ADD.substitute(row=row, n=1 if row == "NEW" else -1)
    return added + _INSERT.substitute(kind=_KIND) if row == "NEW" else added


def _status_hour(row: str) -> str:
    return _hour(row, "1", f"{row}.delivery_status", _of(row, _STATUS_AT), f"{row}.delivery_status <> ''")


def _request_hour(row: str) -> str:
    return _hour(row, f"{row}.recipients", "'accepted'", f"{row}.claimed_at", _of(row, _IS_SENT))


def _hour(row: str, n: str, outcome: str, moment: str, condition: str) -> str:
    values = {"outcome": outcome, "hour": _HOUR.replace("$moment", moment), "condition": condition}
    if row == "OLD":
        return _ADD_HOUR.substitute(values, row=row, n=f"-{n}")
    return _ADD_HOUR.substitute(values, row=row, n=n) + _INSERT_HOUR.substitute(values, n=n)


def _differs(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns)


def _of(row: str, expression: str) -> str:
    return expression.replace("$row", row)
