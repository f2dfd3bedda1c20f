"""Advice of errors that other callers share, in the words of the command line: its options, not arguments in Python."""

from __future__ import annotations

import re
from collections.abc import Collection

# Options that take NAME=..., where an operator takes a dict.
_OF_A_DICT = re.compile(r"""\b(variables|constants)(?:=\{"(.*?)": "(.*?)"\}|\[(['"])(.*?)\4\])""")
# A dict of which each entry is an option of its own.
_OF_READ_OPTIONS = re.compile(r"""\bread_options(?:=\{"(.*?)": "(.*?)"\}|\['(.*?)'\])""")
_ARGUMENT = re.compile(r"""(?<![\w'"-])([a-z]+(?:_[a-z]+)+)(?:=(None|True|False|'[^']*'|"[^"]*"))?(?![\w='"])""")
_OF_PYTHON = re.compile(r"(?<![\w'\"-])[a-z]+(?:_[a-z]+)+=")


def in_options(text: str, names: Collection[str]) -> str:
    """Return an error's text with options in place of arguments; sentences on arguments without an option are left out.

    :param names: the names of the command's options, as in its parsed arguments.
    """
    text = _OF_READ_OPTIONS.sub(lambda found: _read_option(found, names), _OF_A_DICT.sub(_entry, text))
    text = _ARGUMENT.sub(lambda found: _option(found, names), text)
    first, *others = re.split(r"(?<=[.!?]) +", text)
    return " ".join([first, *(each for each in others if not _OF_PYTHON.search(each))])


def _entry(found: re.Match[str]) -> str:
    option, name, value, _, key = found.groups()
    return f"--{option} {key}" if key is not None else f'--{option} "{name}={value}"'


def _read_option(found: re.Match[str], names: Collection[str]) -> str:
    name, value, key = found.groups()
    if (key or name) not in names:
        return found[0]
    return f"--{key}" if key is not None else f'--{name} "{value}"'


def _option(found: re.Match[str], names: Collection[str]) -> str:
    name, value = found.groups()
    if name not in names:
        return found[0]
    option = name.replace("_", "-")
    match value:
        case None | "True":
            return f"--{option}"
        case "False":
            return f"--no-{option}"
        case "None":
            return f'--{option} ""'
        case _:
            return f"--{option} {value[1:-1]}"
