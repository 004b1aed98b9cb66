"""Several redrafts a turn: the grader's best goes on, the others are kept beside it."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.feedback import Remark
from redraft.agents.feedback.none import none as no_feedback
from redraft.agents.policies.policy import whole
from redraft.agents.strategies.correct import correct
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def model(*turns: Sequence[str]) -> Scripted:
    """Redraft number n of turn t is turns[t - 1][n]; "!" is a call that fails, "..." one that is cut off."""

    def script(request: Request, index: int) -> str | Choice:
        draft = turns[len(request.messages) // 2][index]
        if draft == "!":
            raise ModelError("The line is dead.")
        return Choice("and", Finish.LENGTH, 1) if draft == "..." else f"#### {draft}"

    return Scripted(script)


async def by_answer(trajectories: Sequence[Trajectory]) -> list[Grade]:
    values = [None if t.answer is None else float(t.answer) for t in trajectories]
    return [Grade("by_answer", t.trajectory_id, t.turn, value=v) for t, v in zip(trajectories, values, strict=True)]


def branching(client: Client, **more: Any) -> Any:
    parts = {"feedback": no_feedback(), "critic": no_critic(), "grader": by_answer, "branches": 3, "turns": 3}
    return correct(whole(client), **{**parts, **more})


async def test_the_best_redraft_of_each_turn_goes_on_and_its_siblings_are_kept() -> None:
    scripted = model(["1"], ["2", "5", "3"], ["4", "6", "7"])

    trajectories = await branching(Client(scripted))(QUESTION)

    assert [(t.trajectory_id, t.role, t.answers, t.answer, t.score, t.chosen) for t in trajectories] == [
        ("u:0", Role.SAMPLE, ("1", "5"), "7", 7.0, True),
        ("u/0.0.1.0.1", Role.SEARCH, ("1", "5"), "6", 6.0, False),
        ("u/0.0.1.0.0", Role.SEARCH, ("1", "5"), "4", 4.0, False),
        ("u/0.0.2", Role.SEARCH, ("1",), "3", 3.0, False),
        ("u/0.0.0", Role.SEARCH, ("1",), "2", 2.0, False),
    ]
    assert [(request.n, len(request.messages)) for request in scripted.requests] == [(1, 1), (3, 3), (3, 5)]
    assert [(g.trajectory_id, g.turn, g.value) for g in trajectories[0].grades] == [
        ("u:0", 1, 1.0),
        ("u:0", 2, 5.0),
        ("u:0", 3, 7.0),
    ]
    assert [(g.trajectory_id, g.turn, g.value) for g in trajectories[3].grades] == [
        ("u/0.0.2", 1, 1.0),
        ("u/0.0.2", 2, 3.0),
    ]


async def test_redrafts_that_fail_are_one_trajectory_beside_those_that_came() -> None:
    async def policy(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        if trajectory.turn == 1:
            return [replace(trajectory.grow("#### 1", 0), stop=Stop.ANSWERED, answer="1")]
        dead = replace(trajectory, stop=Stop.FAILED, reason="The line is dead.")
        return [dead, replace(trajectory.grow("#### 2", 1), stop=Stop.ANSWERED, answer="2"), dead]

    parts = {"feedback": no_feedback(), "critic": no_critic(), "grader": by_answer, "branches": 3, "turns": 2}
    trajectories = await correct(policy, **parts)(QUESTION)  # pyright: ignore[reportArgumentType]

    assert [(t.trajectory_id, t.role, t.stop, t.answers, t.answer, t.chosen) for t in trajectories] == [
        ("u:0", Role.SAMPLE, Stop.ANSWERED, ("1",), "2", True),
        ("u/0.0", Role.SEARCH, Stop.FAILED, ("1",), None, False),
    ]


async def test_a_turn_of_which_no_redraft_comes_fails_and_the_draft_before_it_is_picked() -> None:
    trajectories = await branching(Client(model(["1"], ["!", "!", "!"])))(QUESTION)
    assert [(t.trajectory_id, t.role, t.stop, t.reason, t.answer, t.chosen) for t in trajectories] == [
        ("u/0", Role.SEARCH, Stop.ANSWERED, None, "1", True),
        ("u:0", Role.SAMPLE, Stop.FAILED, "The line is dead.", None, False),
    ]


async def test_redrafts_that_a_budget_does_not_reach_leave_the_draft_before_them() -> None:
    client = Client(model(["1"], ["2", "5", "3"]), problem_budget=Budget(calls=1))
    [trajectory] = await branching(client)(QUESTION)
    assert (trajectory.stop, trajectory.answer, trajectory.chosen, trajectory.reason) == (
        Stop.BUDGET,
        "1",
        True,
        "The problem's budget of 1 call is used up.",
    )


async def test_where_none_of_the_siblings_has_a_grade_the_first_that_ended_goes_on() -> None:
    async def silent(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("silent", t.trajectory_id, t.turn, reason="no idea") for t in trajectories]

    trajectories = await branching(Client(model(["1"], ["...", "5", "3"])), grader=silent, turns=2)(QUESTION)
    [trajectory] = [trajectory for trajectory in trajectories if trajectory.role is Role.SAMPLE]
    assert (trajectory.answer, trajectory.steps[-1].step_id) == ("5", "u/0.0.1")


async def test_branches_and_a_threshold_need_a_grader() -> None:
    for arguments, told in (({"branches": 2}, "branches=2"), ({"threshold": 0.0}, "threshold=0.0")):
        with pytest.raises(PartError, match=f"{told} of strategy 'correct' needs a grader"):
            branching(Client(model(["1"])), grader=None, **{"branches": 1, **arguments})


async def test_what_stands_before_a_doubtful_step_is_kept_and_gone_on_from() -> None:
    async def second(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark("Line 2 is doubtful.", "prm", keep=1) for _ in trajectories]

    def script(request: Request, index: int) -> Choice:
        if request.prefix:
            return Choice(f"b\n#### {index + 2}", Finish.END, 3, (-1.0, -1.0, -1.0), (0, 2, 7))
        return Choice("a\nx\n#### 1", Finish.END, 3, (-1.0, -1.0, -1.0), (0, 2, 4))

    scripted = Scripted(script)
    [trajectory, other] = await branching(Client(scripted), feedback=second, turns=2, branches=2)(QUESTION)

    assert (scripted.requests[1].prefix, scripted.requests[1].n) == ("a\n", 2)
    assert [(s.step_id, s.turn, s.by, s.text, s.tokens, s.logprob) for s in trajectory.steps[3:]] == [
        ("u/0.0.0.0", 2, "prm", "Line 2 is doubtful.", 0, None),
        ("u/0.0.0.0.0", 2, "model", "a\n", 0, 0.0),
        ("u/0.0.0.0.0.1", 2, "model", "b\n", 1, -1.0),
        ("u/0.0.0.0.0.1.0", 2, "model", "#### 3", 2, -2.0),
    ]
    assert (trajectory.text(), trajectory.answer, other.text(), other.trajectory_id) == (
        "a\nb\n#### 3",
        "3",
        "a\nb\n#### 2",
        "u/0.0.0.0.0.0.0",
    )
