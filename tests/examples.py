"""How many examples hypothesis tries: all of them in `make test`, a few in `make test-fast`."""

from __future__ import annotations

from hypothesis import settings

_DEFAULT = 100
_FEWEST = 5


def examples(number: int) -> int:
    """Return how many examples of a number of them the profile of this run tries."""
    profile = settings.default
    assert profile is not None
    return max(number * profile.max_examples // _DEFAULT, _FEWEST)
