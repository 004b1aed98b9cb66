"""Raised, lowered and full-width characters of mathematics, and Python's powers."""

import pytest

from redraft.graders.answers.extract import extract
from redraft.graders.answers.replies.symbols import keyboard


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x²-1", "x^{2}-1"),
        ("2¹⁰", "2^{10}"),
        ("x⁻¹", "x^{-1}"),
        ("(a+b)ⁿ", "(a+b)^{n}"),
        ("a₁₂", "a_{12}"),
        ("²", "²"),  # a footnote is raised to nothing
        ("１，４４０．５", "1,440.5"),
        ("（－３，４）", "(-3,4)"),
        ("一共３个，还剩２个。", "一共3个，还剩2个。"),
        ("a**2+b**(n)", "a^2+b^(n)"),
        (r"\pi**2", r"\pi^2"),
        ("so it is **7**", "so it is **7**"),
        ("**Answer:** 7", "**Answer:** 7"),
        ("**a** and **b**", "**a** and **b**"),
        (r"so $ \frac13 $.", r"so $\frac13$."),
        ("from $5 to $6", "from $5 to $6"),
    ],
)
def test_characters_are_spelled_as_on_a_keyboard(text: str, plain: str) -> None:
    assert keyboard(text) == plain


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("**Answer:** x²-1", "x^{2}-1"),
        ("# Answer\n\n2¹⁰", "2^{10}"),
        ("The answer is x**2y**3.", "x^2y^3"),
        ("#### a**2+b**2", "a^2+b^2"),
        ("# Answer\n\n１，４４０", "1,440"),
        ("**Answer:** （－３，４）", "(-3,4)"),
        ("The answer is - a - 3", "- a - 3"),
        (r"The answer is $\frac13 $.", r"\frac13"),
        (r"\boxed{200(1+x)^2=401}", "200(1+x)^2=401"),
        (r"\boxed{2 x 3 = 6}", "6"),
        ("The answer is not 12.", None),
        ("So it is not 12.", None),
        ("It isn't 12.", None),
        ("It is not 11 but 12.", "12"),
    ],
)
def test_answers_in_such_characters(text: str, answer: str | None) -> None:
    assert extract(text) == answer
