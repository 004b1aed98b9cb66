"""The critic that decides by values of steps."""

from collections.abc import Sequence
from typing import Any

import pytest

from redraft.agents.build import build
from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.critics.prm import prm
from redraft.agents.strategies.tree_search.beam import beam
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory
from world import QUESTION, World, state

OPEN = Trajectory(Question("p", "How much?", unit="u")).grow("Two have 8.\n\n", 0).grow("So it is more.\n\n", 0)
STATED = Trajectory(Question("p", "How much?", unit="u")).grow("The cups cost 7*15=105 dollars.", 0)
DONE = OPEN.grow("The answer is \\boxed{9}", 0, final=True)


def critic(values: Sequence[float | None], value: float | None = None, **thresholds: Any) -> Critic:
    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("g", t.trajectory_id, 1, value, steps=tuple(values), reason="busy") for t in trajectories]

    return prm(grader, **thresholds)


@pytest.mark.parametrize(
    ("draft", "values", "opinion"),
    [
        (OPEN, (0.95, 0.09), Opinion.HOPELESS),
        (OPEN, (0.05, 0.99), Opinion.HOPELESS),  # an early error stays one
        (OPEN, (0.1, 0.5), Opinion.GO_ON),
        (OPEN, (0.95, 0.95), Opinion.GO_ON),  # there is no answer in it
        (OPEN, (None, 0.95), Opinion.GO_ON),
        (STATED, (0.99,), Opinion.GO_ON),  # a number that ends a step is no answer
        (DONE, (0.95, 0.95, 0.9), Opinion.FINISHED),
        (DONE, (0.95, 0.89, 0.95), Opinion.GO_ON),
        (DONE, (0.95, 0.05, 0.95), Opinion.HOPELESS),
    ],
)
async def test_the_worst_step_decides(draft: Trajectory, values: Sequence[float | None], opinion: Opinion) -> None:
    said = await critic(values)(draft)
    assert (said.opinion, said.advice) == (opinion, "")
    worst = min(value for value in values if value is not None)
    assert said.reason == f"g gives its worst step {worst:.3g}."


async def test_a_doubtful_step_is_advised_to_be_checked() -> None:
    said = await critic((0.95, 0.3), doubtful=0.5)(OPEN)
    advice = 'There may be an error in "So it is more.". Check it before you go on.'
    assert said == Critique(Opinion.GO_ON, advice=advice, reason="g gives its worst step 0.3.")
    assert (await critic((0.95, 0.6), doubtful=0.5)(OPEN)).advice == ""


async def test_without_values_of_steps_the_drafts_own_counts_and_without_any_there_is_no_opinion() -> None:
    assert (await critic((), 0.05)(OPEN)).opinion is Opinion.HOPELESS
    assert (await critic((), 0.95)(DONE)).opinion is Opinion.FINISHED
    assert (await critic((), 0.3, doubtful=0.5)(OPEN)).advice.startswith("There may be an error in what is written")
    with pytest.raises(ModelError, match="grader 'g' could not grade the draft: busy"):
        await critic((None, None))(OPEN)


@pytest.mark.parametrize("wrong", [{"hopeless": 0.95}, {"doubtful": 0.95}, {"doubtful": 0.05}])
def test_thresholds_out_of_order_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PartError, match="each must be at least the one before"):
        critic((), **wrong)


async def test_a_search_does_not_go_on_from_what_it_calls_hopeless() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1}}, {"A": 0.9, "B": 0.05, "A/C": 0.5, "B/D": 0.9})
    trajectories = await beam(world.policy(), grader=world.grader(), critic=prm(world.grader()), n=2, width=1)(QUESTION)
    assert world.asked == ["", "A"]
    assert {(state(t.text()), t.stop) for t in trajectories} == {("A/C", Stop.ANSWERED), ("B", Stop.CRITIC)}
    assert [state(trajectory.text()) for trajectory in trajectories if trajectory.chosen] == ["A/C"]


async def test_it_is_found_by_name_and_its_grader_and_thresholds_are_set_within_it() -> None:
    world = World({"": {"A": 0.9, "B": 0.1}, "A": {"C": 1}, "B": {"D": 1}})
    settings: dict[str, Any] = {"critic.grader": "likelihood", "critic.finished": "0", "critic.hopeless": "-2"}
    trajectories = await build("beam", Client(world.model), critic="prm", n=2, width=1, **settings)(QUESTION)
    assert world.asked == ["", "A"]
    [hopeless] = [trajectory for trajectory in trajectories if trajectory.stop is Stop.CRITIC]
    assert (state(hopeless.text()), hopeless.reason) == ("B", "likelihood gives its worst step -2.3.")
