from __future__ import annotations

import asyncio

from airflow_provider_rcs.receiver.deadlines import Deadlines


def test_who_does_not_end_in_time_is_told_of_once_and_who_does_is_not() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def go() -> tuple[bool, bool]:
        deadlines.begin("slow", 0.01)
        deadlines.begin("quick", 0.02)
        ended = deadlines.end("quick")
        deadlines.begin("slowest", 0.03)
        await until_there_are(late, 2)
        return ended, deadlines.end("slow")

    assert asyncio.run(go()) == (True, False)
    assert late == ["slow", "slowest"]


def test_the_one_that_has_less_time_than_those_before_it_does_not_wait_for_them() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def go() -> None:
        deadlines.begin("patient", 60)
        deadlines.begin("late first", 0.02)
        deadlines.begin("late before that", 0.01)
        await until_there_are(late, 2)

    asyncio.run(go())

    assert late == ["late before that", "late first"]


def test_it_works_on_in_another_loop_once_one_has_ended() -> None:
    late: list[str] = []
    deadlines = Deadlines(late.append)

    async def begin(name: str) -> None:
        deadlines.begin(name, 0.01)

    async def go() -> None:
        await begin("second")
        await until_there_are(late, 2)

    asyncio.run(begin("first"))
    asyncio.run(go())

    assert sorted(late) == ["first", "second"]


async def until_there_are(items: list[str], number: int) -> None:
    async with asyncio.timeout(10):
        while len(items) < number:
            await asyncio.sleep(0.005)
