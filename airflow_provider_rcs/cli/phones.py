"""Phones given to a command, as arguments or without leaving them in the shell's history."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

FROM_INPUT = "-"


def phones_given(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the phones of arguments; a ``-`` stands for the lines of a pipe, or for phones typed on a terminal."""
    for argument in arguments:
        if argument == FROM_INPUT:
            yield from _lines_of_input()
        else:
            yield argument


def read_phone_given(argument: str, text: str, default_region: str | None) -> str:
    """Return the phone that an argument means, in E.164; ``-`` stands for one line of input.

    :param argument: the argument, for errors.
    :param default_region: the region of national phones, such as ``"ES"``.
    :raises RcsInputError: if it cannot be read, or if the region is unknown.
    """
    from airflow_provider_rcs.sending.sources.phone_lists import read_one_phone

    given = next(_lines_of_input(), "") if text == FROM_INPUT else text
    return read_one_phone(argument, given, default_region)


def _lines_of_input() -> Iterator[str]:
    if sys.stdin.isatty():
        print("Phone, one a line; end with an empty line:", file=sys.stderr)
    for line in sys.stdin:
        if line.strip():
            yield line.strip()
        elif sys.stdin.isatty():
            return
