"""The summary's numbers, against what can be counted by hand."""

import random
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from redraft.agents.agent import Agent
from redraft.agents.policies.policy import Policy
from redraft.flows.generate import generate
from redraft.flows.summary.accuracy import Draft, best, vote
from redraft.flows.summary.query import DRAFTS
from redraft.flows.summary.report import markdown, show
from redraft.flows.summary.summary import caveats, lines
from redraft.flows.summary.summary_reader import summarise
from redraft.graders.grader import Grader
from redraft.graders.statistics import majority_at_k, wilson
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Question, Store, Trajectory
from redraft.store.problems import Kind
from redraft.store.tables.sql import literal
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


def drafts(answers: Sequence[str | None], right: str, values: Sequence[float | None] = ()) -> list[Draft]:
    scores = values or [None] * len(answers)
    return [
        Draft("p", Kind.MATH, answer, answer == right, {"likelihood": score})
        for answer, score in zip(answers, scores, strict=True)
    ]


@pytest.mark.parametrize("answers", list(product(["1", "2", "3", None], repeat=4)))
def test_a_vote_is_the_expectation_over_ties(answers: tuple[str | None, ...]) -> None:
    assert vote(drafts(answers, "1"), None) == pytest.approx(majority_at_k(answers, "1", len(answers)))


def test_votes_count_with_their_weights() -> None:
    given = drafts(["1", "2", "2"], "1", [-0.1, -2.0, -2.0])
    assert vote(given, None) == 0.0
    assert vote(given, "likelihood") == 1.0


def test_the_best_graded_draft_shares_ties_and_needs_an_answer() -> None:
    assert best(drafts(["1", "2"], "1", [-1.0, -1.0]), "likelihood") == 0.5
    assert best(drafts([None, "1"], "1", [-0.1, -1.0]), "likelihood") == 1.0
    assert best(drafts(["2", "1"], "1", [-1.0, None]), "likelihood") == 0.0


async def test_first_drafts_are_the_samples(tmp_path: Path, sums: Sums) -> None:
    """Of the first sum 1 of 4 drafts is right, of the second 3; the wrong ones are the likelier."""

    def script(request: Request, index: int) -> Choice:
        number = 1 if "1 + 1" in request.messages[0].content else 2
        right = index < (1 if number == 1 else 3)
        text = f"#### {2 * number if right else 9}"
        logprob = -1.0 if right else -0.5
        return Choice(text, Finish.END, 1, (logprob,), (0,))

    model = Scripted(script)
    summary = await generate(sums(2), db=Store(tmp_path / "r.duckdb"), model=model, samples=4, strategy="best_of_n")
    assert summary.first is not None
    assert summary.first == summary.last
    assert summary.first.estimate == summary.pass_at_1 == 0.5
    assert (summary.samples, summary.pass_at_k) == (4, 1.0)
    assert dict(summary.selectors) == {
        "majority": 0.5,
        "weighted majority by mean likelihood": 0.5,
        "best by mean likelihood": 0.0,
        "weighted majority by summed likelihood": 0.5,
        "best by summed likelihood": 0.0,
    }
    assert (summary.chosen.estimate if summary.chosen else None) == 0.0
    assert (summary.tokens, summary.calls, summary.problems, summary.trajectories) == (8, 2, 2, 8)


async def test_one_draft_a_problem_is_told_once(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda *_: True)
    summary = await generate(sums(2), db=store, model=model, strategy="greedy")
    names = [name for name, *_ in lines(summary)]
    assert [name for name in names if "pass@" in name or "majority" in name] == ["pass@1"]


async def test_an_oracle_that_chose_told_no_redraft(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda *_: True)
    settings: dict[str, Any] = {"db": store, "model": model, "strategy": "best_of_n", "grader": "oracle"}
    summary = await generate(sums(1), samples=4, **settings)
    used = "The known answer was used to choose a draft (oracle_used): an upper bound, not a fair score."
    assert caveats(summary) == [used]
    fewer = await generate(sums(1), samples=2, **settings)
    assert ("trajectories", "4", "0 redrafted, 4 a problem stored") in lines(fewer)


@pytest.mark.parametrize(("grader", "told"), [("likelihood", False), ("rollout", True)])
async def test_a_search_tells_how_often_its_pick_is_right(tmp_path: Path, grader: str, told: bool) -> None:
    settings: dict[str, Any] = {"strategy": "best_first", "grader": grader, "arguments": {"iterations": 4}}
    summary = await generate("builtin:levels=1", db=tmp_path / "s.duckdb", limit=3, **settings)
    with Store(tmp_path / "s.duckdb") as store:
        right = store.query("SELECT avg(correct::INT) FROM trajectories WHERE chosen").rows[0][0]
    assert summary.chosen is not None
    assert summary.chosen.estimate == pytest.approx(right)
    assert summary.right == pytest.approx(3 * right)
    assert (summary.first, summary.graded_problems, summary.oracle_used) == (None, 3, told)
    shown = markdown(summary)
    assert f"| the agent's pick | {right:.1%} |" in shown
    assert ("The known answer was used" in shown) is told


async def test_drafts_without_a_grade_are_counted_with_the_most_frequent_reason(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    said = ((None, "It is busy."), (None, "It hung up."), (0.5, None), (None, "It is busy."))

    def moody() -> Grader:
        async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
            judged = zip(trajectories, said, strict=True)
            return [Grade("moody", path.trajectory_id, 1, value, reason=why) for path, (value, why) in judged]

        return grader

    store, model = Store(tmp_path / "r.duckdb"), adder(lambda *_: True)
    summary = await generate(sums(2), db=store, model=model, strategy="best_of_n", grader=moody, samples=4)
    assert (summary.graded, summary.ungraded) == (2, 6)
    assert caveats(summary) == ["6 drafts have no grade by moody; most frequent reason: It is busy."]


async def test_a_known_answer_is_not_denied_where_nothing_was_judged(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    def down(*_: object) -> bool:
        raise ModelError("The provider is down.")

    def idle() -> Agent:
        async def agent(question: Question) -> list[Trajectory]:
            return []

        return agent

    store = Store(tmp_path / "r.duckdb")
    failed = await generate(sums(1), db=store, model=adder(down), samples=1)
    assert caveats(failed) == [
        "1 failed: The provider is down.",
        "The accuracies above leave out failed trajectories. The same command tries them again.",
    ]
    assert caveats(await generate(sums(1), db=store, model=adder(down), strategy=idle)) == [
        "The strategy gave no drafts."
    ]


async def test_pass_at_k_is_of_all_problems_alike(tmp_path: Path, sums: Sums) -> None:
    """Two of three problems have five drafts, and the easy one two."""

    def adaptive(policy: Policy) -> Agent:
        async def agent(question: Question) -> list[Trajectory]:
            return await policy(Trajectory(question), 2 if "1 + 1" in question.text else 5)

        return agent

    def script(request: Request, index: int) -> str:
        return "#### 2" if "1 + 1" in request.messages[0].content or index else "#### 4"

    summary = await generate(
        sums(3), db=Store(tmp_path / "r.duckdb"), model=Scripted(script), strategy=adaptive, samples=5
    )
    assert (summary.samples, summary.most_samples) == (2, 5)
    told = {name: note for name, _, note in lines(summary)}
    assert told["pass@2"] == "any of 2 first drafts is right"
    assert told["majority"] == "and below: chosen among 2 to 5 first drafts"


async def test_where_all_is_right_the_interval_is_wilsons(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    summary = await generate(sums(4), db=Store(tmp_path / "r.duckdb"), model=adder(lambda *_: True), samples=2)
    assert summary.first == wilson(4, 4)
    assert ("first draft right", "100.0%", "95% between 51.0% and 100.0%") in lines(summary)


async def test_only_the_problems_of_this_run_count(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda number, *_: number == 1)
    await generate(sums(4), db=store, model=model, samples=1)
    summary = await generate(sums(1), db=store, model=model, samples=1)
    assert (summary.problems, summary.trajectories, summary.pass_at_1) == (1, 1, 1.0)


async def test_a_summary_in_parts_is_of_the_drafts_that_the_view_shows(
    tmp_path: Path, sums: Sums, adder: Adder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some trajectories fail in either turn, some problems have no key, and what failed was tried again, better."""
    luck = random.Random(5)

    def moody(number: int, sample: int, turn: int) -> bool:
        if luck.random() < 0.12:
            raise ModelError("It is busy.")
        return luck.random() < 0.4

    store, model = Store(tmp_path / "r.duckdb"), adder(moody)
    mixed = [*sums(12), *[Problem("What is 77 + 77?", source="open")]]
    wish: dict[str, Any] = {"strategy": "correct", "arguments": {"feedback": "fixed", "turns": 2}, "samples": 3}
    await generate(mixed, db=store, model=model, **wish)
    whole = await generate(mixed, db=store, model=model, **wish)
    assert whole.failed
    assert whole.wrong_to_right
    [[attempts]] = store.query("SELECT max(attempt) FROM raw.commits").rows
    assert attempts == 2
    monkeypatch.setattr("redraft.flows.summary.summary_reader.PART", 5)
    ids = {"recipe": whole.recipe, "replicate": "", "problems": [problem.problem_id for problem in store.problems()]}
    assert summarise(store, whole.run_id, **ids) == whole
    told = [
        (end, row["problem_id"], row["trajectory_id"], row["turn"], row["answer"], row["correct"])
        for row in store.rows(DRAFTS.format(these=f"recipe = {literal(whole.recipe)}"))
        for end in ("first", "last")
        if row[end]
    ]
    view = store.query("SELECT draft, problem_id, trajectory_id, turn, answer, correct FROM raw.drafts").rows
    assert sorted(told, key=str) == sorted(view, key=str)


async def test_what_qualifies_the_numbers_is_said(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store = Store(tmp_path / "r.duckdb")
    mixed = [*sums(2), *[Problem("What is 7 + 7?", source="open")]]
    told = await generate(mixed, db=store, model=adder(lambda *_: False), samples=1, arguments={"feedback": "oracle"})
    assert caveats(told) == [
        "The feedback for redrafts used the known answer (oracle_used): an upper bound, not a fair score.",
        "The accuracies are over 2 of 3 problems.",
    ]
    unknown = await generate(sums(1, known=False), db=store, model=adder(lambda *_: False), samples=1)
    assert caveats(unknown) == [
        "The model gave no log-probabilities, so likelihood could not judge: choose another feedback or grader.",
        "No problem here has a known answer, so no draft counts as right or wrong.",
    ]
    assert "strategy correct (feedback likelihood), model adder" in lines(unknown)[-1][2]
    assert "| pass@1 | 0.0% |" in markdown(told)
    console = Console(width=80, record=True, quiet=False, file=(tmp_path / "out").open("w"))
    show(told, console)
    assert max(map(len, console.export_text().splitlines())) <= 80
