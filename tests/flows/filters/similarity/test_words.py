"""The fast way to split a text in ASCII, against the patterns."""

import random

from redraft.flows.filters.similarity.words import WORD, WORD_OR_SIGN, split_words


def test_known_texts() -> None:
    text = "Ann's 3*4=12 pens, über_all: -5"
    assert split_words(text) == ["ann", "s", "3", "4", "12", "pens", "über_all", "5"]
    assert split_words(text, signs=True) == ["ann", "s", "3", "*", "4", "=", "12", "pens", "über_all", "-", "5"]
    assert split_words("") == split_words("... !") == []


def test_ascii_and_other_texts_are_split_as_by_the_patterns() -> None:
    chance = random.Random(0)
    for _ in range(4000):
        highest = chance.choice([128, 128, 300, 0x3000])
        text = "".join(
            chr(chance.randrange(highest)) if chance.random() < 0.3 else chance.choice("ab C1_ +-=\n\x1c\x85"[:12])
            for _ in range(chance.randint(0, 40))
        )
        assert split_words(text) == WORD.findall(text.lower())
        assert split_words(text, signs=True) == WORD_OR_SIGN.findall(text.lower())
