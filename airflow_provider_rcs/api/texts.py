"""Arguments that are texts."""

from __future__ import annotations

from airflow_provider_rcs.api.errors import RcsInputError


def text_of(argument: str, value: object) -> str:
    """Return an argument that is a text, also if it was given as a whole number, such as an id from an XCom.

    :raises RcsInputError: if it is anything else; names the argument.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RcsInputError(argument, f"a {type(value).__name__} is not a text", "Give a text.")
