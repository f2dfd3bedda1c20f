"""What becomes of a message, decided by chance that can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.options import Status

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.options import Shares

_LONGEST_GAP = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One report to push.

    :param second: seconds from the acceptance of the message to the date in the report; it rises with each status,
        so that dates tell the true order where reports come out of it.
    :param pause: how much of the jitter to wait before the push, from 0 to 1.
    :param fallback: whether it is told by the service that the message fell back to.
    """

    status: Status
    second: int
    pause: float
    fallback: bool = False


def course_of(message_id: int, seed: int, shares: Shares) -> tuple[Step, ...]:
    """Decide the reports of a message, in the order in which they are to be pushed.

    Nothing but the arguments decides: the same message takes the same course whenever and however often it is asked.
    """
    chance = random.Random(f"{seed}:{message_id}")  # noqa: S311 -- must be repeatable, need not be secret
    steps = []
    second = 0
    for status, fallback in _statuses(chance, shares):
        steps.append(Step(status, second, chance.random(), fallback))
        second += chance.randint(1, _LONGEST_GAP)
    for position in range(1, len(steps)):
        if chance.random() < shares.out_of_order:
            steps[position - 1], steps[position] = steps[position], steps[position - 1]
    for step in tuple(steps):
        if chance.random() < shares.repeated:
            steps.insert(chance.randint(steps.index(step) + 1, len(steps)), step)
    return tuple(steps)


def _statuses(chance: random.Random, shares: Shares) -> list[tuple[Status, bool]]:
    """Return the statuses in their order, each with whether it is one of the fallback."""
    fate = chance.random()
    if fate < shares.failed:
        return _by_one(Status.SENT, Status.FAILED)
    if fate < shares.failed + shares.only_sent:
        return _by_one(Status.SENT)
    if fate < shares.failed + shares.only_sent + shares.fallback:
        end = Status.FAILED if chance.random() < shares.failed else Status.DELIVERED
        return _by_one(Status.SENT, Status.FAILED) + _by_one(Status.SENT, end, fallback=True)
    statuses = [Status.SENT]
    if chance.random() < shares.temporarily_failed:
        statuses.append(Status.TEMPORARILY_FAILED)
    statuses.append(Status.DELIVERED)
    if chance.random() < shares.read:
        statuses.append(Status.READ)
    return _by_one(*statuses)


def _by_one(*statuses: Status, fallback: bool = False) -> list[tuple[Status, bool]]:
    return [(status, fallback) for status in statuses]
