"""Oddities of the service that other clients have met, each of which can be switched on."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEFORE = (
    b"<br />\n<b>Warning</b>:  Undefined variable $prefijo in <b>/var/www/api/v7/envio.php</b> on line <b>214</b>"
    b"<br />\n"
)
_AFTER = b"\nNotice: Undefined index: coste in /var/www/api/v7/fin.php on line 31\n"


class Quirk(StrEnum):
    """The oddities; each value is the name on the command line."""

    BOM = "bom"
    WARNING = "warning"
    LATIN_1 = "latin-1"
    DECIMAL_RESULT = "decimal-result"
    PADDED_RESULT = "padded-result"
    EMPTY_AS_FALSE = "empty-as-false"
    REFUSAL_NAMES_SENT = "refusal-names-sent"
    SPANISH_CREDIT = "spanish-credit"
    CREDIT_WITHOUT_RESULT = "credit-without-result"


MEANINGS = {
    Quirk.BOM: "a byte order mark before each reply",
    Quirk.WARNING: "a PHP warning before each reply and a notice after it",
    Quirk.LATIN_1: "replies and pushes in Latin-1 that claim to be UTF-8",
    Quirk.DECIMAL_RESULT: "Res as 3.0",
    Quirk.PADDED_RESULT: "Res as a string with spaces around the number",
    Quirk.EMPTY_AS_FALSE: "false in place of empty lists",
    Quirk.REFUSAL_NAMES_SENT: "each send is refused with Res -2, but its first half is sent to and named as sent",
    Quirk.SPANISH_CREDIT: "the credit as Saldo, written as in Spain (14.970,00)",
    Quirk.CREDIT_WITHOUT_RESULT: "the credit without Res; wrong credentials are a Cred of -1",
}


class Quirks:
    """The quirks that are on, which can change at any time."""

    def __init__(self, active: Iterable[Quirk] = ()) -> None:
        self.active = frozenset(active)

    def __contains__(self, quirk: Quirk) -> bool:
        return quirk in self.active

    def switch_to(self, names: object) -> None:
        """Switch on the named quirks, and all others off.

        :raises ValueError: if ``names`` is no list of names of quirks; then nothing changes.
        """
        if not isinstance(names, list):
            raise ValueError("expected a list of quirks")  # noqa: TRY004 -- data that came over the wire
        self.active = frozenset(Quirk(name) for name in names)

    def reword(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a reply as the service with these quirks fills them in."""
        if Quirk.EMPTY_AS_FALSE in self:
            reply = {name: False if value == [] else value for name, value in reply.items()}
        if Quirk.DECIMAL_RESULT in self:
            reply = {name: float(value) if name == "Res" else value for name, value in reply.items()}
        if Quirk.PADDED_RESULT in self:
            reply = {name: f" {value} " if name == "Res" else value for name, value in reply.items()}
        return reply

    def distort(self, reply: bytes) -> bytes:
        """Return a reply in UTF-8 as the service with these quirks writes it."""
        if Quirk.WARNING in self:
            reply = _BEFORE + reply + _AFTER
        if Quirk.LATIN_1 in self:
            reply = to_latin_1(reply)
        return _BYTE_ORDER_MARK + reply if Quirk.BOM in self else reply


def to_latin_1(text: bytes) -> bytes:
    """Return a text in UTF-8 as Latin-1, with a question mark for what Latin-1 lacks, as PHP does."""
    return text.decode().encode("latin-1", errors="replace")
