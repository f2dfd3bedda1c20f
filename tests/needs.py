"""Programs that some tests need and no wheel provides."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Return the path of a program; without it, skip the test, or fail it if ``RCS_REQUIRE_PROGRAMS`` is set.

    :param package: Debian package of the program.
    """
    if path := shutil.which(name):
        return path
    missing = f"{name} is missing; install it with: apt-get install {package}"
    if os.environ.get("RCS_REQUIRE_PROGRAMS"):
        pytest.fail(missing)
    pytest.skip(missing)
