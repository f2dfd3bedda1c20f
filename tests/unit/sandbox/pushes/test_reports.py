"""The reports of a message are random but repeatable."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from airflow_provider_rcs.sandbox.options import ReportShares, SandboxStatus
from airflow_provider_rcs.sandbox.pushes.reports import PlannedReport, plan_reports

Plan = tuple[PlannedReport, ...]

IDS = range(108366478, 108366478 + 10_000)
FINAL = {SandboxStatus.DELIVERED, SandboxStatus.READ, SandboxStatus.FAILED}
IN_ORDER_ONCE = ReportShares(repeated=0, out_of_order=0)


@cache
def plans_of_many(shares: ReportShares) -> list[Plan]:
    return [plan_reports(each, 1, shares) for each in IDS]


def statuses(plan: Plan) -> list[SandboxStatus]:
    return [report.status for report in plan]


def in_order_of_date(plan: Plan) -> list[SandboxStatus]:
    return [report.status for report in sorted(set(plan), key=lambda report: report.second)]


def share_of(plans: list[Plan], status: SandboxStatus) -> float:
    return sum(status in statuses(plan) for plan in plans) / len(plans)


def test_same_seed_gives_the_same_reports() -> None:
    first = [plan_reports(each, 7, ReportShares()) for each in IDS[:500]]
    second = [plan_reports(each, 7, ReportShares()) for each in reversed(IDS[:500])]

    assert first == second[::-1]


def test_another_seed_gives_other_reports() -> None:
    first = [plan_reports(each, 7, ReportShares()) for each in IDS[:500]]
    second = [plan_reports(each, 8, ReportShares()) for each in IDS[:500]]

    assert first != second


@pytest.mark.slow
def test_every_message_ends_final_by_default() -> None:
    ends = {in_order_of_date(plan)[-1] for plan in plans_of_many(ReportShares())}

    assert ends == FINAL


@pytest.mark.slow
def test_shares_hold_over_many_messages() -> None:
    plans = plans_of_many(IN_ORDER_ONCE)

    assert share_of(plans, SandboxStatus.SENT) == 1
    assert share_of(plans, SandboxStatus.FAILED) == pytest.approx(0.08, abs=0.01)
    assert share_of(plans, SandboxStatus.DELIVERED) == pytest.approx(0.92, abs=0.01)
    assert share_of(plans, SandboxStatus.READ) == pytest.approx(0.92 * 0.6, abs=0.02)
    assert share_of(plans, SandboxStatus.TEMPORARILY_FAILED) == pytest.approx(0.92 * 0.05, abs=0.01)


@pytest.mark.slow
def test_messages_stop_at_sent_only_if_configured() -> None:
    plans = [plan_reports(each, 1, ReportShares(only_sent=0.5, failed=0.5)) for each in IDS]

    assert sum(set(statuses(plan)) == {SandboxStatus.SENT} for plan in plans) == pytest.approx(5_000, abs=200)


def test_some_reports_are_repeated() -> None:
    plans = plans_of_many(ReportShares())

    reports = sum(len(plan) for plan in plans)
    repeats = sum(times - 1 for plan in plans for times in Counter(plan).values())

    assert repeats / reports == pytest.approx(0.05, abs=0.01)


def test_repeated_report_follows_the_equal_first_one() -> None:
    plans = [plan_reports(each, 1, ReportShares(repeated=1, out_of_order=0)) for each in IDS[:1_000]]

    assert all(set(Counter(plan).values()) == {2} for plan in plans)
    assert all(plan[0].status is SandboxStatus.SENT for plan in plans)


def test_some_reports_are_out_of_order_but_their_dates_show_it() -> None:
    plans = [plan_reports(each, 1, ReportShares(repeated=0)) for each in IDS[:2_000]]

    out_of_order = [plan for plan in plans if statuses(plan) != in_order_of_date(plan)]

    assert 0.04 < len(out_of_order) / len(plans) < 0.12
    assert all(in_order_of_date(plan)[0] is SandboxStatus.SENT for plan in out_of_order)


def test_dates_rise_by_at_least_a_second() -> None:
    for plan in plans_of_many(IN_ORDER_ONCE):
        seconds = [report.second for report in plan]
        assert all(later - earlier >= 1 for earlier, later in pairwise(seconds))


def test_failed_share_of_one_makes_all_messages_fail() -> None:
    plans = [plan_reports(each, 1, ReportShares(failed=1, repeated=0, out_of_order=0)) for each in IDS[:100]]

    assert {tuple(statuses(plan)) for plan in plans} == {(SandboxStatus.SENT, SandboxStatus.FAILED)}


@pytest.mark.slow
def test_a_share_of_the_messages_fails_and_falls_back_to_another_service() -> None:
    plans = plans_of_many(ReportShares(failed=0, fallback=0.3, repeated=0, out_of_order=0))

    fallen_back = [plan for plan in plans if any(report.fallback for report in plan)]

    assert len(fallen_back) / len(plans) == pytest.approx(0.3, abs=0.02)
    assert {tuple((report.status, report.fallback) for report in plan) for plan in fallen_back} == {
        (
            (SandboxStatus.SENT, False),
            (SandboxStatus.FAILED, False),
            (SandboxStatus.SENT, True),
            (SandboxStatus.DELIVERED, True),
        )
    }


@pytest.mark.slow
def test_messages_that_fall_back_fail_there_as_often_as_others() -> None:
    plans = plans_of_many(ReportShares(failed=0.5, fallback=0.5, repeated=0, out_of_order=0))

    fallen_back = [plan for plan in plans if plan[-1].fallback]

    failures = sum(plan[-1].status is SandboxStatus.FAILED for plan in fallen_back)
    assert failures / len(fallen_back) == pytest.approx(0.5, abs=0.03)
