"""Self-consistency, and that its adaptive form stops exactly when the majority can no longer change."""

from collections.abc import Sequence
from itertools import product

import pytest

from redraft.agents.policies.policy import whole
from redraft.agents.sampling.early_stop import count_votes, fewest_to_settle, is_settled, leader
from redraft.agents.strategies.self_consistency import self_consistency
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def scripted(answers: Sequence[str]) -> Scripted:
    """Gives sample s the s-th answer; "" is a draft without an answer, and "!" a call that fails."""
    given = iter(answers)

    def script(request: Request, index: int) -> str:
        answer = next(given)
        if answer == "!":
            raise ModelError("The line is dead.")
        return f"#### {answer}" if answer else "Hm."

    return Scripted(script)


def counted(answers: Sequence[str]) -> dict[str, int]:
    return count_votes(
        Trajectory(QUESTION, sample=sample, answer=answer or None) for sample, answer in enumerate(answers)
    )


async def test_the_answer_that_most_drafts_give_wins_however_it_is_written() -> None:
    model = scripted(["3", "5.0", "", "5", "3", "$5"])

    trajectories = await self_consistency(whole(Client(model)), samples=6)(QUESTION)

    assert [(t.sample, t.answer, t.score, t.chosen) for t in trajectories] == [
        (1, "5.0", 0.5, True),
        (3, "5", 0.5, False),
        (5, "$5", 0.5, False),
        (0, "3", 1 / 3, False),
        (4, "3", 1 / 3, False),
        (2, None, None, False),
    ]
    assert [request.n for request in model.requests] == [6]


async def test_of_equals_the_first_drafted_wins() -> None:
    trajectories = await self_consistency(whole(Client(scripted(["7", "2", "2", "7"]))), samples=4)(QUESTION)
    assert trajectories[0].answer == "7"


async def test_without_any_answer_nothing_is_chosen() -> None:
    for adaptive in (False, True):
        agent = self_consistency(whole(Client(scripted(["", "", ""]))), samples=3, adaptive=adaptive)
        assert [(p.sample, p.chosen) for p in await agent(QUESTION)] == [(0, False), (1, False), (2, False)]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["5"] * 8, [4]),  # four of eight can be equalled, not beaten, by an answer that is drafted later
        (["5", "5", "3", "5", "5", "5", "5", "5"], [4, 1]),
        (["5", "3", "5", "3", "5", "3", "5", "3"], [4, 2, 1]),
    ],
)
async def test_adaptive_asks_for_no_draft_that_could_not_matter(answers: list[str], asked: list[int]) -> None:
    model = scripted(answers)
    trajectories = await self_consistency(whole(Client(model)), samples=8, adaptive=True)(QUESTION)
    assert [request.n for request in model.requests] == asked
    assert sorted(trajectory.sample for trajectory in trajectories) == list(range(sum(asked)))
    assert trajectories[0].answer == "5"


@pytest.mark.parametrize("samples", range(1, 7))
def test_adaptive_ends_with_the_leader_that_all_drafts_would_have_had(samples: int) -> None:
    for answers in product("12" if samples > 4 else ("1", "2", "3", ""), repeat=samples):
        asked = 0
        while not is_settled(counted(answers[:asked]), samples - asked):
            asked += fewest_to_settle(counted(answers[:asked]), samples - asked)
        assert leader(counted(answers[:asked])) == leader(counted(answers))


@pytest.mark.parametrize("samples", range(1, 7))
def test_a_vote_is_settled_when_no_outcome_of_the_rest_changes_it(samples: int) -> None:
    for asked in range(samples + 1):
        for answers in product("12", repeat=asked):
            outcomes = {leader(counted(answers + rest)) for rest in product("123", repeat=samples - asked)}
            left = samples - asked
            assert is_settled(counted(answers), left) == (len(outcomes) == 1 or left == 0)


@pytest.mark.parametrize("samples", range(1, 7))
def test_no_fewer_drafts_could_settle_a_vote_than_are_asked_for(samples: int) -> None:
    for asked in range(samples):
        for answers in product("12", repeat=asked):
            left = samples - asked
            if is_settled(counted(answers), left):
                continue
            could = [
                more
                for more in range(1, left + 1)
                if any(is_settled(counted(answers + rest), left - more) for rest in product("123", repeat=more))
            ]
            assert fewest_to_settle(counted(answers), left) == min(could)


async def test_failed_drafts_have_no_vote() -> None:
    def script(request: Request, index: int) -> str:
        if request.n == 1:
            raise ModelError("The line is dead.")
        return ["#### 1", "#### 2"][index]

    agent = self_consistency(whole(Client(Scripted(script))), samples=4, adaptive=True)
    trajectories = await agent(QUESTION)

    assert [(t.sample, t.stop, t.score, t.chosen) for t in trajectories] == [
        (0, Stop.ANSWERED, 0.25, True),
        (1, Stop.ANSWERED, 0.25, False),
        (2, Stop.FAILED, None, False),
        (3, Stop.FAILED, None, False),
    ]
