"""A reply opts out if the whole of it is one of the words."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS, opt_out_word


@pytest.mark.parametrize(
    "text",
    [
        "BAJA",
        "baja",
        " Baja. ",
        "¡Bája!",
        "\uff22\uff21\uff2a\uff21",
        "\U0001d401\U0001d400\U0001d409\U0001d400",  # in letters of mathematics, which have no other case
        "«baja»",
        "Baja 🙏",
        "ba\u0301ja",
        "BAJA\0",
    ],
)
def test_case_accents_punctuation_and_spaces_do_not_matter(text: str) -> None:
    assert opt_out_word(text, DEFAULT_OPT_OUT_WORDS) == "BAJA"


@pytest.mark.parametrize("text", ["", "!", "baja por favor", "no me des de baja", "bajar", "stop it", "B A J A"])
def test_a_reply_that_says_more_or_less_is_no_opt_out(text: str) -> None:
    assert opt_out_word(text, DEFAULT_OPT_OUT_WORDS) == ""


def test_the_words_of_the_list_may_be_several_words_with_accents() -> None:
    assert opt_out_word("no mas", ["No más"]) == "No más"


def test_a_word_of_punctuation_alone_matches_no_reply() -> None:
    assert opt_out_word("?", ["!", "STOP"]) == ""
