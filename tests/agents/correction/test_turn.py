"""A turn of correction: its limits, the critic, the feedback's remarks, and which redraft goes on."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.agents.correction.turn import DraftLimits, apply_critic, keep_best_siblings, next_turns
from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.feedback.feedback import Remark
from redraft.agents.feedback.none import none as no_feedback
from redraft.agents.policies.policy import whole
from redraft.agents.sampling.graph import Tree
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict

QUESTION = Question("p", "How much?", unit="u")
DRAFT = replace(Trajectory(QUESTION).grow("a\n", 0, logprob=-1.0).grow("#### 1", 0), stop=Stop.ANSWERED, answer="1")
DEAD = ModelError("The line is dead.")
FATAL = ModelError("No such key.", fatal=True)


def reached(grade: str, threshold: str) -> str:
    return f"Its grade of {grade} reaches the threshold of {threshold}."


@pytest.mark.parametrize(
    ("limits", "facts", "ended"),
    [
        (DraftLimits(3), {}, (Stop.ANSWERED, None)),
        (DraftLimits(2), {}, (Stop.ANSWERED, "The limit of turns=2 is reached.")),
        (DraftLimits(3, threshold=0.5), {"score": 0.5}, (Stop.THRESHOLD, reached("0.5", "0.5"))),
        (DraftLimits(3, threshold=0.0), {"score": 0.0}, (Stop.THRESHOLD, reached("0", "0"))),
        (DraftLimits(3, threshold=0.5), {"score": 0.49}, (Stop.ANSWERED, None)),
        (DraftLimits(3, threshold=-9.0), {"score": None}, (Stop.ANSWERED, None)),
        (DraftLimits(3, agree=True), {"answers": ("1.0",)}, (Stop.AGREED, "Two drafts in turn give the answer 1.")),
        (DraftLimits(3, agree=True), {"answers": ("1", "2")}, (Stop.ANSWERED, None)),
        (DraftLimits(3, agree=True), {"answers": ()}, (Stop.ANSWERED, None)),
        (DraftLimits(3, agree=True), {"answers": (None,), "answer": None}, (Stop.ANSWERED, None)),
        (DraftLimits(2, 0.5, True), {"score": 1.0, "answers": ("1",)}, (Stop.THRESHOLD, reached("1", "0.5"))),
        (DraftLimits(2, agree=True), {"answers": ("1",)}, (Stop.AGREED, "Two drafts in turn give the answer 1.")),
        (DraftLimits(2, 0.5), {"score": 1.0, "stop": Stop.FAILED, "reason": "dead"}, (Stop.FAILED, "dead")),
    ],
)  # fmt: skip
def test_a_draft_ends_at_its_first_limit(limits: DraftLimits, facts: dict[str, Any], ended: tuple[Any, Any]) -> None:
    trajectory = limits.ended(replace(DRAFT, **facts), 2)
    assert (trajectory.stop, trajectory.reason) == ended


@pytest.mark.parametrize(
    ("opinion", "stop", "verdict"),
    [
        (Opinion.GO_ON, Stop.ANSWERED, Verdict.UNDECIDED),
        (Opinion.FINISHED, Stop.CRITIC, Verdict.RIGHT),
        (Opinion.HOPELESS, Stop.CRITIC, Verdict.WRONG),
    ],
)
async def test_the_critics_opinion_is_a_grade_and_may_end_the_trajectory(
    opinion: Opinion, stop: Stop, verdict: Verdict
) -> None:
    async def critic(trajectory: Trajectory) -> Critique:
        return Critique(opinion, reason="Well.")

    trajectory = await apply_critic(critic, DRAFT)
    [grade] = trajectory.grades
    assert (trajectory.stop, trajectory.answer, grade.verdict, grade.step_id) == (stop, "1", verdict, "u/0.0")
    assert trajectory.reason == (None if opinion is Opinion.GO_ON else "Well.")


async def test_a_critic_without_an_answer_fails_the_trajectory_and_a_fatal_error_is_raised() -> None:
    async def fails(trajectory: Trajectory, error: ModelError = DEAD) -> Critique:
        raise error

    async def fatal(trajectory: Trajectory) -> Critique:
        return await fails(trajectory, FATAL)

    trajectory = await apply_critic(fails, DRAFT)
    assert (trajectory.stop, trajectory.reason, trajectory.grades) == (Stop.FAILED, "The line is dead.", ())
    with pytest.raises(ModelError, match="No such key"):
        await apply_critic(fatal, DRAFT)


class Said:
    """Feedback that gives these remarks."""

    def __init__(self, *remarks: Remark | ModelError | None) -> None:
        self.remarks = remarks

    async def __call__(self, trajectories: Sequence[Trajectory]) -> Sequence[Remark | ModelError | None]:
        return self.remarks


def writer(*redrafts: str, calls: int | None = None) -> Any:
    model = Scripted(lambda request, index: redrafts[index])
    return whole(Client(model, problem_budget=Budget(calls=calls)))


async def test_each_trajectory_has_its_own_turn() -> None:
    again = Remark("Again.", "mine")
    answered, failed, silent = await next_turns(writer("#### 2"), Said(again, DEAD, None), [DRAFT] * 3, 1)
    assert (answered.trajectory.answer, answered.trajectory.answers, answered.trajectory.turn) == ("2", ("1",), 2)
    assert (failed.trajectory.stop, failed.trajectory.reason) == (Stop.FAILED, "The line is dead.")
    assert silent.trajectory == replace(DRAFT, reason="Feedback 'Said' has nothing to say.")
    assert {(turn.siblings, turn.lost) for turn in (answered, failed, silent)} == {((), None)}
    assert await next_turns(writer(), Said(), [], 1) == []


async def test_feedback_that_fails_as_a_whole_fails_every_trajectory() -> None:
    async def fails(trajectories: Sequence[Trajectory]) -> Sequence[Remark]:
        raise DEAD

    turns = await next_turns(writer(), fails, [DRAFT, DRAFT], 1)
    assert [turn.trajectory.stop for turn in turns] == [Stop.FAILED] * 2


@pytest.mark.parametrize(("keep", "kept"), [(0, []), (1, ["a\n"]), (9, ["a\n"])])
async def test_the_kept_steps_begin_the_redraft_and_the_drafts_end_is_never_kept(keep: int, kept: list[str]) -> None:
    [turn] = await next_turns(writer("#### 2"), Said(Remark("Look.", "prm", keep=keep)), [DRAFT], 1)
    steps = turn.trajectory.draft()
    assert [step.text for step in steps] == [*kept, "#### 2"]
    assert [(step.tokens, step.logprob) for step in steps[:-1]] == [(0, 0.0)] * len(kept)


async def test_several_redrafts_are_siblings_and_those_that_came_to_nothing_are_one() -> None:
    [turn] = await next_turns(writer("#### 2", "", "#### 3"), no_feedback(), [DRAFT], 3)
    assert turn.trajectory is DRAFT
    assert [(one.answer, one.role, one.sample) for one in turn.siblings] == [
        ("2", Role.SEARCH, 0),
        ("3", Role.SEARCH, 0),
    ]
    assert turn.lost is not None
    assert (turn.lost.stop, turn.lost.role, turn.lost.turn) == (Stop.DEAD_END, Role.SEARCH, 2)


async def test_the_draft_stands_if_the_budget_reaches_no_redraft() -> None:
    policy = writer("#### 2", calls=0)
    [turn] = await next_turns(policy, no_feedback(), [DRAFT], 2)
    assert (turn.trajectory.answer, turn.trajectory.turn, turn.trajectory.stop) == ("1", 1, Stop.BUDGET)
    assert turn.siblings == ()


async def test_the_best_sibling_of_each_sample_goes_on_and_the_others_stay_beside_it() -> None:
    values = {"2": 0.4, "3": 0.6, "4": 0.6, "5": None, "6": None}

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("g", t.trajectory_id, t.turn, value=values[t.answer or ""]) for t in trajectories]

    drafts = [replace(DRAFT, answer=answer, role=Role.SEARCH) for answer in "23456"]
    cut = replace(drafts[3], stop=Stop.LENGTH)
    tree = Tree(QUESTION, siblings={0: drafts[:3], 1: [cut, drafts[4]], 2: [drafts[0]]})
    await keep_best_siblings(tree, grader, [0, 1])
    assert {number: t.answer for number, t in tree.trajectories.items()} == {0: "3", 1: "6"}
    assert [(t.answer, t.role) for t in tree.others] == [(a, Role.SEARCH) for a in ("2", "4", "5")]
    assert [(t.sample, t.role, grade.value) for t, grade in tree.graded] == [
        (0, Role.SAMPLE, 0.6),
        (1, Role.SAMPLE, None),
    ]
    assert list(tree.siblings) == [2]
