"""A pytest plugin for mutants: every test begins with empty caches, so that it runs all the code that it depends on.

Otherwise a cached function is run by the first test that calls it only, and no other test is tried on its mutants.
"""

from __future__ import annotations

import sys
from functools import _lru_cache_wrapper
from typing import Any

import pytest

PACKAGE = "airflow_provider_rcs"


def _caches() -> list[_lru_cache_wrapper[Any]]:
    modules = [module for name, module in sys.modules.items() if name.startswith(PACKAGE)]
    values = [value for module in modules for value in vars(module).values()]
    return [value for value in values if isinstance(value, _lru_cache_wrapper)]


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    for cached in _caches():
        cached.cache_clear()
