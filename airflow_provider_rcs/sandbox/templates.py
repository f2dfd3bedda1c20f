"""The templates that the sandbox's account has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pathlib import Path


class VariableType(StrEnum):
    """Where the value of a template's variable comes from; the values are the wire's."""

    RECIPIENT = "DESTINATARIO"
    TEXT = "TEXTO"


@dataclass(frozen=True, slots=True)
class Template:
    """A message with gaps to fill.

    :param template_id: digits, as the service gives them out.
    :param name: what the panel calls it.
    :param variables: name of each gap and where its value comes from.
    :raises ValueError: if the id is not digits or the name is empty.
    """

    template_id: str
    name: str
    variables: Mapping[str, VariableType]

    def __post_init__(self) -> None:
        if not (self.template_id.isascii() and self.template_id.isdigit()):
            raise ValueError(f"template id {self.template_id!r} is not made of digits")
        if not self.name:
            raise ValueError(f"template {self.template_id} has no name")

    @property
    def needed(self) -> frozenset[str]:
        """The gaps that a recipient must bring a value for; its name fills the others, even when it is empty."""
        return frozenset(name for name, kind in self.variables.items() if kind is VariableType.TEXT)


DEFAULT_TEMPLATES = (
    Template(
        "1234567",
        "Customer welcome",
        {"Destinatario": VariableType.RECIPIENT, "Importe": VariableType.TEXT},
    ),
    Template("1234568", "Shipping notice", {"Pedido": VariableType.TEXT, "Fecha": VariableType.TEXT}),
    Template("1234569", "Plain greeting", {}),
)


def load_templates(path: Path) -> tuple[Template, ...]:
    """Read a JSON file: a list of objects with ``id``, ``name`` and ``variables`` (an object of name to type).

    :raises ValueError: if the file is not of that form.
    """
    try:
        entries = orjson.loads(path.read_bytes())
        return tuple(_template(entry) for entry in entries)
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"templates file {path}: {type(error).__name__}: {error}") from error


def _template(entry: dict[str, Any]) -> Template:
    variables = {name: VariableType(kind) for name, kind in entry.get("variables", {}).items()}
    return Template(str(entry["id"]), entry["name"], variables)
