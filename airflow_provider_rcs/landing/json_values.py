"""JSON values that stand one after the other in a file: a line each, without line breaks, or over several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import IO, NamedTuple

_BYTES_PER_READ = 256 * 1024
_BETWEEN = re.compile(r"[\s\x1e]*")
_DECODER = JSONDecoder(strict=False)
# A value that is cut off is found wrong at its end, or where its last string begins.
_UNFINISHED = "Unterminated string"


class Piece(NamedTuple):
    """A piece of a file.

    :param content: a JSON value, or what is not JSON up to the end of its line.
    :param is_cut: whether it is only the beginning of a value that is too large.
    """

    content: bytes
    is_cut: bool = False


def json_values(file: IO[bytes], begun: bytes, max_bytes: int) -> Iterator[Piece]:
    """Yield the pieces of a file, of which no more than one and a little is in memory.

    :param begun: what has been read of the file.
    :param max_bytes: the size of the largest value; after a larger one the rest of the file is not read.
    """
    # Latin-1 gives each byte one character, so that positions and bytes stay the same.
    text, position, is_all = begun.decode("latin-1"), 0, False
    while True:
        position = _end_of_space(text, position)
        end = _end_of_value(text, position)
        while end is None and not is_all and len(text) - position <= max_bytes:
            more = file.read(_BYTES_PER_READ)
            is_all = not more
            text, position = text[position:] + more.decode("latin-1"), 0
            position = _end_of_space(text, position)
            end = _end_of_value(text, position)
        if position == len(text):
            return
        if end is None and not is_all and _is_unfinished(text, position):
            yield Piece(text[position : position + max_bytes].encode("latin-1"), is_cut=True)
            return
        if end is None:
            end = text.find("\n", position) + 1 or len(text)
        yield Piece(text[position:end].strip().encode("latin-1"))
        position = end


def has_values(content: bytes) -> bool:
    """Return whether a file begins with a whole value, or has a line that is one."""
    text = content.decode("latin-1")
    begin = _end_of_space(text, 0)
    return _end_of_value(text, begin) is not None or any(_end_of_value(line, 0) for line in text.splitlines())


def _end_of_space(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _end_of_value(text: str, position: int) -> int | None:
    """Return where the object or list that begins at a position ends, or ``None`` if it is not JSON, or not whole."""
    if not text.startswith(("{", "["), position):
        return None
    try:
        return _DECODER.raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _is_unfinished(text: str, position: int) -> bool:
    """Return whether more text could make a value whole."""
    if not text.startswith(("{", "["), position):
        return "\n" not in text[position:]
    try:
        _DECODER.raw_decode(text, position)
    except JSONDecodeError as error:
        return error.msg.startswith(_UNFINISHED) or error.pos >= len(text.rstrip()) - 8
    except RecursionError:
        return True
    return False
