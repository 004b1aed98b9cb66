"""Each gold of MATH-500 comes back as it is from every ending of a reply, and reading takes linear time."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.graders.answers.extract import extract, marked
from redraft.graders.answers.normalize import unwrap
from redraft.store.problems import Kind

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "math_500.json"
ENDINGS = [
    "Therefore, the probability is $%s$.",
    "**Answer:**\n\n%s",
    "**Answer: $%s$**",
    "### Final Answer\n\n%s",
    "### Final Answer\n\n$%s$",
    "**Final Answer:**\n\\[ %s \\]",
    "**Final Answer**\n\nThe final answer is $\\boxed{%s}$",
    "The answer is:\n%s",
    "The answer is:\n\n$$%s$$",
    "So we have\n$$\n%s\n$$",
    "We are done.\n\n# Answer\n\n%s",
    "Final Answer: The smallest $k$ is $%s$.",
    "Final Answer: The final answer is $%s$. I hope it is correct.",
    "<answer>%s</answer>",
    "<answer>\n$%s$\n</answer>",
    "| Item | Value |\n|---|---|\n| First | 70 |\n| Answer | %s |",
    "答案是$%s$。",
    "所以答案为：\n\n$$%s$$",
    "答えは$%s$です。",
    "정답은 $%s$입니다.",
    "La respuesta final es $%s$.",
    "Die Antwort ist $%s$.",
    "La réponse est donc : $%s$",
    "Ответ: $%s$.",
    "The value is $\\boxed{%s}$.",
    "$\\boxed{\\text{Answer: }%s}$",
    "\\framebox{%s}",
    "So it is $\\boxed{%s}$. In the required form: $\\boxed{}$",
    "Hence the desired result is\n\n\\[\n\\boxed{%s}\n\\]\n\nI hope this helps!",
    "<think>Maybe \\boxed{5}?</think>\nThe answer is $%s$.",
    "<|channel|>analysis<|message|>\\boxed{5}<|end|><|start|>assistant<|channel|>final<|message|>A: $%s$<|return|>",
    "The answer is $%s$.</s>",
    "#### %s<|eot_id|>",
    "Thus, we get \\[%s.\\]\nLet me know if you have any questions!",
    "The answer is \\(%s\\), because it is.",
    "So the final answer is **$%s$**. ✅",
    "The answer is $%s$.\n\nQuestion: What is 3+4?\nAnswer: 7",
    "A: $%s$",
    "Answer: %s",
    "Therefore the answer is %s.",
]


@pytest.mark.skipif(not FILE.is_file(), reason=f"the real data is not in {FILE.parent}")
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_gold_comes_back_from_every_ending(ending: str) -> None:
    golds = [json.loads(line)["answer"] for line in FILE.read_text("utf-8").splitlines()]
    read = {gold: extract(ending.replace("%s", gold)) for gold in golds}
    assert read == {gold: unwrap(gold) for gold in golds}


@pytest.mark.skipif(not FILE.is_file(), reason=f"the real data is not in {FILE.parent}")
def test_every_gold_comes_back_from_json_and_derivations() -> None:
    for line in FILE.read_text("utf-8").splitlines():
        gold = json.loads(line)["answer"]
        assert extract(json.dumps({"reasoning": "The answer is 5.", "answer": gold})) == unwrap(gold)
        if "=" in gold:
            continue
        rows = f"\\begin{{align*}}\nv &= 2 + 3y \\\\\n&= {gold}.\n\\end{{align*}}"
        assert extract(f"So we have\n{rows}") == f"v = {unwrap(gold)}"


SOUP = "\\{}()[]$,.:;!?*_`#|<>/^=+-& \n0123456789ABCabcxyfractboxedsqrtanswerisandtheQ是为答案です"
PIECES = (
    *(
        "The answer is ",
        "**Answer:** ",
        "\n#### ",
        "\n\n",
        "$",
        "\\boxed{",
        "}",
        "5",
        "x = 3",
        " and ",
        "(B)",
        ". ",
        "Paris",
    ),
    *(
        "\\frac{1}{2}",
        "\\[",
        "\\]",
        "<think>",
        "</think>",
        "<|im_end|>",
        "\nQ: ",
        "| Answer |",
        "答案是",
        "so ",
        "option A ",
        "= ",
    ),
    *(
        "\\begin{align}",
        "\\\\",
        "&",
        "\\end{align}",
        '{"answer": ',
        "<answer>",
        "</answer>",
        "**",
        "12 cm",
        "- ",
        "1. ",
        "not ",
    ),
)
HARD = (
    *(
        "the answer is ",
        "The answer is 5. ",
        "answer: ",
        "Answer:\n",
        "\\",
        "$",
        "{",
        "}",
        "#",
        "#### x\n",
        "\n",
        " ",
        "\t",
    ),
    *("<think>", "</think>", "<|im_end|>", "<|channel|>final<|message|>", "<", "</", "[THINK]", "<<1=1>>", "\\boxed{"),
    *(
        "\\boxed{}",
        "\\boxed{1} and ",
        "box",
        "1",
        "1,",
        "1+",
        "(",
        "(A) ",
        "option A is correct ",
        "not A ",
        "\\[ ",
        "$$ x ",
    ),
    *("\\begin{align}", "**a", "*", "_", "`", "\nQuestion:", "The answer is 5\nQuestion:", '"answer": "', "| answer "),
    *(
        "A: B ",
        "选A",
        "答案是",
        "St. ",
        ". ",
        "!",
        " and ",
        "=",
        "x=1 ",
        "\u00a0",
        "C) x\n",
        "Let me know. ",
        "sqrt(",
        "a",
    ),
)


@pytest.mark.parametrize("part", HARD)
def test_reading_takes_time_that_grows_as_the_text(part: str) -> None:
    quarters, wholes = (_replies(part * (size // len(part))) for size in (250_000, 1_000_000))
    for quarter, whole in zip(quarters, wholes, strict=True):
        for kind in (Kind.MATH, Kind.CHOICE, Kind.TEXT):
            if _seconds(whole, kind) > 0.1:  # a slow machine, or time that grows faster than the text
                spent, before = (min(_seconds(reply, kind) for _ in range(3)) for reply in (whole, quarter))
                assert spent < 8 * max(before, 0.005), (kind, whole[:40])  # a square would be sixteen times


def _replies(text: str) -> tuple[str, ...]:
    return text, f"The answer is {text}", f"\\boxed{{{text}}}", f"{text}\nThe answer is 5."


def _seconds(text: str, kind: Kind) -> float:
    """The processor time of one reading."""
    start = time.process_time()
    extract(text, kind)
    return time.process_time() - start


@given(some.text(alphabet=SOUP, max_size=120) | some.text(max_size=60))
def test_any_text_is_read_and_what_is_marked_is_the_answer(text: str) -> None:
    for kind in Kind:
        answer, mark = extract(text, kind), marked(text, kind)
        assert answer is None or answer.strip()
        assert mark is None or mark == answer


@given(some.lists(some.sampled_from(PIECES), max_size=14))
def test_pieces_of_replies_in_any_order_are_read(pieces: list[str]) -> None:
    text = "".join(pieces)
    for kind in (Kind.MATH, Kind.CHOICE, Kind.TEXT):
        answer, mark = extract(text, kind), marked(text, kind)
        assert mark is None or mark == answer
