"""The four kinds of MetaMath over text that is hard to rewrite, from the file to the store."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.flows.augmentation.backward import masks
from redraft.llm.model import Request
from redraft.llm.prompts.templates import TEMPLATES
from redraft.llm.scripted import Scripted
from redraft.store import Store

BACKWARD = "If we know the answer to the above question is {}, what is the value of unknown variable {}?"


@pytest.mark.parametrize(
    ("question", "hidden"),
    [
        ("What is \\frac{1}{2} of $8$?", ["8"]),
        ("If $f(x) = 3x + 5$, what is $f(4)$?", ["5"]),
        ("How many days has a leap year?", []),
        ("He has 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10 coins in ten bags.", [*map(str, range(1, 11)), "10"]),
        ("Two men and three women share half of twelve pies.", ["2", "3", "1/2", "12"]),
        ("From 9 a.m. to 5 p.m. on March 3, 2021, he sold 40.", ["40"]),
        ("In 1999 she had 1999 stamps in 3 albums.", ["1999", "3"]),
        ("Bus 12 carries 30 people past room 4.", ["30"]),
        ("A coat costs $50. A hat costs 20% of it.", ["50", "20"]),
        ("He runs 1/2 mile, then 0.75 miles, then 1,500 metres.", ["1/2", "0.75", "1500"]),
        ("She has 5\nred and 7\tblue pens.", ["5", "7"]),
        ('He said "3" and (4) and 5-6 and 7*8.', ["3"]),
        ("Ann has x boxes of 5 pens. The answer is 20. What is x?", []),
        ("A 5-year-old has 6 toys, the 7th is new.", ["6"]),
        ("Each one has one dog; one cat costs one dollar.", ["1", "1", "1"]),
    ],
)
def test_the_numbers_that_are_hidden(question: str, hidden: Sequence[str]) -> None:
    found = masks(question)
    assert [mask.answer for mask in found] == list(hidden)
    for mask in found:
        assert mask.variable in mask.question
        assert len(mask.question.split()) == len(question.split())
        changed = [now for now, before in zip(mask.question.split(), question.split(), strict=True) if now != before]
        assert len(changed) == 1


REPLIES = {
    "preface": "Certainly! Here is a rephrased version:\n\nWhat is four times 3?",
    "several": "1. What is four times 3?\n2. What is thrice 4?",
    "answer": "The product is 12. The answer is 12.",
    "empty": "",
    "statement": "Four times three is twelve.",
    "solution": "What is four times 3?\n\nSolution: 4 * 3 = 12\n#### 12",
}
REFUSED = {
    "answer": "the reply answers instead of asking",
    "empty": "empty reply",
    "statement": "the reply asks nothing",
}


@pytest.fixture
def problems(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: tuple[str, str]) -> Path:
        file = tmp_path / "own.jsonl"
        file.write_text("\n".join(json.dumps({"question": question, "answer": answer}) for question, answer in rows))
        return file

    return write


@pytest.mark.parametrize("reply", REPLIES)
async def test_what_a_model_says_instead_of_a_question(
    reply: str, problems: Callable[..., Path], tmp_path: Path
) -> None:
    def write(request: Request, index: int) -> str:
        return "\\boxed{12}" if request.messages[-1].content.startswith("Solve this") else REPLIES[reply]

    store = Store(tmp_path / "redraft.duckdb")
    settings: dict[str, Any] = {"db": store, "methods": ["rephrase"], "samples": 1}
    await augment(problems(("What is 3 * 4?", "12")), model=Scripted(write), **settings)
    [(question, refused)] = store.query("SELECT question, refused FROM rewrites").rows
    assert refused == REFUSED.get(reply)
    assert question == (REPLIES[reply] if refused else "What is four times 3?")


async def test_a_question_in_latex_is_asked_for_capital_x(problems: Callable[..., Path], tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    model = Scripted(lambda request, index: "\\boxed{5}")
    question = "If $f(y) = 3y + 5$, what is $f(4)$?"
    await augment(problems((question, "17")), db=store, model=model, methods=["fobar"], samples=1)
    [(asked, answer, accepted)] = store.query("SELECT question, answer, accepted FROM rewrites").rows
    assert asked == "If $f(y) = 3y + X$, what is $f(4)$?\n### " + BACKWARD.format("17", "X")
    assert (answer, accepted) == ("5", True)


async def test_a_dollar_stays_and_the_number_without_its_signs_is_the_answer(
    problems: Callable[..., Path], tmp_path: Path
) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    model = Scripted(lambda request, index: "The value is \\boxed{\\$50}")
    file = problems(("A coat costs $50. Ann pays it. How much is that in dollars?", "50"))
    await augment(file, db=store, model=model, methods=["fobar"], samples=1)
    [(asked, answer, accepted)] = store.query("SELECT question, answer, accepted FROM rewrites").rows
    facts = "A coat costs $x. Ann pays it. How much is that in dollars?"
    assert asked == f"{facts}\n{BACKWARD.format('50', 'x')}"
    assert (answer, accepted) == ("50", True)


AUGMENT = ("rephrase", "fobar", "self_verification", "change_numbers", "fractions", "combine_concepts", "harder")


@pytest.mark.parametrize("name", AUGMENT)
def test_a_wording_belongs_to_its_method_alone(name: str) -> None:
    """A wording without a part would be in every recipe, and every run that was paid for would be paid again."""
    template = TEMPLATES[name]
    assert template.part
    for place in max(template.forms, key=len) - {"variable"}:
        assert f"{{{place}}}" in template.text
