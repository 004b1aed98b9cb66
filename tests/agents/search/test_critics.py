"""What a critic does to a tree: it ends trajectories, or gives advice; its decisions are grades, its failures
nothing."""

from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.rest_mcts import rest_mcts
from redraft.llm.model import ModelError
from redraft.store.trajectory import Stop, Trajectory, Verdict
from world import QUESTION, World, state


def again() -> World:
    """Two ways, of which the first leads to the better solution."""
    steps = {"": {"A": 1, "X": 1}, "A": {"B": 1, "C": 1}, "X": {"Y": 1, "Z": 1}}
    return World(steps, {"A": 0.5, "X": 0.3, "A/B": 0.9, "A/C": 0.2, "X/Y": 0.1, "X/Z": 0.05})


def search(world: World, critic: Critic, **options: object) -> SearchAgent:
    settings: dict = {"branch": 2, "roll_forward_steps": 0, **options}
    agent = rest_mcts(world.policy(), grader=world.grader(), critic=critic, **settings)
    assert isinstance(agent, SearchAgent)
    return agent


def critic_of(said: dict[str, Critique | ModelError]) -> Critic:
    async def critique(trajectory: Trajectory) -> Critique:
        opinion = said.get(state(trajectory.text()), Critique(Opinion.GO_ON))
        if isinstance(opinion, ModelError):
            raise opinion
        return opinion

    return critique


async def test_the_critic_ends_paths_and_its_decisions_are_kept_as_grades_of_the_steps() -> None:
    world = World(
        {"": {"A": 1, "X": 1}, "A": {"####4": 1, "B": 1}, "A/####4": {"D": 1}, "X": {"E": 1}},
        {"A": 0.6, "X": 0.7, "A/####4": 0.8, "A/B": 0.1},
    )
    critic = critic_of(
        {
            "X": Critique(Opinion.HOPELESS, reason="It is off the point."),
            "A": Critique(Opinion.FINISHED, reason="Done."),  # there is no answer in it to be read: it goes on
            "A/####4": Critique(Opinion.FINISHED, reason="Done."),
        }
    )
    [first, *_] = await search(world, critic, end_gate=0.75)(QUESTION)
    assert (first.answer, first.chosen, first.stop) == ("4", True, Stop.CRITIC)
    world = World(world.steps, world.values)
    trajectories = await search(world, critic, full=True)(QUESTION)
    assert world.asked == ["", "A"]
    told = {t.trajectory_id: (t.stop, t.answer, t.reason, t.chosen) for t in trajectories}
    assert told == {
        "u/0.0": (Stop.CRITIC, "4", "Done.", True),
        "u/0.1": (Stop.ANSWERED, "B", None, False),
        "u/1": (Stop.CRITIC, None, "It is off the point.", False),
    }
    said = {grade.step_id: (grade.verdict, grade.value, grade.reason) for t in trajectories for grade in t.grades
            if grade.grader == "critic"}  # fmt: skip
    assert said == {
        "u/1": (Verdict.WRONG, None, "hopeless: It is off the point."),
        "u/0": (Verdict.RIGHT, None, "finished: Done."),
        "u/0.0": (Verdict.RIGHT, None, "finished: Done."),
    }


async def test_advice_goes_to_the_expansion_that_it_led_to_and_into_no_step() -> None:
    world = again()
    critic = critic_of({"A": Critique(Opinion.GO_ON, advice="Mind the units.")})
    trajectories = await search(world, critic)(QUESTION)
    advised = [state(r.prefix) for r in world.model.requests if "Mind the units." in r.messages[-1].content]
    assert advised == ["A"]
    assert not any("units" in step.text for trajectory in trajectories for step in trajectory.steps)
    assert not any(trajectory.advice for trajectory in trajectories)
    [said] = [grade for t in trajectories for grade in t.grades if grade.verdict is not None and "units" in str(grade)]
    assert (said.step_id, said.verdict, said.reason) == ("u/0", Verdict.UNDECIDED, "go on: Mind the units.")


async def test_a_critic_that_gets_no_answer_has_said_nothing() -> None:
    world = again()
    plain = again()
    trajectories = await search(world, critic_of({"A": ModelError("The line is dead.")}))(QUESTION)
    assert [t.answer for t in trajectories] == [t.answer for t in await search(plain, critic_of({}))(QUESTION)]
    assert world.asked == plain.asked
    [said] = [grade for t in trajectories for grade in t.grades if grade.reason and "dead" in grade.reason]
    assert (said.grader, said.verdict, said.reason) == ("critic", None, "failed: The line is dead.")
