"""Faults apply to exactly the requests for which they are scheduled."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.sandbox.faults import FaultKind, FaultPlan


def kinds(plan: FaultPlan, count: int) -> list[FaultKind | None]:
    faults = [plan.begin()[1] for _ in range(count)]
    return [fault.kind if fault else None for fault in faults]


def test_fault_applies_to_the_request_that_it_names() -> None:
    plan = FaultPlan()

    plan.schedule([{"request": 2, "kind": "reset_after"}])

    assert kinds(plan, 3) == [None, FaultKind.RESET_AFTER, None]


def test_faults_of_the_next_requests_apply_in_the_given_order() -> None:
    plan = FaultPlan()

    plan.schedule([{"request": 2, "kind": "refuse"}, {"next": 2, "kind": "html"}, {"next": 1, "kind": "empty"}])

    assert kinds(plan, 5) == [FaultKind.HTML, FaultKind.REFUSE, FaultKind.HTML, FaultKind.EMPTY, None]


def test_request_numbers_continue_from_the_record() -> None:
    plan = FaultPlan(seen=41)

    assert plan.begin()[0] == 42


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "refuse"},
        {"kind": "refuse", "request": 1, "next": 1},
        {"kind": "refuse", "request": 0},
        {"kind": "refuse", "next": "one"},
        {"kind": "explode", "next": 1},
        {"kind": "status", "next": 1},
        {"kind": "status", "next": 1, "status": 99},
        {"kind": "res", "next": 1},
        {"kind": "res", "next": 1, "res": 5},
        {"kind": "refusal_names_sent", "next": 1},
        {"kind": "timeout_after", "next": 1},
        {"kind": "late_reply", "next": 1, "seconds": -1},
        {"kind": "late_reply", "next": 1, "seconds": "long"},
        {"kind": "refuse", "next": 1, "colour": "red"},
        "refuse",
    ],
)
def test_invalid_fault_is_refused_with_all_others_of_the_call(entry: Any) -> None:
    plan = FaultPlan()

    with pytest.raises(ValueError):
        plan.schedule([{"request": 1, "kind": "refuse"}, entry])

    assert plan.pending == 0


def test_fault_of_a_past_request_is_refused() -> None:
    plan = FaultPlan(seen=3)

    with pytest.raises(ValueError, match="request 3 has passed"):
        plan.schedule([{"request": 3, "kind": "refuse"}])
