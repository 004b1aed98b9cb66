"""Greedy and best of n, as their graphs run."""

from collections.abc import Sequence

import pytest

from redraft.agents.policies.policy import whole
from redraft.agents.sampling.graph import GraphAgent
from redraft.agents.strategies.best_of_n import best_of_n
from redraft.agents.strategies.greedy import greedy
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request, Sampling
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


async def by_answer(trajectories: Sequence[Trajectory]) -> list[Grade]:
    """Grades a draft by its own answer; none for a draft without one."""
    return [
        Grade("by_answer", t.trajectory_id, t.turn, value=float(t.answer))
        if t.answer
        else Grade("by_answer", t.trajectory_id, t.turn, reason="no answer")
        for t in trajectories
    ]


async def test_greedy_is_one_draft_at_temperature_zero() -> None:
    model, watched = Scripted(lambda request, index: "#### 8"), []

    trajectories = await greedy(Client(model, sampling=Sampling(temperature=0.9)), watch=watched.append)(QUESTION)

    assert [(t.trajectory_id, t.answer, t.chosen, t.score) for t in trajectories] == [("u:0", "8", True, None)]
    assert [(request.temperature, request.n) for request in model.requests] == [(0.0, 1)]
    assert [trajectory.trajectory_id for trajectory in watched] == ["u:0"]


async def test_greedy_picks_nothing_where_there_is_no_answer() -> None:
    [trajectory] = await greedy(Client(Scripted(lambda request, index: "Hm.")))(QUESTION)
    assert (trajectory.stop, trajectory.chosen) == (Stop.ANSWERED, False)


async def test_the_best_graded_draft_is_first_and_chosen_and_the_others_follow() -> None:
    texts = ["#### 3", "#### 7", "Hm.", "#### 7", "#### 5"]
    model, watched = Scripted(lambda request, index: texts[index]), []

    agent = best_of_n(whole(Client(model)), grader=by_answer, samples=5, watch=watched.append)
    trajectories = await agent(QUESTION)

    assert [(t.sample, t.answer, t.score, t.chosen) for t in trajectories] == [
        (1, "7", 7.0, True),
        (3, "7", 7.0, False),
        (4, "5", 5.0, False),
        (0, "3", 3.0, False),
        (2, None, None, False),
    ]
    assert [request.n for request in model.requests] == [5]
    assert [(t.sample, t.score) for t in watched] == [(0, 3.0), (1, 7.0), (2, None), (3, 7.0), (4, 5.0)]


async def test_failed_drafts_are_kept_with_their_reason_and_never_chosen() -> None:
    def fails(request: Request, index: int) -> str:
        raise ModelError("The line is dead.")

    trajectories = await best_of_n(whole(Client(Scripted(fails))), grader=by_answer, samples=2)(QUESTION)

    assert [(t.trajectory_id, t.stop, t.reason, t.score, t.chosen) for t in trajectories] == [
        ("u:0", Stop.FAILED, "The line is dead.", None, False),
        ("u:1", Stop.FAILED, "The line is dead.", None, False),
    ]


async def test_more_samples_ask_for_the_difference_and_keep_the_first_ones() -> None:
    journal = Journal(None)
    model = Scripted(lambda request, index: f"#### {request.seeds[index]}")
    policy = whole(Client(model, journal=journal))

    four = await best_of_n(policy, grader=by_answer, samples=4)(QUESTION)
    eight = await best_of_n(policy, grader=by_answer, samples=8)(QUESTION)

    def drafts(trajectories: list[Trajectory]) -> dict[int, tuple[str, str | None]]:
        return {trajectory.sample: (trajectory.text(), trajectory.steps[0].call_id) for trajectory in trajectories}

    assert [request.n for request in model.requests] == [4, 4]
    assert {sample: draft for sample, draft in drafts(eight).items() if sample < 4} == drafts(four)
    assert sorted(drafts(eight)) == list(range(8))


def test_every_graph_can_be_drawn_with_the_nodes_that_all_graphs_share() -> None:
    client = Client(Scripted(lambda request, index: ""))
    agents = greedy(client), best_of_n(whole(client), grader=by_answer)
    assert [list(agent.graph.get_graph().nodes) for agent in agents if isinstance(agent, GraphAgent)] == [
        ["__start__", "propose", "choose", "__end__"],
        ["__start__", "propose", "grade", "choose", "__end__"],
    ]


async def test_a_vote_weighted_by_the_grader() -> None:
    texts = ["#### 3", "#### 5", "#### 3", "Hm.", "#### 5", "#### 8"]  # 5 sums up to 10, 3 to 6, 8 to 8
    for pick, answer, sample in (("weighted_majority", "5", 1), ("best", "8", 5)):
        model = Scripted(lambda request, index: texts[index])
        agent = best_of_n(whole(Client(model)), grader=by_answer, samples=6, pick=pick)  # type: ignore[arg-type]
        first, *others = await agent(QUESTION)
        assert (first.answer, first.sample, first.chosen) == (answer, sample, True)
        assert len(others) == 5
    with pytest.raises(PartError, match="no pick 'last' of best_of_n; there are best, weighted_majority"):
        best_of_n(whole(Client(Scripted(lambda request, index: ""))), grader=by_answer, pick="last")  # type: ignore[arg-type]
