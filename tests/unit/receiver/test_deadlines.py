from __future__ import annotations

import asyncio

from airflow_provider_rcs.receiver.deadlines import Deadlines


def test_only_items_that_do_not_end_in_time_are_reported_and_only_once() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def go() -> tuple[bool, bool]:
        deadlines.begin("slow", 0.01)
        deadlines.begin("quick", 0.02)
        ended = deadlines.end("quick")
        deadlines.begin("slowest", 0.03)
        await wait_for_items(late, 2)
        return ended, deadlines.end("slow")

    assert asyncio.run(go()) == (True, False)
    assert late == ["slow", "slowest"]


def test_an_item_with_less_time_does_not_wait_for_earlier_items() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def go() -> None:
        deadlines.begin("long", 60)
        deadlines.begin("late first", 0.02)
        deadlines.begin("late before that", 0.01)
        await wait_for_items(late, 2)

    asyncio.run(go())

    assert late == ["late before that", "late first"]


def test_it_works_in_another_event_loop_after_one_has_ended() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def begin(name: str) -> None:
        deadlines.begin(name, 0.01)

    async def go() -> None:
        await begin("second")
        await wait_for_items(late, 2)

    asyncio.run(begin("first"))
    asyncio.run(go())

    assert sorted(late) == ["first", "second"]


async def wait_for_items(items: list[str], number: int) -> None:
    async with asyncio.timeout(10):
        while len(items) < number:
            await asyncio.sleep(0.005)
