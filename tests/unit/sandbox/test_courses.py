"""What becomes of a message is chance, but chance that can be repeated."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from airflow_provider_rcs.sandbox.courses import Step, course_of
from airflow_provider_rcs.sandbox.options import Shares, Status

IDS = range(108366478, 108366478 + 10_000)
FINAL = {Status.DELIVERED, Status.READ, Status.FAILED}
IN_ORDER_ONCE = Shares(repeated=0, out_of_order=0)


@cache
def courses_of_many(shares: Shares) -> list[tuple[Step, ...]]:
    return [course_of(each, 1, shares) for each in IDS]


def statuses(course: tuple[Step, ...]) -> list[Status]:
    return [step.status for step in course]


def in_order_of_date(course: tuple[Step, ...]) -> list[Status]:
    return [step.status for step in sorted(set(course), key=lambda step: step.second)]


def share_of(courses: list[tuple[Step, ...]], status: Status) -> float:
    return sum(status in statuses(course) for course in courses) / len(courses)


def test_same_seed_gives_the_same_course() -> None:
    assert [course_of(each, 7, Shares()) for each in IDS[:500]] == [
        course_of(each, 7, Shares()) for each in reversed(IDS[:500])
    ][::-1]


def test_another_seed_gives_other_courses() -> None:
    assert [course_of(each, 7, Shares()) for each in IDS[:500]] != [course_of(each, 8, Shares()) for each in IDS[:500]]


def test_every_course_ends_final_by_default() -> None:
    ends = {in_order_of_date(course)[-1] for course in courses_of_many(Shares())}

    assert ends == FINAL


def test_shares_hold_over_many_messages() -> None:
    courses = courses_of_many(IN_ORDER_ONCE)

    assert share_of(courses, Status.SENT) == 1
    assert share_of(courses, Status.FAILED) == pytest.approx(0.08, abs=0.01)
    assert share_of(courses, Status.DELIVERED) == pytest.approx(0.92, abs=0.01)
    assert share_of(courses, Status.READ) == pytest.approx(0.92 * 0.6, abs=0.02)
    assert share_of(courses, Status.TEMPORARILY_FAILED) == pytest.approx(0.92 * 0.05, abs=0.01)


def test_messages_stay_at_sent_only_if_asked_to() -> None:
    courses = [course_of(each, 1, Shares(only_sent=0.5, failed=0.5)) for each in IDS]

    assert sum(set(statuses(course)) == {Status.SENT} for course in courses) == pytest.approx(5_000, abs=200)


def test_some_reports_come_twice() -> None:
    courses = courses_of_many(Shares())

    reports = sum(len(course) for course in courses)
    repeats = sum(reports - 1 for course in courses for reports in Counter(course).values())

    assert repeats / reports == pytest.approx(0.05, abs=0.01)


def test_repeat_comes_after_what_it_repeats_and_says_the_same() -> None:
    courses = [course_of(each, 1, Shares(repeated=1, out_of_order=0)) for each in IDS[:1_000]]

    assert all(set(Counter(course).values()) == {2} for course in courses)
    assert all(course[0].status is Status.SENT for course in courses)


def test_some_reports_come_out_of_order_but_their_dates_tell_it() -> None:
    courses = [course_of(each, 1, Shares(repeated=0)) for each in IDS[:2_000]]

    out_of_order = [course for course in courses if statuses(course) != in_order_of_date(course)]

    assert 0.04 < len(out_of_order) / len(courses) < 0.12
    assert all(in_order_of_date(course)[0] is Status.SENT for course in out_of_order)


def test_dates_rise_by_a_second_at_least() -> None:
    for course in courses_of_many(IN_ORDER_ONCE):
        seconds = [step.second for step in course]
        assert all(later - earlier >= 1 for earlier, later in pairwise(seconds))


def test_all_messages_fail_where_the_share_is_whole() -> None:
    courses = [course_of(each, 1, Shares(failed=1, repeated=0, out_of_order=0)) for each in IDS[:100]]

    assert {tuple(statuses(course)) for course in courses} == {(Status.SENT, Status.FAILED)}


def test_a_share_of_the_messages_fails_and_falls_back_to_another_service() -> None:
    courses = courses_of_many(Shares(failed=0, fallback=0.3, repeated=0, out_of_order=0))

    fallen = [course for course in courses if any(step.fallback for step in course)]

    assert len(fallen) / len(courses) == pytest.approx(0.3, abs=0.02)
    assert {tuple((step.status, step.fallback) for step in course) for course in fallen} == {
        ((Status.SENT, False), (Status.FAILED, False), (Status.SENT, True), (Status.DELIVERED, True))
    }


def test_what_falls_back_fails_there_as_often_as_anywhere() -> None:
    courses = courses_of_many(Shares(failed=0.5, fallback=0.5, repeated=0, out_of_order=0))

    fallen = [course for course in courses if course[-1].fallback]

    assert sum(course[-1].status is Status.FAILED for course in fallen) / len(fallen) == pytest.approx(0.5, abs=0.03)
