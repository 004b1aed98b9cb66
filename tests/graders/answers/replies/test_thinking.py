"""What a model thinks, and the tokens around its turn, are no part of its answer."""

import pytest

from redraft.graders.answers.extract import extract
from redraft.graders.answers.replies.thinking import spoken, unthought
from redraft.store.problems import Kind

THOUGHT = "The answer is 5. \\boxed{5}"
BLOCKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<Thought>", "</Thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>\n<|begin_of_solution|>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<start_working_out>", "<end_working_out>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
    ("<think>First.</think>Hm. <think>", "</think>"),
    ("", "</think>"),  # the opening tag was in the prompt
)


@pytest.mark.parametrize(("opening", "closing"), BLOCKS)
@pytest.mark.parametrize(
    ("said", "answer"),
    [("\nThe answer is 7.", "7"), ("We count 7.", "7"), ("#### 7", "7"), ("\n\nI am not sure.", None), ("", None)],
)
def test_thinking_is_never_the_answer(opening: str, closing: str, said: str, answer: str | None) -> None:
    assert extract(f"{opening}{THOUGHT}{closing}{said}") == answer


@pytest.mark.parametrize("opening", [opening for opening, _ in BLOCKS if opening not in ("", "analysis")])
def test_thinking_that_never_ends_says_nothing(opening: str) -> None:
    assert extract(opening + THOUGHT) is None


def test_what_is_said_between_and_before_blocks_counts() -> None:
    assert extract("The answer is 7. <think>Is it 5? \\boxed{5}</think>") == "7"
    assert extract("<think>It is 5. <answer>7</answer>") == "7"


@pytest.mark.parametrize(
    "token",
    [
        *("</s>", "<eos>", "<EOS_TOKEN>", "<end_of_turn>", "[/INST]", "<|endoftext|>", "<|im_end|>", "<|eot_id|>"),
        *("<|end_of_text|>", "<|return|>", "<|end|>", "<|user|>", "<|END_RESPONSE|>", "<｜end▁of▁sentence｜>"),
    ],
)
@pytest.mark.parametrize("text", ["The answer is 4.", "#### 4", "\\boxed{4}", "So she has 4", "**Answer:** $4$"])
def test_a_token_ends_the_answer(text: str, token: str) -> None:
    assert extract(text + token) == "4"
    assert extract(f"{text}{token}\nThanks. And now?{token}The answer is 9.") == "4"


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>assistant\nThe answer is 4.",
        "<|start_header_id|>assistant<|end_header_id|>\n\nThe answer is 4.",
        "<start_of_turn>model\nThe answer is 4.",
        "<|begin_of_solution|>The answer is 4.<|end_of_solution|>",
    ],
)
def test_tokens_before_the_answer_are_skipped(text: str) -> None:
    assert extract(text) == "4"


@pytest.mark.parametrize("text", ["a < b, c > d", "x[THIS]", "analysis of it", "<b>4</b>", "1 <<2>>", "\\[x\\]"])
def test_a_text_without_such_tags_stays_as_it_is(text: str) -> None:
    assert spoken(text) == unthought(text) == text


def test_thinking_is_no_program_and_no_essay() -> None:
    draft = "<think>\n```python\nprint(1)\n```\n</think>\n"
    assert extract(f"{draft}```python\nprint(2)\n```", Kind.CODE) == "print(2)"
    assert extract(f"{draft}It rains.", Kind.RUBRIC) == "It rains."
