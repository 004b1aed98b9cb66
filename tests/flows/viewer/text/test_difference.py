"""The words in which two drafts differ."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.flows.viewer.text import difference
from redraft.flows.viewer.text.difference import differences, marked

WORDS = st.lists(st.sampled_from(["one", "two", "is", "12", "+", "=", " ", "\n", "<b>"]), max_size=40).map("".join)


def test_words_that_differ_are_marked_and_no_others() -> None:
    before, after = marked("So 4*3=12 pens.\nThen 12-5=8.", "So 4*3=12 pens.\nThen 12-5=7 pens.")
    assert before == "So 4*3=12 pens.\nThen 12-5=<del>8</del>."
    assert after == "So 4*3=12 pens.\nThen 12-5=<ins>7 pens</ins>."


def test_texts_are_escaped_within_marks_and_outside() -> None:
    before, after = marked("<b>x</b> & y", "<i>x</i> & y")
    assert before == "&lt;<del>b</del>&gt;x&lt;/<del>b</del>&gt; &amp; y"
    assert after == "&lt;<ins>i</ins>&gt;x&lt;/<ins>i</ins>&gt; &amp; y"


@given(WORDS, WORDS)
def test_the_pieces_are_the_texts_and_the_common_ones_are_common(before: str, after: str) -> None:
    old, new = differences(before, after)
    assert "".join(text for _, text in old) == before
    assert "".join(text for _, text in new) == after
    common = ["".join(text for differs, text in pieces if not differs) for pieces in (old, new)]
    assert common[0] == common[1]
    for pieces in (old, new):  # neighbours are of different kinds, and none is empty
        assert all(text for _, text in pieces)
        assert all(one[0] != two[0] for one, two in pairwise(pieces))


@given(WORDS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert differences(text, text) == (([(False, text)] if text else []),) * 2


def test_very_long_lines_are_compared_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MOST", 10)
    old, new = differences("same\na b c d e f", "same\na b c d e g")
    assert old == [(False, "same\n"), (True, "a b c d e f")]
    assert new == [(False, "same\n"), (True, "a b c d e g")]
