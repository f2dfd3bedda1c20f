"""The mutants that mutmut generated, the tests that call them, and the results so far; read in mutmut's folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

FOLDER = Path("mutants")
STATISTICS = Path("mutmut-stats.json")
"""In that folder: which tests call which function."""
_RESULTS = Path("results.jsonl")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one mutant.

    :param mutant: mutmut's name of it.
    :param code: the hash of the function that was changed; a result of other code is not used.
    :param noticed_by: the test that failed, or an empty text.
    :param tests_left: how many of the tests that call the function were not run before the limit.
    """

    mutant: str
    code: str
    noticed_by: str
    tests_left: int

    @property
    def is_final(self) -> bool:
        return bool(self.noticed_by) or not self.tests_left

    def save(self) -> None:
        with _RESULTS.open("a") as file:
            file.write(json.dumps(asdict(self)) + "\n")


def mutants() -> list[str]:
    """Return the names of all mutants, in the order of their modules."""
    metas = sorted(Path().glob("airflow_provider_rcs/**/*.py.meta"))
    return [name for meta in metas for name in json.loads(meta.read_text())["exit_code_by_key"]]


def module_of(mutant: str) -> str:
    return mutant.rpartition(".")[0]


def code_of(mutant: str) -> str:
    """Return the hash of the function that a mutant changes."""
    return _hashes(module_of(mutant)).get(_function(mutant).rpartition(".")[2], "")


def results() -> dict[str, Result]:
    """Return the last result of each mutant that was run."""
    lines = _RESULTS.read_text().splitlines() if _RESULTS.exists() else []
    found = (Result(**json.loads(line)) for line in lines)
    return {result.mutant: result for result in found if code_of(result.mutant) == result.code}


def tests_of(mutants: Sequence[str]) -> dict[str, list[str]]:
    """Return the tests that call the function of each mutant: those of its own file first, then one of each file."""
    stats: dict[str, Any] = json.loads(STATISTICS.read_text())
    seconds: dict[str, float] = stats["duration_by_test"]
    found: dict[str, list[str]] = stats["tests_by_mangled_function_name"]

    def tests(mutant: str) -> list[str]:
        *folder, file = module_of(mutant).split(".")[1:]
        own_folder = PurePath("tests/unit", *folder)
        places: Counter[PurePath] = Counter()

        def order(test: str) -> tuple[bool, int, bool]:
            path = PurePath(test.partition("::")[0])
            places[path] += 1
            return path != own_folder / f"test_{file}.py", places[path], path.parent != own_folder

        return sorted(sorted(found.get(_function(mutant), []), key=lambda test: seconds.get(test, 0)), key=order)

    return {mutant: tests(mutant) for mutant in mutants}


def _function(mutant: str) -> str:
    return mutant.partition("__mutmut_")[0]


@cache
def _hashes(module: str) -> dict[str, str]:
    meta = Path(f"{module.replace('.', '/')}.py.meta")
    hashes: dict[str, str] = json.loads(meta.read_text())["hash_by_function_name"] if meta.exists() else {}
    return hashes
