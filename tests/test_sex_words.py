"""The words for a sex: one list, no word in two places, however a file writes it."""

from __future__ import annotations

from itertools import combinations

import pytest

from boneage.sex_words import SEXES, plain


def test_no_word_means_two_sexes() -> None:
    for one, other in combinations(SEXES.values(), 2):
        assert not one & other


def test_words_stand_in_the_list_as_they_are_looked_up() -> None:
    for words in SEXES.values():
        assert {plain(word) for word in words} == words


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("FEMALE", "female"),
        (" W ", "female"),
        ("M\0", "male"),
        ("Männlich", "male"),
        ("\ufb01lle", "female"),  # a ligature, as copied from a PDF
        ("\uff26", "female"),  # full width, as from a Japanese keyboard
        ("Ж", "female"),
        ("M.", "male"),
        ("\t", "unknown"),
        ("Divers", "unknown"),
    ],
)
def test_case_width_and_what_surrounds_a_word_do_not_matter(written: str, meant: str) -> None:
    assert [name for name, words in SEXES.items() if plain(written) in words] == [meant]


@pytest.mark.parametrize("word", ["fm", "mf", "1", "femal", "boyish"])
def test_what_is_not_on_the_list_is_nothing(word: str) -> None:
    assert not any(plain(word) in words for words in SEXES.values())
