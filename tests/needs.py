"""Programs that some tests need and no wheel brings: without one they are skipped, or in CI fail."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Return the path of a program; skip the test if it is missing, or fail it where ``RCS_REQUIRE_PROGRAMS`` is set.

    :param package: the Debian package that brings it.
    """
    if path := shutil.which(name):
        return path
    missing = f"{name} is missing; get it with: apt-get install {package}"
    if os.environ.get("RCS_REQUIRE_PROGRAMS"):
        pytest.fail(missing)
    pytest.skip(missing)
