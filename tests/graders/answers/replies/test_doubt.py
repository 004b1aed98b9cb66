"""Words before and after a value that deny it, change it or take it back."""

import pytest

from redraft.graders.answers.extract import extract
from redraft.store.problems import Kind


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So it is minus 7.", "-7"),
        ("So it is negative 7.", "-7"),
        ("The temperature dropped to minus 7 degrees.", "-7 degrees"),
        ("So x cannot be 7.", None),
        ("The answer can't be 7.", None),
        ("The answer is definitely not 7.", None),
        (r"The answer is not \boxed{7}.", None),
        ("I don't know if the answer is 7.", None),
        ("The answer is half of 7.", None),
        ("The answer is the square root of 7.", None),
        ("So x is twice 7.", None),
        ("Then x is greater than 7.", None),
        ("Then x is at least 7.", None),
        ("The probability is 3 out of 7.", None),
        ("So the ratio is 3 to 7.", None),
        ("So he has a total of 7.", "7"),
        ("The sum of 3 and 4 is equal to 7.", "7"),
        ("So it comes to 7.", "7"),
        ("He does not eat them, so he has 7 left.", "7"),
        ("It is not 11 but 12.", "12"),
        ("The answer is 7. Wait, I forgot the fee, so it should be 9.", "9"),
        ("The answer is 7. Wait, I forgot the fee. The answer is 9.", "9"),
        ("The answer is 7.\n\nCorrection: it is 9.", "9"),
        ("**12**\n\nExplanation: 3 boxes with 4 eggs each.", "12"),
        ("The answer is 7 because 3 + 4 = 7.", "7"),
        ("\\boxed{5}\n\nWait, that's wrong. The answer is 6.", "6"),
        ("\\boxed{5}\n\nWait, that is wrong, it should be 6.", "6"),
        ("\\boxed{7}\n\nWait, let me check: 3 + 4 = 7. Yes.", "7"),
        ("The answer is \\boxed{42}? No, that double counts.", None),
        ("The answer would be 42 if there were 6 days, but there are 5, so it is 35.", "35"),
        ("So the answer would be 42.", "42"),
        ("The answer is two thirds of 9.", None),
        ("Your answer of 42 is incorrect.", None),
        ("The answer cannot be determined. If x = 5 it would be 5.", None),
        ("The probability is 1/3, or about 33.3%.", "1/3"),
    ],
)
def test_words_before_and_after_a_value_count(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 5 hundredths.",
        "The answer is 5 less than y.",
        "The answer is 5 out of 7.",
        "The answer is 5 of 7.",
        "The answer is 5 in 7.",
        "The answer is 5 if n is even and 8 if n is odd.",
        r"\boxed{5 \text{ if } x>0, 6 \text{ otherwise}}",
    ],
)
def test_a_part_of_an_answer_is_not_the_answer(text: str) -> None:
    assert extract(text) != "5"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("\\boxed{A}\n\nWait, that's wrong. The answer is B.", "B"),
        ("The answer would be A if it were faster. The answer is B.", "B"),
        ("\\boxed{A}\n\nThis is because it is faster.", "A"),
    ],
)
def test_a_choice_that_is_taken_back_is_none(text: str, letter: str) -> None:
    assert extract(text, Kind.CHOICE) == letter
