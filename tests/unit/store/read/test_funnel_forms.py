from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.read.funnel import Funnel
from airflow_provider_rcs.store.read.funnel_forms import FORMS, as_markdown, as_svg, as_text
from airflow_provider_rcs.store.read.funnel_stages import stages_of
from tests.examples import examples
from tests.unit.store.read.test_funnel_stages import funnel
from tests.unit.ui.test_contrast import contrast

SVG = "{http://www.w3.org/2000/svg}"
SPRING = funnel(
    10, {DeliveryStatus.DELIVERED: 870, DeliveryStatus.READ: 80, DeliveryStatus.FAILED: 10}, accepted=970, rejected=30
)

numbers = st.integers(0, 20_000_000)


@st.composite
def funnels(draw: st.DrawFn) -> Funnel:
    """Draw any funnel that a store can have: the accepted are those with a status, and those without a report."""
    statuses = {status: draw(numbers) for status in DeliveryStatus}
    unreported = draw(numbers)
    states = {state: draw(numbers) for state in MessageState} | {
        MessageState.ACCEPTED: sum(statuses.values()) + unreported
    }
    return Funnel(states, statuses, unreported)


def bars(svg: str) -> list[float]:
    """Return the widths of the stages' bars, without the tracks behind them."""
    return [
        float(width) for width in re.findall(r'<rect y="21" width="([\d.]+)%" height="14" rx="3" class="rcs-', svg)
    ][1::2]


def colours(svg: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the colours of each class, in light and in dark."""
    dark = dict(re.findall(r"\.rcs-(\w+)\{fill:(#\w+)\}", svg))
    return dict(re.findall(r'class="rcs-(\w+)" fill="(#\w+)"', svg)), dark


def test_the_text_has_a_line_and_a_bar_for_each_stage_and_what_was_lost() -> None:
    assert as_text("spring", SPRING).splitlines() == [
        "Campaign spring",
        f"Requested                1,000  100.0%  {'█' * 30}",
        f"Accepted by the service    970   97.0%  {'█' * 29}",
        "  30 rejected",
        f"Delivered                  950   95.0%  {'█' * 28}",
        "  10 failed, 10 without a report",
        "Read                        80    8.0%  ██",
    ]


def test_the_markdown_is_a_table_of_the_stages() -> None:
    assert as_markdown("spring", SPRING).splitlines() == [
        "Campaign **spring**",
        "",
        "| stage | recipients | of those requested | lost |",
        "| --- | ---: | ---: | --- |",
        "| Requested | 1,000 | 100.0% |  |",
        "| Accepted by the service | 970 | 97.0% | 30 rejected |",
        "| Delivered | 950 | 95.0% | 10 failed, 10 without a report |",
        "| Read | 80 | 8.0% |  |",
    ]


def test_a_name_means_nothing_in_markdown() -> None:
    named = as_markdown("a|b *c* <d>\n# e_f", SPRING)

    assert named.splitlines()[0] == r"Campaign **a\|b \*c\* \<d\> \# e\_f**"


def test_the_svg_says_in_words_what_it_shows() -> None:
    picture = ET.fromstring(as_svg("spring", SPRING))

    title, description = (picture.findtext(f"{SVG}{each}") for each in ("title", "desc"))

    assert picture.get("role") == "img"
    assert title == "Funnel of spring"
    assert description is not None
    assert "Delivered: 950 (95.0% of those requested); 10 failed; 10 without a report." in description


def test_the_svg_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    svg = as_svg("spring", SPRING)

    assert re.findall(r"[\w.:-]*//[^\"<]*", svg) == ["http://www.w3.org/2000/svg"]
    assert re.search(r"<script|href|url\(|@import|\son\w+=|<image|<foreignObject", svg) is None


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_svg_can_be_read_in_light_and_in_dark(theme: int) -> None:
    clicked = funnel(1, {DeliveryStatus.CLICKED: 5}, accepted=6, rejected=1)
    shown = colours(as_svg("spring", clicked))[theme]

    texts = {name: contrast(shown[name], shown["paper"]) for name in ("text", "lost")}
    kinds = {stage.kind: contrast(shown[stage.kind], shown["track"]) for stage in stages_of(clicked)}

    assert colours(as_svg("spring", clicked))[0].keys() == colours(as_svg("spring", clicked))[1].keys()
    assert {name: figure for name, figure in texts.items() if figure < 4.5} == {}
    assert {name: figure for name, figure in kinds.items() if figure < 3} == {}


@settings(max_examples=examples(100))
@given(name=st.text(min_size=1, max_size=200), of=funnels())
def test_the_svg_is_well_formed_for_any_name_and_counts_and_its_bars_only_get_shorter(name: str, of: Funnel) -> None:
    svg = as_svg(name, of)

    picture = ET.fromstring(svg)

    shown = bars(svg)
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == len(stages_of(of)) == len(picture.findall(f"{SVG}svg"))
    assert max(shown) <= 100
    last = picture.findall(f"{SVG}svg")[-1]
    assert int(last.attrib["y"]) + int(last.attrib["height"]) == int(picture.attrib["height"])


@settings(max_examples=examples(100))
@given(of=funnels(), form=st.sampled_from(sorted(FORMS)))
def test_every_form_shows_the_count_of_every_stage_and_of_every_loss(of: Funnel, form: str) -> None:
    shown = unescape(FORMS[form]("spring", of))

    for stage in stages_of(of):
        assert stage.name in shown
        assert f"{stage.count:,}" in shown
        assert [why for why, lost in stage.lost.items() if f"{lost:,} {why}" not in shown] == []


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_small_enough_for_an_xcom(form: str) -> None:
    every = funnel(10**7, dict.fromkeys(DeliveryStatus, 10**7), **dict.fromkeys(map(str, MessageState), 10**8))

    assert len(FORMS[form]("spring" * 40, every)) < 6_000


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_campaign_without_recipients_shows_zeros(form: str) -> None:
    assert "0.0%" in FORMS[form]("empty", funnel())
