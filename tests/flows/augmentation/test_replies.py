"""What a model says when it is asked to rewrite: the question is found, or a reason is."""

import pytest

from redraft.flows.augmentation.replies import read_question, read_statement, same_text

QUESTION = "How many apples are left if Ann eats 3 of 5?"


@pytest.mark.parametrize(
    "reply",
    [
        QUESTION,
        f"Sure! Here is the rephrased question:\n\n{QUESTION}",
        f"Here's another way to say it:\n{QUESTION}",
        f"Rephrased question: {QUESTION}",
        f"**Question:** {QUESTION}",
        f"New Question 1: {QUESTION}\nNew Question 2: How many are eaten?",
        f"1. {QUESTION}\n2. How many apples does she eat?\n3. And now?",
        f"- {QUESTION}\n- What is left?",
        f"{QUESTION}\n\nAnswer: 2",
        f"{QUESTION}\n\nSolution: 5 - 3 = 2 apples.",
        f"{QUESTION}\n---\nI kept all numbers.",
        f"```\n{QUESTION}\n```",
        f'"{QUESTION}"',
        f"<think>They want the same. The answer is 2.</think>\n{QUESTION}",
    ],
)
def test_the_question_is_found_in_its_frame(reply: str) -> None:
    assert read_question(reply, "Another?").question == QUESTION


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty reply"),
        (" \n\t", "empty reply"),
        ("<think>hm</think>", "empty reply"),
        ("Ann has 2 apples left. The answer is 2.", "the reply answers instead of asking"),
        ("5 - 3 = 2\n#### 2", "the reply answers instead of asking"),
        ("\\boxed{2}", "the reply answers instead of asking"),
        ("Ann eats three of five apples.", "the reply asks nothing"),
        ("I cannot help with that.", "the reply asks nothing"),
        ("how many apples are left  if ann eats 3 of 5", "the same question again"),
    ],
)
def test_a_reply_without_a_new_question_has_a_reason(reply: str, reason: str) -> None:
    assert read_question(reply, QUESTION).refused == reason


def test_a_question_in_latex_and_several_lines_stays_whole() -> None:
    text = "Let $x = \\frac{1}{2}$.\n\nFind $2x + 1$."
    assert read_question(text).question == text


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        ("The total for x cups is 1,200 dollars.", None),
        ("Statement: the total for x cups is $1200.", None),
        ("", "empty reply"),
        ("What is the total for x cups?", "the reply asks instead of stating"),
        ("The total for x cups is 200 dollars.", "the statement lacks the answer"),
        ("The total for x cups is 12000 dollars.", "the statement lacks the answer"),
        ("The total for 8 cups is 1200 dollars.", "the statement lost x"),
    ],
)
def test_a_statement_has_the_answer_and_the_unknown(reply: str, refused: str | None) -> None:
    assert read_statement(reply, "x", "1200", "how much do x cups cost?").refused == refused


def test_capitals_spaces_and_end_marks_make_no_other_text() -> None:
    assert same_text("What  is it?", "what is it")
    assert not same_text("What is 5?", "What is 6?")
