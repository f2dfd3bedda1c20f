"""How the help of a command ends: with what the options do not say, and an example."""

from __future__ import annotations

import argparse

PROGRAM = "airflow-rcs"

_BEFORE_AN_EXAMPLE = "Example:"


def end_help(parser: argparse.ArgumentParser, example: str, about: str = "") -> None:
    """Set the end of a command's help.

    :param example: the command as a person types it, without the program.
    :param about: what the options do not say.
    """
    # No square brackets, which Airflow's command line takes for a style of the text.
    parser.epilog = "\n\n".join(filter(None, [about, f"{_BEFORE_AN_EXAMPLE} {PROGRAM} {example}"]))
    if parser.formatter_class is argparse.HelpFormatter:
        parser.formatter_class = Paragraphs


class Paragraphs(argparse.HelpFormatter):
    """Keeps paragraphs apart, and each example in one line, so that it can be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            indent + paragraph
            if paragraph.startswith(_BEFORE_AN_EXAMPLE)
            else super(Paragraphs, self)._fill_text(paragraph, width, indent)
            for paragraph in text.split("\n\n")
        )
