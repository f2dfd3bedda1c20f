"""Counts and shares as people read them."""

from __future__ import annotations


def counted(count: int, one: str, many: str) -> str:
    """Return a count with what is counted: ``counted(1, "message was", "messages were")`` is ``1 message was``."""
    return f"{count:,} {one if count == 1 else many}"


def share(part: float | None) -> str:
    """Return a share in percent; a dash if there is none, and neither 0% nor 100% for one that is not quite."""
    if part is None:
        return "-"
    if 0 < part < 0.001:
        return "<0.1%"
    if 0.999 < part < 1:
        return ">99.9%"
    return f"{part:.1%}"
