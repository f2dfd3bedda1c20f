"""The funnel of a campaign as text, Markdown and SVG, for people who do not see the RCS page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from airflow_provider_rcs.api.counts import share
from airflow_provider_rcs.store.read.funnel import Funnel
from airflow_provider_rcs.store.read.funnel_stages import Stage, stages_of

_LONGEST_BAR = 30
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&#]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_WIDTH, _MARGIN = 640, 20
_HEADING, _BAR, _LINE = 56, 44, 18
_LONGEST_HEADING = 64
# So that a line fits, however high the counts are.
_LOSSES_A_LINE = 3
_FONT = 'font-family="system-ui, sans-serif" font-size="14"'
# The colours of the page: class -> in light, in dark.
_COLOURS = {
    "paper": ("#ffffff", "#161d2d"),
    "text": ("#18181b", "#f8fafd"),
    "lost": ("#52525b", "#b3bdcc"),
    "track": ("#f3f5f8", "#232b3d"),
    "requested": ("#7c8695", "#8f9bb0"),
    "accepted": ("#2f6fd0", "#5b9bf5"),
    "delivered": ("#23884c", "#4cc47d"),
    "read": ("#7a4fd0", "#a98bf5"),
    "clicked": ("#b3398d", "#ec7fc6"),
}
_DARK_STYLE = "".join(f".rcs-{name}{{fill:{dark}}}" for name, (_, dark) in _COLOURS.items())


def as_text(campaign: str, funnel: Funnel) -> str:
    """Return the funnel as text, with a bar for each stage; it wants a font of fixed width."""
    stages = stages_of(funnel)
    widest_name = max(len(stage.name) for stage in stages)
    widest_count = max(len(f"{stage.count:,}") for stage in stages)
    lines = [f"Campaign {_one_line(campaign)}"]
    for stage in stages:
        bar = "█" * max(round(stage.share * _LONGEST_BAR), 1 if stage.count else 0)
        cells = (f"{stage.name:{widest_name}}", f"{stage.count:{widest_count},}", f"{share(stage.share):>6}", bar)
        lines.append("  ".join(cells).rstrip())
        if stage.lost:
            lines.append(f"  {', '.join(_losses_of(stage))}")
    return "\n".join(lines)


def as_markdown(campaign: str, funnel: Funnel) -> str:
    """Return the funnel as a table in Markdown."""
    return "\n".join(
        [
            f"Campaign **{in_markdown(campaign)}**",
            "",
            "| stage | recipients | of those requested | lost |",
            "| --- | ---: | ---: | --- |",
            *(
                f"| {stage.name} | {stage.count:,} | {in_markdown(share(stage.share))} "
                f"| {', '.join(_losses_of(stage))} |"
                for stage in stages_of(funnel)
            ),
        ]
    )


def as_svg(campaign: str, funnel: Funnel) -> str:
    """Return the funnel as an SVG that needs nothing else: no script, no font and no address.

    It follows the reader's light or dark, and is light where styles are removed.
    """
    stages = stages_of(funnel)
    name = _one_line(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", campaign))
    rows: list[str] = []
    height = _HEADING
    for stage in stages:
        lines = _lines_of(_losses_of(stage))
        rows += _svg_stage(stage, lines, height)
        height += _BAR + _LINE * len(lines)
    heading = name if len(name) <= _LONGEST_HEADING else f"{name[: _LONGEST_HEADING - 1]}…"
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {_FONT}>',
            f"<title>Funnel of {escape(name)}</title>",
            f"<desc>{escape(_described(stages))}</desc>",
            f"<style>@media (prefers-color-scheme: dark){{{_DARK_STYLE}}}</style>",
            f'<rect width="100%" height="100%" {_filled("paper")}/>',
            f'<text x="{_MARGIN}" y="32" font-size="18" font-weight="600" {_filled("text")}>{escape(heading)}</text>',
            *rows,
            "</svg>",
        ]
    )


FORMS: Mapping[str, Callable[[str, Funnel], str]] = {"text": as_text, "markdown": as_markdown, "svg": as_svg}
"""Form -> the function that returns a campaign's funnel in it, given the campaign's name and the funnel."""


def in_markdown(text: str) -> str:
    """Return a text as Markdown that shows it as it is, in one line."""
    return _MARKDOWN.sub(r"\\\g<0>", _one_line(text))


def _svg_stage(stage: Stage, lines: Sequence[str], top: int) -> Iterator[str]:
    """Yield a stage: its name and count, its bar, and what was lost."""
    percent = escape(share(stage.share))
    yield f'<svg x="{_MARGIN}" y="{top}" width="{_WIDTH - 2 * _MARGIN}" height="{_BAR + _LINE * len(lines)}">'
    yield f'<text y="14" {_filled("text")}>{stage.name}</text>'
    yield f'<text x="100%" y="14" text-anchor="end" {_filled("text")}>{stage.count:,} · {percent}</text>'
    yield f'<rect y="21" width="100%" height="14" rx="3" {_filled("track")}/>'
    yield f'<rect y="21" width="{stage.width}%" height="14" rx="3" {_filled(stage.kind)}/>'
    for number, line in enumerate(lines, 1):
        yield f'<text y="{33 + _LINE * number}" font-size="12" {_filled("lost")}>{line}</text>'
    yield "</svg>"


def _filled(name: str) -> str:
    """Return the attributes of a colour: its class, which the style turns dark, and the light one."""
    return f'class="rcs-{name}" fill="{_COLOURS[name][0]}"'


def _losses_of(stage: Stage) -> Sequence[str]:
    return [f"{count:,} {why}" for why, count in stage.lost.items()]


def _lines_of(losses: Sequence[str]) -> Sequence[str]:
    return [" · ".join(losses[first : first + _LOSSES_A_LINE]) for first in range(0, len(losses), _LOSSES_A_LINE)]


def _described(stages: Sequence[Stage]) -> str:
    """Return what the picture shows, as a sentence a stage."""
    return " ".join(
        "; ".join([f"{stage.name}: {stage.count:,} ({share(stage.share)} of those requested)", *_losses_of(stage)])
        + "."
        for stage in stages
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
