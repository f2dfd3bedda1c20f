"""Measure the peak memory of a send and of a load at two sizes (``make bench-memory``)."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.campaign_steps import PLACES, Took, run_step

RESULTS = Path(__file__).parent / "MEMORY.md"
SIZES = (100_000, 1_000_000)
MOST_GROWTH = 1.2


def main() -> None:
    """Measure, print each row when it is measured, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES, help="the two numbers of rows, the smaller first")
    parser.add_argument("--databases", nargs="+", choices=PLACES, default=list(PLACES))
    given = parser.parse_args()
    fewer, more = given.sizes
    header = f"| what | peak at {fewer:,} | peak at {more:,} | ratio | time for {more:,} |"
    lines = [header, "| --- | --- | --- | --- | --- |"]
    print(*lines, sep="\n", flush=True)
    ratios = []
    for database in given.databases:
        at_fewer, at_more = (_measured(database, size) for size in (fewer, more))
        for step, low in at_fewer.items():
            high = at_more[step]
            ratios.append(high.mebibytes / low.mebibytes)
            lines.append(
                f"| {step} on {database} | {low.mebibytes:.1f} MiB | {high.mebibytes:.1f} MiB "
                f"| {ratios[-1]:.2f} | {high.seconds:,.0f} s |"
            )
            print(lines[-1], flush=True)
    RESULTS.write_text(_page(lines), encoding="utf-8")
    if max(ratios) >= MOST_GROWTH:
        sys.exit(f"Peak memory grows with the size: more than {MOST_GROWTH} times.")


def _page(lines: Sequence[str]) -> str:
    return "\n".join(
        [
            "# Memory",
            "",
            "Written by `make bench-memory`: the peak resident memory of two processes. One sends a campaign to the",
            "given number of rows of a table. The other folds and loads the same number of messages, and as many",
            "reports, into a second database. SQLite runs inside these processes, PostgreSQL outside them.",
            f"{platform.system()}, Python {platform.python_version()}.",
            "",
            *lines,
            "",
        ]
    )


def _measured(database: str, size: int) -> Mapping[str, Took]:
    """Send to a table of this size and load the campaign, and return the peaks of both steps."""
    with PLACES[database]() as place:
        run_step("list", place, size)
        send = run_step("send", place, size)
        run_step("report", place, size)
        return {"send": send, "load": run_step("load", place, size)}


if __name__ == "__main__":
    main()
