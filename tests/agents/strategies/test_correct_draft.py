"""A strategy inside correction: its choice is revised, and what else it explored is kept."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from redraft.agents import build
from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.none import none as no_feedback
from redraft.agents.policies.policy import whole
from redraft.agents.strategies.correct import correct
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def model(*drafts: str, redraft: str = "9") -> Scripted:
    """Drafts in the order in which they are asked for, "!" being a call that fails, and one redraft."""
    left = list(drafts)

    def script(request: Request, index: int) -> str:
        draft = redraft if len(request.messages) > 1 else left.pop(0)
        if draft == "!":
            raise ModelError("The line is dead.")
        return f"#### {draft}"

    return Scripted(script)


def by_answer() -> Any:
    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("by_answer", t.trajectory_id, t.turn, value=float(t.answer or -1)) for t in trajectories]

    return grader


def built(client: Client, **arguments: Any) -> Any:
    return build("correct", client, feedback="none", turns=2, **arguments)


async def test_what_the_strategy_inside_chooses_is_revised_and_the_rest_is_kept() -> None:
    scripted = model("4", "6", "5")
    arguments: dict[str, Any] = {"draft.samples": "3", "draft.grader": by_answer}

    trajectories = await built(Client(scripted), samples=1, draft="best_of_n", **arguments)(QUESTION)

    assert [(t.trajectory_id, t.role, t.sample, t.answers, t.answer, t.chosen) for t in trajectories] == [
        ("u:0", Role.SAMPLE, 0, ("6",), "9", True),
        ("u/2", Role.SEARCH, 0, (), "5", False),
        ("u/0", Role.SEARCH, 0, (), "4", False),
    ]
    assert [step.step_id for step in trajectories[0].steps] == ["u/1", "u/1.0", "u/1.0.0"]
    assert [[(g.trajectory_id, g.turn, g.value) for g in trajectory.grades] for trajectory in trajectories] == [
        [("u:0", 1, 6.0)],
        [("u/2", 1, 5.0)],
        [("u/0", 1, 4.0)],
    ]
    assert [request.n for request in scripted.requests] == [3, 1]


async def test_each_sample_has_drafts_of_its_own_and_every_id_is_another() -> None:
    journal, scripted = Journal(None), model("4", "6", "3", "7")
    arguments: dict[str, Any] = {"draft.samples": 2, "draft.grader": by_answer}

    trajectories = await built(Client(scripted, journal=journal), samples=2, draft="best_of_n", **arguments)(QUESTION)

    assert sorted((t.trajectory_id, t.role, t.sample, t.answers, t.answer) for t in trajectories) == [
        ("u/0", Role.SEARCH, 0, (), "4"),
        ("u/1/0", Role.SEARCH, 1, (), "3"),
        ("u:0", Role.SAMPLE, 0, ("6",), "9"),
        ("u:1", Role.SAMPLE, 1, ("7",), "9"),
    ]
    drawn = [(call.place, call.first, call.n) for call, _ in journal.calls("u")]
    assert drawn == [("u/", 0, 2), ("u/1/", 0, 2), ("u/1.0", 0, 1), ("u/1/1.0", 0, 1)]
    assert len({step.step_id for trajectory in trajectories for step in trajectory.steps}) == 8


@pytest.mark.parametrize("strategy", ["greedy", "self_consistency", "correct"])
async def test_any_strategy_can_be_inside(strategy: str) -> None:
    scripted = model(*["6"] * 8)

    trajectories = await built(Client(scripted), samples=1, draft=strategy, critic="none")(QUESTION)

    assert Counter(trajectory.trajectory_id for trajectory in trajectories).most_common(1)[0][1] == 1
    [trajectory] = [trajectory for trajectory in trajectories if trajectory.role is Role.SAMPLE]
    assert (trajectory.trajectory_id, trajectory.chosen, trajectory.stop) == ("u:0", True, Stop.ANSWERED)
    assert trajectory.answers[0] == "6"
    assert trajectory.turn == (2 if strategy != "correct" else len(trajectory.answers) + 1)
    assert len(trajectories) == {"greedy": 1, "self_consistency": 8, "correct": 1}[strategy]


async def test_a_correction_inside_a_correction_goes_on_from_all_its_turns() -> None:
    arguments: dict[str, Any] = {"draft.turns": 3, "draft.feedback": "none"}
    [trajectory] = await built(Client(model("6", redraft="7")), samples=1, draft="correct", **arguments)(QUESTION)
    assert (trajectory.answers, trajectory.answer, trajectory.turn) == (("6", "7", "7"), "7", 4)
    assert trajectory.stops == (Stop.ANSWERED,) * 3


async def test_what_failed_inside_is_one_trajectory_and_the_others_go_on() -> None:
    async def inside(question: Question) -> list[Trajectory]:
        drafts = [Trajectory(question, sample=n, stop=Stop.FAILED, reason="Dead.") for n in range(2)]
        return [*drafts, Trajectory(question, sample=2, stop=Stop.CRITIC, answer="5").grow("#### 5", 2)]

    agent = correct(
        whole(Client(model(redraft="8"))), feedback=no_feedback(), critic=no_critic(), draft=inside, turns=2
    )

    trajectories = await agent(QUESTION)

    assert [(t.trajectory_id, t.role, t.stop, t.reason, t.answers, t.answer) for t in trajectories] == [
        ("u:0", Role.SAMPLE, Stop.ANSWERED, "The limit of turns=2 is reached.", ("5",), "8"),
        ("u/", Role.SEARCH, Stop.FAILED, "Dead.", (), None),
    ]


async def test_a_strategy_inside_that_finds_nothing_is_a_dead_end() -> None:
    async def inside(question: Question) -> list[Trajectory]:
        return []

    agent = correct(whole(Client(model())), feedback=no_feedback(), critic=no_critic(), draft=inside)

    [trajectory] = await agent(QUESTION)

    assert (trajectory.trajectory_id, trajectory.stop, trajectory.reason) == (
        "u:0",
        Stop.DEAD_END,
        "There is no first draft.",
    )
