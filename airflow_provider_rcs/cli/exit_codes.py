"""The exit codes of commands, by the cause of what went wrong."""

from __future__ import annotations

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsError,
    RcsInputError,
    RcsInvalidRecipientsError,
    RcsLandingError,
    RcsQueryError,
    RcsRateLimited,
    RcsRefusedError,
    RcsReportError,
    RcsStoreError,
    RcsStoreUnavailable,
    RcsUnavailable,
    RcsWarehouseError,
)

INPUT = 2
INTERRUPTED = 130
# As a shell has it for a program that SIGPIPE ended.
READER_GONE = 141

# Code -> its cause, for people.
CAUSES = {
    0: "done",
    1: "a check found something: doctor a warning, check a count that differs; or the command broke off",
    INPUT: "to correct: an option, a file, a connection, a store without tables; or a check of doctor failed",
    3: "the store cannot be reached; try again later",
    4: "a database or storage that the command reads is away, or its connection not defined; try again later",
    5: "the service refused the credentials; do not try again before they are corrected",
    6: "the service refused the call",
    7: "the service cannot be reached, or asks to wait; try again later",
    8: "a campaign or message is not in a state that allows it, such as one that is being sent",
    INTERRUPTED: "stopped by Ctrl-C",
    READER_GONE: "what read the output ended first, such as head",
}

# An error has the code of its nearest class here.
_CODES: dict[type[BaseException], int] = {
    ValueError: INPUT,
    RcsInputError: INPUT,
    RcsInvalidRecipientsError: INPUT,
    RcsReportError: INPUT,
    RcsStoreError: INPUT,
    RcsStoreUnavailable: 3,
    RcsQueryError: 4,
    RcsLandingError: 4,
    RcsWarehouseError: 4,
    RcsAuthError: 5,
    RcsRefusedError: 6,
    RcsUnavailable: 7,
    RcsRateLimited: 7,
    RcsError: 8,
}


def exit_code_of(error: RcsError | ValueError) -> int:
    """Return the exit code of a command that an error has ended."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def describe_exit_codes() -> str:
    """Return a line for each exit code with its cause, below a heading."""
    return "\n".join(["exit codes:", *(f"  {code:<3}  {cause}" for code, cause in CAUSES.items())])
