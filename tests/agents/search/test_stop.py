"""Termination: what a critic's opinion does to a node, and what the depth limit leaves open."""

import pytest

from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.agents.search.stop import apply_critic, apply_depth_limit
from redraft.llm.model import ModelError
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION, World


class Counting:
    """A critic with one opinion, which counts how often it is asked."""

    def __init__(self, said: Critique | ModelError) -> None:
        self.said, self.asked = said, 0

    async def __call__(self, trajectory: Trajectory) -> Critique:
        self.asked += 1
        if isinstance(self.said, ModelError):
            raise self.said
        return self.said


async def grown(text: str) -> tuple[Search, Node]:
    search = Search(QUESTION)
    [node] = await search.expand(World({"": {text: 1}, text: {"Z": 1}}).policy(), search.root, 1)
    return search, node


@pytest.mark.parametrize(
    ("text", "opinion", "reason", "ended"),
    [
        ("####4", Opinion.FINISHED, "Done.", (Stop.CRITIC, "4", "Done.")),
        ("####4", Opinion.FINISHED, "", (Stop.CRITIC, "4", "finished")),
        ("A", Opinion.FINISHED, "Done.", (None, None, None)),  # the answer is still to be written
        ("####4", Opinion.HOPELESS, "", (Stop.CRITIC, None, "hopeless")),
        ("####4", Opinion.GO_ON, "Well.", (None, None, None)),
    ],
)
async def test_an_opinion_ends_a_node(text: str, opinion: Opinion, reason: str, ended: tuple[object, ...]) -> None:
    search, node = await grown(text)
    critic = Counting(Critique(opinion, reason=reason))
    assert await apply_critic(search, critic, node) is (ended[0] is not None)
    assert (node.trajectory.stop, node.trajectory.answer, node.trajectory.reason) == ended
    await apply_critic(search, critic, node)
    assert (critic.asked, search.critiques) == (1, 1)


async def test_nobody_asks_about_the_question_itself_or_about_what_has_ended() -> None:
    search, node = await grown("A")
    critic: Critic = Counting(Critique(Opinion.HOPELESS))
    assert await apply_critic(search, critic, search.root) is False
    node.end(Stop.LENGTH, "long")
    assert await apply_critic(search, critic, node) is True
    assert (search.critiques, node.trajectory.reason) == (0, "long")


async def test_a_critic_without_an_answer_ends_nothing_unless_its_error_is_fatal() -> None:
    search, node = await grown("A")
    assert await apply_critic(search, Counting(ModelError("The line is dead.")), node) is False
    [grade] = node.critic_grades
    assert (grade.verdict, grade.reason, grade.step_id) == (None, "failed: The line is dead.", "u/0")
    search, node = await grown("A")
    with pytest.raises(ModelError, match="No such key"):
        await apply_critic(search, Counting(ModelError("No such key.", fatal=True)), node)


async def test_an_open_child_at_the_depth_limit_ends_and_a_solution_there_stays() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}, "A/C": {"E": 1}})
    search = Search(QUESTION)
    first, solution = await search.expand(world.policy(), search.root, 2)
    assert apply_depth_limit(search.root, 2) == [first, solution]
    cut, end = await search.expand(world.policy(), first, 2)
    assert apply_depth_limit(first, 2) == [end]
    assert (cut.trajectory.stop, cut.trajectory.reason) == (Stop.LENGTH, "It has depth=2 steps, which is the most.")
    assert (cut.closed, first.closed) == (True, False)


async def test_an_expansion_that_came_to_nothing_closes_the_node() -> None:
    world = World({"": {"A": 1}, "A": {"B": 1}}, silent=frozenset({"A"}))
    search = Search(QUESTION)
    [node] = await search.expand(world.policy(), search.root, 1)
    assert await search.expand(world.policy(), node, 2) == []
    assert apply_depth_limit(node, 9) == []
    assert (node.closed, search.root.closed, node.trajectory.stop) == (True, True, Stop.DEAD_END)
