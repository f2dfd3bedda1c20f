"""The size of the chaos tests: small by default, full with ``RCS_CHAOS=full``."""

from __future__ import annotations

import os
from typing import TypeVar

FULL = os.environ.get("RCS_CHAOS") == "full"

T = TypeVar("T")


def sized(small: T, full: T) -> T:
    return full if FULL else small
