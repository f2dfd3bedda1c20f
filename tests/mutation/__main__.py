"""Runs the mutants of mutmut that match patterns and lists the survivors: ``python -m tests.mutation [PATTERN...]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from functools import partial
from itertools import groupby
from pathlib import Path

from tests.mutation.record import FOLDER, STATISTICS, Result, module_of, mutants, results

# mutmut makes all mutants and records the tests of all functions before it runs the mutants of a pattern.
_ONE_MUTANT = "airflow_provider_rcs.recipients.chunks.x*__init____mutmut_1"
# Seconds of tests for each mutant, and for each that has survived them.
_LIMITS = (1.5, 60)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["*"], help="of mutants: airflow_provider_rcs.recipients.*")
    parser.add_argument("--survivors", action="store_true", help="run again those that have survived before")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many to run at a time")
    arguments = parser.parse_args()

    mutmut = Path(sys.executable).with_name("mutmut")
    # It may fail after it has recorded the tests: on a busy machine, with the tests of the one mutant.
    subprocess.run([mutmut, "run", "--max-children", str(arguments.processes), _ONE_MUTANT], check=False)
    os.chdir(FOLDER)
    if not STATISTICS.exists():
        return 1
    chosen = [name for name in mutants() if any(fnmatch(name, pattern) for pattern in arguments.patterns)]
    found = results()
    first = [name for name in chosen if name not in found or (arguments.survivors and not found[name].noticed_by)]
    _run(first, _LIMITS[0], arguments.processes)
    found = results()
    _run([name for name in chosen if name in found and not found[name].is_final], _LIMITS[1], arguments.processes)
    _print_summary(chosen, results())
    return 0


def _run(names: list[str], limit: float, processes: int) -> None:
    """Run mutants, in a process for each folder of the package."""
    parts = [list(part) for _, part in groupby(names, lambda name: module_of(name).rpartition(".")[0])]
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(partial(_run_part, limit), parts))


def _run_part(limit: float, names: list[str]) -> None:
    command = [sys.executable, "-m", "tests.mutation.one_part", str(limit)]
    environment = os.environ | {"MUTANT_UNDER_TEST": ""}
    subprocess.run(command, input="\n".join(names), text=True, stdout=subprocess.DEVNULL, env=environment, check=True)


def _print_summary(chosen: list[str], found: dict[str, Result]) -> None:
    print(f"\n{'module':60}{'mutants':>8}{'run':>8}{'survived':>9}")
    for module, names in groupby(chosen, module_of):
        of_module = list(names)
        run = [found[name] for name in of_module if name in found]
        print(f"{module:60}{len(of_module):8}{len(run):8}{sum(not each.noticed_by for each in run):9}")
    for name in chosen:
        if name in found and not found[name].noticed_by:
            print(name, f"({found[name].tests_left} tests left)" if found[name].tests_left else "")


if __name__ == "__main__":
    sys.exit(main())
