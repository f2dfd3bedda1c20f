"""Asking a person before something is done that cannot be undone."""

from __future__ import annotations

from airflow_provider_rcs.api.errors import RcsInputError


def require_yes(question: str, said: bool) -> None:
    """Return if a person agrees.

    :param said: whether ``--yes`` was given, so that nobody is asked.
    :raises RcsInputError: if nobody agrees.
    """
    if said:
        return
    try:
        answer = input(f"{question} This cannot be undone. Type yes to go on: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise RcsInputError("yes", "nobody said so; nothing was changed", "Type yes when asked, or give --yes.")
