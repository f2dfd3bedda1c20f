"""Counts in sentences, which end differently for one."""

from __future__ import annotations


def counted(count: int, one: str, many: str) -> str:
    """Return a count with what is counted: ``counted(1, "message was", "messages were")`` is ``1 message was``."""
    return f"{count:,} {one if count == 1 else many}"
