"""Which numbers of a question may be hidden, and how what is left looks; counted a second way over GSM8K."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies

from hidden_numbers import has_x, hidden_numbers, metamath_hides
from redraft.flows.augmentation.backward import has_unknown, is_latex, masks

TRAIN = Path(__file__).parents[4] / "shared" / "data" / "gsm8k_train.jsonl"


def shown(question: str) -> list[tuple[str, str]]:
    return [(mask.question, mask.answer) for mask in masks(question)]


@pytest.mark.parametrize(
    ("token", "masked", "answer"),
    [
        ("5", "x", "5"),
        ("$50.", "$x.", "50"),
        ("$5.50", "$x", "5.50"),
        ("20%.", "x%.", "20"),
        ("1,000", "x", "1000"),
        ("$1,234.50,", "$x,", "1234.50"),
        ("1/2", "x", "1/2"),
        (".5", "x", ".5"),
        ("7?", "x?", "7"),
        ("twelve", "x", "12"),
        ("Three", "x", "3"),
        ("sixteen,", "x,", "16"),
        ("half", "x", "1/2"),
        ("€30", "€x", "30"),
    ],
)
def test_a_number_keeps_the_signs_around_it(token: str, masked: str, answer: str) -> None:
    assert shown(f"Ann pays {token} for it") == [(f"Ann pays {masked} for it", answer)]


@pytest.mark.parametrize(
    "text",
    [
        "It opened in 2019 there",
        "It was founded by 1987, they say",
        "On May 5, she left",
        "On the 4th of July 2020, she left",
        "At 3 p.m. she left",
        "At 10 AM she left",
        "From 5:30 on she waits",
        "They met in room 7 of it",
        "See page 12 of it",
        "On Day 3 she left",
        "She is #4 of them",
        "A 5-pound bag",
        "It is (7) and 3*4 and 2+2",
        "The 5th of them, the fifth day",
        "No one of them, each one, the one she has",
        "LaTeX and no number at all",
        "In 12/25/2020 she left",
    ],
)
def test_years_dates_times_labels_and_pronouns_stay(text: str) -> None:
    assert shown(f"{text}, how many?") == []


def test_a_number_that_looks_like_a_year_is_hidden_where_it_counts_something() -> None:
    assert [answer for _, answer in shown("He has 2000 stamps and $1999 in 2001")] == ["2000", "1999"]
    assert [answer for _, answer in shown("He sold 15 in January, 16 in May, 2020, and 9 may go")] == ["15", "16", "9"]
    assert [answer for _, answer in shown("On the flight, 8 read; a room $90, level 20%")] == ["8", "90", "20"]


def test_each_number_makes_a_question_of_its_own() -> None:
    question = "He buys 1 2 3 4 5 6 7 8 9 10 things"
    found = shown(question)
    assert [answer for _, answer in found] == [str(number) for number in range(1, 11)]
    assert len({masked for masked, _ in found}) == 10
    assert all(masked.replace(" x ", f" {answer} ", 1) == question for masked, answer in found)


def test_a_question_with_an_unknown_already_is_left() -> None:
    assert has_unknown("Ann has x boxes of 5. What is x?")
    assert shown("Ann has x boxes of 5. The answer is 20. What is x?") == []
    assert shown("Find $X$ if $2X = 8$.") == []
    assert not has_unknown("The box is next to Max")


def test_latex_hides_as_capital_x_within_formulas_and_between_dollars_outside() -> None:
    assert shown("Solve $2 + y = 7$ for 3 values.") == [
        ("Solve $X + y = 7$ for 3 values.", "2"),
        ("Solve $2 + y = X$ for 3 values.", "7"),
        ("Solve $2 + y = 7$ for $X$ values.", "3"),
    ]
    assert shown("What is $5$ of \\frac{1}{2}?") == [("What is $X$ of \\frac{1}{2}?", "5")]
    assert not is_latex("It costs $5 or $6 a day")
    assert not is_latex("A wallet costs $100. She has half of it, and gets $15. Then $5-$10 more")
    assert is_latex("Let $n$ be even")
    assert is_latex("It has $5$ sides")


@pytest.mark.skipif(not TRAIN.exists(), reason="the 7,473 training questions of GSM8K are not there")
def test_gsm8k_has_the_hidden_numbers_that_another_count_finds() -> None:
    """Question by question, each with x in the same place; MetaMath's own rules hide years, times and labels too."""
    questions = [json.loads(line)["question"] for line in TRAIN.read_text(encoding="utf-8").splitlines()]
    assert len(questions) == 7473
    assert not any(map(is_latex, questions))
    found = [shown(question) for question in questions]
    assert found == [[] if has_x(question) else hidden_numbers(question) for question in questions]
    hidden, theirs = sum(map(len, found)), sum(len([*metamath_hides(question)]) for question in questions)
    assert (hidden, theirs) == (27_741, 28_221)


PIECES = (
    "5 $5 $5.50 20% 20%. 1,000 1,00 1/2 3/ .5 5. $.5 1,234.50, (7) 5-6 2+2 #4 7th 1999 1999, $1999 2000% 10:30 3.4.5"
    " one two. fifth half $two five% a of in May May, March, 3 12 31st room Room Page day Day level no number p.m. am"
    " o'clock by has was each the x xs $ ; ' \"5\" “six” 8” €30 ½ ５ and"
)


@given(
    strategies.lists(strategies.sampled_from(PIECES.split()), min_size=1, max_size=8), strategies.sampled_from(" \n\t")
)
def test_any_text_has_the_hidden_numbers_that_another_count_finds(words: list[str], space: str) -> None:
    question = space.join(words)
    if not is_latex(question):
        assert has_unknown(question) == has_x(question)
        assert shown(question) == ([] if has_x(question) else hidden_numbers(question))
