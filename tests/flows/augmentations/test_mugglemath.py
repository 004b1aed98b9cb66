"""MuggleMath's five kinds: each asks for its own change, and the samples have to agree."""

from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

KINDS = {
    "add_condition": "add a condition",
    "change_numbers": "change the numbers",
    "combine_concepts": "combine this one with a further concept",
    "fractions": "bring fractions, decimals or",
    "raise_complexity": "make this one more complex",
}
PARENT = Problem("Ann has 3 bags with 4 pens. How many pens is that?", "12", source="tests", split="train", level=3)


class Teacher(Scripted):
    """Writes one new question, and answers it with each of `answers` in turn."""

    def __init__(self, answers: str, fails: bool = False) -> None:
        self.answers, self.fails = answers, fails
        super().__init__(self.write, name="teacher")

    def write(self, request: Request, index: int) -> str:
        text = request.messages[-1].content
        if not text.startswith("Solve this problem."):
            return "Sure, here it is:\n\nAnn has 5 bags with 6 pens. How many pens is that?\n\nAnswer: 30"
        if self.fails:
            raise ModelError("The model is away.")
        answer = self.answers[index % len(self.answers)]
        return "I do not know." if answer == "-" else f"\\boxed{{{answer}}}"


async def made(tmp_path: Path, answers: str, **arguments: Any) -> list[tuple[Any, ...]]:
    store = Store(tmp_path / "redraft.duckdb")
    named = {f"fractions.{name}": value for name, value in arguments.items()}
    settings: dict[str, Any] = {"db": store, "methods": ["fractions"], "samples": len(answers)}
    await augment([PARENT], model=Teacher(answers), arguments=named, **settings)
    return store.query("SELECT answer, refused, answers, agreed FROM rewrites ORDER BY number").rows


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_asks_for_its_change(kind: str, tmp_path: Path) -> None:
    model, store = Teacher("7"), Store(tmp_path / "redraft.duckdb")
    found = await augment([PARENT], db=store, model=model, methods=[kind], samples=2)
    asked = model.requests[0].messages[-1].content
    assert KINDS[kind] in " ".join(asked.split())
    assert asked.endswith(PARENT.question)
    assert (found.accepted, found.methods[0].method) == (1, kind)
    made = "SELECT question, answer, split, level, parent_id FROM problems WHERE augmentation IS NOT NULL"
    new = "Ann has 5 bags with 6 pens. How many pens is that?"
    assert store.query(made).rows == [(new, "7", "train", None, PARENT.problem_id)]


@pytest.mark.parametrize(
    ("answers", "agreement", "refused"),
    [
        ("7777", 0.5, None),
        ("7788", 0.5, None),
        ("7788", 0.6, "too little agreement: 2 of 4 samples give 7"),
        ("7891", 0.0, "no agreement: 1 of 4 samples give 7"),
        ("----", 0.0, "no answer: the samples give none"),
        ("77--", 0.5, None),
        ("7---", 0.25, "no agreement: 1 of 4 samples give 7"),
        ("7", 0.5, None),
    ],
)
async def test_samples_have_to_agree(tmp_path: Path, answers: str, agreement: float, refused: str | None) -> None:
    [(answer, reason, drawn, agreed)] = await made(tmp_path, answers, agreement=agreement)
    assert (reason, drawn) == (refused, len(answers))
    assert answer == (None if set(answers) == {"-"} else "7")
    assert agreed == answers.count("7")


async def test_the_drafts_that_made_the_key_are_not_judged_by_it(tmp_path: Path) -> None:
    await made(tmp_path, "7778")
    store = Store(tmp_path / "redraft.duckdb")
    assert store.query("SELECT count(*), count(correct) FROM samples").rows == [(4, 0)]


async def test_questions_without_a_known_answer_are_taken(tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    unknown = Problem(PARENT.question, None, source="tests")
    found = await augment([unknown], db=store, model=Teacher("7"), samples=2)
    assert {method.method for method in found.methods} >= KINDS.keys()
    needing = dict.fromkeys(["rephrase", "fobar", "self_verification", "answers"], "no problem has a known answer")
    assert found.left_out.items() >= needing.items()


async def test_a_model_that_dies_leaves_a_failed_unit_and_no_problem(tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    settings: dict[str, Any] = {"db": store, "methods": ["fractions"], "samples": 2}
    found = await augment([PARENT], model=Teacher("7", fails=True), **settings)
    assert (found.failed, found.accepted) == (1, 0)
    assert store.query("SELECT refused FROM rewrites").rows == [("not tested: The model is away.",)]
    assert store.query("SELECT count(*) FROM problems WHERE augmentation IS NOT NULL").rows == [(0,)]
    again = await augment([PARENT], model=Teacher("7"), **settings)
    assert (again.failed, again.accepted, again.methods[0].known) == (0, 1, 0)


async def test_no_rewrite_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="rewrites=0 is too few"):
        await made(tmp_path, "7", rewrites=0)
