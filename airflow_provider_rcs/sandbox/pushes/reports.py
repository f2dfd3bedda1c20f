"""Which reports a message gets, in which order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.options import SandboxStatus

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.options import ReportShares

_LONGEST_GAP = 3


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """One report to push.

    :param second: seconds from the acceptance of the message to the date in the report; it rises with each status,
        so that dates show the true order of reports that are pushed out of order.
    :param pause: fraction of the jitter to wait before the push, from 0 to 1.
    :param fallback: whether the report comes from the service that the message fell back to.
    """

    status: SandboxStatus
    second: int
    pause: float
    fallback: bool = False


def plan_reports(message_id: int, seed: int, shares: ReportShares) -> tuple[PlannedReport, ...]:
    """Return the reports of a message, in the order in which they are pushed.

    The result depends on the arguments alone: a message always gets the same reports.
    """
    chance = random.Random(f"{seed}:{message_id}")  # noqa: S311 -- must be repeatable, need not be secret
    reports = []
    second = 0
    for status, fallback in _statuses(chance, shares):
        reports.append(PlannedReport(status, second, chance.random(), fallback))
        second += chance.randint(1, _LONGEST_GAP)
    for position in range(1, len(reports)):
        if chance.random() < shares.out_of_order:
            reports[position - 1], reports[position] = reports[position], reports[position - 1]
    for report in tuple(reports):
        if chance.random() < shares.repeated:
            reports.insert(chance.randint(reports.index(report) + 1, len(reports)), report)
    return tuple(reports)


def _statuses(chance: random.Random, shares: ReportShares) -> list[tuple[SandboxStatus, bool]]:
    """Return the statuses in their order, each with whether the fallback service reports it."""
    draw = chance.random()
    if draw < shares.failed:
        return _from_one_service(SandboxStatus.SENT, SandboxStatus.FAILED)
    if draw < shares.failed + shares.only_sent:
        return _from_one_service(SandboxStatus.SENT)
    if draw < shares.failed + shares.only_sent + shares.fallback:
        end = SandboxStatus.FAILED if chance.random() < shares.failed else SandboxStatus.DELIVERED
        return [
            *_from_one_service(SandboxStatus.SENT, SandboxStatus.FAILED),
            *_from_one_service(SandboxStatus.SENT, end, fallback=True),
        ]
    statuses = [SandboxStatus.SENT]
    if chance.random() < shares.temporarily_failed:
        statuses.append(SandboxStatus.TEMPORARILY_FAILED)
    statuses.append(SandboxStatus.DELIVERED)
    if chance.random() < shares.read:
        statuses.append(SandboxStatus.READ)
    return _from_one_service(*statuses)


def _from_one_service(*statuses: SandboxStatus, fallback: bool = False) -> list[tuple[SandboxStatus, bool]]:
    return [(status, fallback) for status in statuses]
