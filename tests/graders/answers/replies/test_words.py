"""Answers in words: names with full stops, yes or no with a reason, and equal words in other shapes."""

import pytest

from redraft.graders.answers.canonical import canonical, words
from redraft.graders.answers.extract import extract, marked
from redraft.store.problems import Kind


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is St. Louis.", "St. Louis"),
        ("The answer is J. R. R. Tolkien.", "J. R. R. Tolkien"),
        ("The answer is Dr. Who, which is a show.", "Dr. Who"),
        ("The answer is the U.S. Senate. It has 100 members.", "the U.S. Senate"),
        ("Answer: Mr. Smith went home. He did.", "Mr. Smith went home"),
        (r"\boxed{\text{Paris}}", "Paris"),
        (r"The answer is \boxed{\text{Paris}}.", "Paris"),
        ("The answer is no, because it fails.", "no"),
        ("The answer is no because it fails.", "no"),
        ("The answer (Yes or No) is Yes, a chipmunk could.", "Yes"),
        ('The answer is most likely "No."', "No"),
        ("The answer is probably Mount Everest.", "Mount Everest"),
        ("<answer>Paris</answer>", "Paris"),
        ('{"answer": "New York"}', "New York"),
        ("**Answer:** contradiction\n\nBecause they differ.", "contradiction"),
        ("The final answer is: New York City\n\nExplanation: It is big.", "New York City"),
        ('The answer is "The Great Gatsby".', "The Great Gatsby"),
        ("答案是北京。", "北京"),
        ("答えは東京です。", "東京"),
        ("정답은 서울입니다.", "서울"),
        ("La respuesta es París.", "París"),
        ("The answer is Paris.</s>", "Paris"),
        ("The answer is Paris.\n\nQ: And of Italy?\nA: The answer is Rome.", "Paris"),
        ("<think>London?</think>The answer is Paris.", "Paris"),
    ],
)
def test_words_are_read_up_to_the_end_of_their_sentence(text: str, answer: str) -> None:
    assert extract(text, Kind.TEXT) == marked(text, Kind.TEXT) == answer


def test_talk_about_the_answer_is_no_answer() -> None:
    assert extract("The answer is Rome.\nThe answer is correct.", Kind.TEXT) == "Rome"
    assert extract("The argument follows. So the answer is valid.", Kind.TEXT) == "valid"
    assert marked("The answer is not known.", Kind.TEXT) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O’Brien", "O'Brien"),
        ("don’t know", "Don't know."),
        ("Ｐａｒｉｓ", "Paris"),
        (r"\text{Paris}", "paris"),
        ("Coca–Cola", "Coca-Cola"),
        ("“Paris”", "Paris"),
        ("New   York", "new york"),
    ],
)
def test_shapes_of_characters_make_no_difference(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_other_words_are_other_answers() -> None:
    assert canonical("St. Louis", Kind.TEXT) != canonical("St. Paul", Kind.TEXT)
    assert words("...") is None
