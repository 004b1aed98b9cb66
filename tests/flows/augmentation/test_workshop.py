"""The tools of an augmentation: replies, the acceptance test, and drafts that move to the unit of a new question."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from redraft.agents.build import build
from redraft.flows.augmentation.result import AugmentResult, MethodResult, sum_of_augment_tries
from redraft.flows.augmentation.workshop import Workshop
from redraft.graders.oracle import oracle
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.scripted import Scripted
from redraft.llm.usage import Usage
from redraft.store import Problem
from redraft.store.problems import Keyring, Kind
from redraft.store.trajectory import Stop, Verdict
from redraft.store.unit import Rewrite, answers_id

PARENT = Problem("What is 3 * 4?", "12", "parent", source="tests", split="heldout", subject="products")
NEW = "What is 4 * 3?"


def workshop(answers: Sequence[str], strategy: str = "self_consistency", **settings: Any) -> Workshop:
    """A workshop whose model gives each of these answers in turn; "!" is a failed call."""

    def write(request: Request, index: int) -> str:
        answer = answers[index % len(answers)]
        if answer == "!":
            raise ModelError("The model is away.", usage=Usage())
        return f"So.\n\n\\boxed{{{answer}}}" if answer else "I do not know."

    client = Client(Scripted(write, name="scripted"), **settings)
    agent = build(strategy, client, samples=len(answers))
    keys = Keyring()
    return Workshop("method", "unit", client, agent, (oracle(keys),), keys)


def judged(made: Workshop, answer: str | None = "12", number: int = 0, **facts: Any) -> Rewrite:
    return asyncio.run(made.test(PARENT, number, NEW, answer, **facts))


@pytest.mark.parametrize(
    ("answers", "facts", "refused", "agreed"),
    [
        (["12"], {}, None, 1),
        (["12", "12.0", "$12$", "13"], {}, None, 3),
        (["13", "12"], {}, None, 1),
        (["13", "14"], {}, "other answer: 0 of 2 samples give 12", 0),
        (["13", "12"], {"agreement": 0.5}, None, 1),
        (["13", "14", "12"], {"agreement": 0.5}, "too little agreement: 1 of 3 samples give 12", 1),
        (["12", "12"], {"agreement": 1.0}, None, 2),
        (["", ""], {}, "no answer: the samples give none", 0),
        (["", "12"], {}, None, 1),
    ],
)
def test_answers_are_compared_with_the_known_one(
    answers: list[str], facts: dict[str, Any], refused: str | None, agreed: int
) -> None:
    made = judged(workshop(answers), **facts)
    assert (made.refused, made.agreed, made.answers) == (refused, agreed, len(answers))
    assert (made.problem is None) == (refused is not None)
    assert len(made.drafts) == (0 if refused else len(answers))
    assert made.confidence == agreed / len(answers)


def test_a_new_problem_has_its_lineage_and_the_split_of_its_parent() -> None:
    problem = judged(workshop(["12"]), level=2, meta={"hidden": 1}).problem
    assert problem is not None
    assert (problem.parent_id, problem.augmentation, problem.source) == ("parent", "method", "tests")
    assert (problem.split, problem.subject, problem.level, problem.meta) == ("heldout", "products", 2, {"hidden": 1})
    assert problem.problem_id != Problem(NEW, source="tests").problem_id


def test_the_drafts_move_to_a_unit_of_their_own() -> None:
    first, second = (judged(workshop(["12", "13"]), number=number) for number in (0, 1))
    for number, made in enumerate((first, second)):
        unit = answers_id("unit", number)
        assert [draft.trajectory_id for draft in made.drafts] == [f"{unit}:0", f"{unit}:1"]
        assert all(step.step_id.startswith(f"{unit}/") for draft in made.drafts for step in draft.steps)
        assert {grade.trajectory_id for grade in made.grades} == {draft.trajectory_id for draft in made.drafts}
        for draft in made.drafts:
            parents = [step.parent_id for step in draft.steps]
            assert parents == [None, *(step.step_id for step in draft.steps[:-1])]
    verdicts = {grade.trajectory_id: grade.verdict for grade in first.grades}
    assert set(verdicts.values()) == {Verdict.RIGHT, Verdict.WRONG}


def test_grades_of_the_strategy_move_with_their_drafts() -> None:
    made = judged(workshop(["12", "13"], "best_of_n"))
    graders = {grade.grader for grade in made.grades}
    assert len(graders) == 2
    assert "oracle" in graders
    ids = {draft.trajectory_id for draft in made.drafts}
    assert {grade.trajectory_id for grade in made.grades} == ids
    assert {grade.trajectory_id for draft in made.drafts for grade in draft.grades} == ids


def test_a_failed_call_decides_nothing() -> None:
    tools = workshop(["!"])
    made = judged(tools)
    assert made.refused == "not tested: The model is away."
    assert (made.problem, made.answers, made.confidence) == (None, 0, None)
    assert tools.stops == {Stop.FAILED}


@pytest.mark.parametrize(
    ("answers", "answer", "refused"),
    [
        (["8", "8", "9"], "8", None),
        (["8", "8.0", "9", "9"], "8", None),
        (["8", "9"], "8", "no agreement: 1 of 2 samples give 8"),
        (["8"], "8", None),
        (["", ""], None, "no answer: the samples give none"),
    ],
)
def test_without_a_known_answer_the_samples_agree_on_one(
    answers: list[str], answer: str | None, refused: str | None
) -> None:
    made = judged(workshop(answers), None)
    assert (made.answer, made.refused) == (answer, refused)
    assert [grade for grade in made.grades if grade.grader == "oracle"] == []
    if made.problem:
        assert made.problem.answer == answer
        assert made.problem.meta["answers"] == len(answers)
        assert made.problem.meta["confidence"] == made.confidence


def test_a_choice_is_compared_as_a_choice() -> None:
    made = judged(workshop(["B", "(b)"]), "B", kind=Kind.CHOICE)
    assert (made.refused, made.agreed) == (None, 2)


def test_a_problem_itself_keeps_its_wrong_drafts() -> None:
    tools = workshop(["13", "14"])
    made = asyncio.run(tools.solve(PARENT))
    assert made.refused == "other answer: 0 of 2 samples give 12"
    assert (made.problem, len(made.drafts), len(made.grades)) == (None, 2, 2)
    assert [draft.trajectory_id for draft in made.drafts] == ["unit:0", "unit:1"]


def test_what_is_written_fills_the_wording_after_the_system_prompt_alone() -> None:
    prompts = Prompts(templates={"rephrase": "Anew, please: {question}"}, system="Be brief.")
    tools = workshop(["12"], prompts=prompts)
    replies = asyncio.run(tools.write(PARENT, "rephrase", n=2, question=PARENT.question))
    assert len(replies) == 2
    model: Any = tools.client.model
    shown = [(message.role, message.content) for message in model.requests[0].messages]
    assert shown == [("system", "Be brief."), ("user", "Anew, please: What is 3 * 4?")]


def counted(accepted: int, failed: int = 0, known: int = 0, failure: str = "") -> AugmentResult:
    """Each problem that did not fail gave an accepted rewrite and a refused one."""
    refused = {"other answer": accepted} if accepted else {}
    method = MethodResult("fobar", "run", accepted + failed, known, 2 * accepted, accepted, failed, refused)
    method.failure = failure
    return AugmentResult("a.duckdb", [method])


def test_counts_are_told_by_kind_of_reason() -> None:
    assert str(counted(2)).splitlines() == [
        "fobar: 2 of 4 rewrites accepted (2 other answer)",
        "2 rewrites accepted: kept in a.duckdb",
    ]
    assert str(AugmentResult("a.duckdb", [MethodResult("fobar", "run", problems=1)])).splitlines() == [
        "fobar: 0 of 0 rewrites accepted",
        "0 rewrites accepted: kept in a.duckdb",
        'No rewrite was accepted: `redraft query "FROM rewrites"` shows each with the reason.',
    ]
    assert str(counted(0, known=3)).splitlines() == [
        "fobar: 3 problems done before, none left",
        "no new rewrite accepted: kept in a.duckdb",
    ]
    assert str(counted(1, known=3)).startswith(
        "fobar: 1 of 2 rewrites accepted (1 other answer); 3 problems done before"
    )
    assert "2 of 4" in counted(2)._repr_html_()


def test_failed_problems_are_told_with_the_reason() -> None:
    result = counted(1, failed=2)
    assert str(result).startswith(
        "fobar: 1 of 2 rewrites accepted (1 other answer); 2 problems failed: the same command tries again\n"
    )
    told = str(counted(1, failed=3, failure="It is: away."))
    assert "; 3 problems failed (It is: away.): the same command tries again\n" in told


def test_tries_are_summed_without_counting_a_problem_twice() -> None:
    both = sum_of_augment_tries([counted(2, failed=1), counted(1, known=2)])
    [method] = both.methods
    assert method.refused == {"other answer": 3}
    assert (method.problems, method.rewrites, method.accepted, method.failed, method.known) == (3, 6, 3, 0, 0)
    assert sum_of_augment_tries([counted(1)]).accepted == 1
