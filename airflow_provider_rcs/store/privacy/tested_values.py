"""The values of real rows that tests on the team's phones show, removed once the tests need them no more."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, campaign_from_row, lock_campaign
from airflow_provider_rcs.store.db.clock import sql_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign, message
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.privacy.old_rows import SETTLED, RetentionLimit, has_live_attempt
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT
from airflow_provider_rcs.store.privacy.turns import let_others_write

_HAS_VALUES = sa.or_(message.c.name != "", sa.cast(message.c.variables, sa.Text) != "{}")


def remove_settled_values(engine: sa.Engine, campaign_id: int) -> int:
    """Remove the values from the settled messages of a test, which are never sent again; return how many had some."""
    return _remove(engine, campaign_id, message.c.state.in_(SETTLED))


def require_no_test_in_flight(engine: sa.Engine, so_far: str) -> None:
    """Check that no attempt at a test is alive, after recovering from those that died.

    :param so_far: what was changed before, for the error.
    :raises RcsInFlightError: if one is: it has read the values already, and may send them again after a refusal.
    """
    for test in _tests_with_values(engine):
        recover_dead_attempts(engine, test)
        with reading(engine) as connection:
            is_in_flight = connection.execute(sa.select(has_live_attempt(test.id, sql_now(connection)))).scalar_one()
        if is_in_flight:
            raise RcsInFlightError(
                f"campaign {test.name!r}: this test with values of real rows is being sent right now, or its task died "
                f"less than a lease ago. {so_far} Run this again when the task has ended."
            )


def erase_tested_values(engine: sa.Engine) -> None:
    """Remove the values from all tests, whose rows they may be; tests that were not sent are not sent any more.

    :raises RcsInFlightError: if an attempt at a test is alive.
    """
    for test in _tests_with_values(engine):
        recover_dead_attempts(engine, test)
        _remove(engine, test.id, sa.true(), if_idle=True)
        let_others_write(engine)
    require_no_test_in_flight(engine, "Only a part of the person's data is erased.")


def remove_old_values(engine: sa.Engine, limit: RetentionLimit) -> int:
    """Remove the values from old tests in doubt, and return how many had some; other old messages are pruned anyway."""
    removed = 0
    for test in _tests_with_values(engine):
        if limit.campaign_id in (None, test.id):
            is_old = sa.and_(message.c.state == MessageState.IN_DOUBT, message.c.updated_at < limit.before)
            removed += _remove(engine, test.id, is_old, if_idle=True)
            let_others_write(engine)
    return removed


def _tests_with_values(engine: sa.Engine) -> list[Campaign]:
    """Return the tests that have messages with values, in the order of their ids."""
    of_test = sa.select(message.c.id).where(message.c.campaign_id == campaign.c.id, _HAS_VALUES)
    # In the order of their index, because PostgreSQL would read all messages to find any one.
    of_test = of_test.order_by(message.c.recipient_key).limit(1)
    # Not EXISTS, for which PostgreSQL may read all messages first.
    has_values = of_test.scalar_subquery().is_not(None)
    tests = sa.select(campaign).where(campaign.c.test_of.is_not(None), has_values).order_by(campaign.c.id)
    with reading(engine) as connection:
        return list(map(campaign_from_row, connection.execute(tests)))


def _remove(engine: sa.Engine, campaign_id: int, condition: sa.ColumnElement[bool], *, if_idle: bool = False) -> int:
    """Remove the values from messages of a test; a planned one is suppressed, because it cannot be sent without them.

    :param if_idle: whether to do so only if no attempt at the test is alive.
    """
    is_planned = message.c.state == MessageState.PLANNED
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign_id)
        is_allowed = sa.not_(has_live_attempt(campaign_id, sql_now(connection))) if if_idle else sa.true()
        removed = connection.execute(
            message.update()
            .where(message.c.campaign_id == campaign_id, _HAS_VALUES, condition, is_allowed)
            .values(
                name="",
                variables={},
                state=sa.case((is_planned, MessageState.SUPPRESSED), else_=message.c.state),
                reason=sa.case((is_planned, ERASED_UNSENT), else_=message.c.reason),
                updated_at=sa.case(
                    (is_planned, sa.literal(datetime.now(UTC), message.c.updated_at.type)), else_=message.c.updated_at
                ),
                revision=revision,
            )
        ).rowcount
    return int(removed)
