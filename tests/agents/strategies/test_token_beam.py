"""Beam search over tokens as a strategy: on the embedded model, on a server, and where a model can't."""

from itertools import islice
from typing import Any

import pytest

from redraft.agents import build, solve
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Beam, BudgetExceeded, ModelError, Request, Sampling, UnsupportedRequest
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.sources.wordproblems import problems
from redraft.store.trajectory import Role, Stop

QUESTION = Question("p", "How much?", unit="u")
[PROBLEM] = islice(problems(levels=(2,), seed=4), 1)


async def test_the_drafts_come_best_first_and_no_temperature_plays_a_part() -> None:
    model = embedded()
    sampled = [Sampling(), Sampling(temperature=0.2, seed=9)]
    hot, cold = [await build("token_beam", Client(model, sampling=one))(PROBLEM.ask()) for one in sampled]
    assert hot == cold
    assert [trajectory.sample for trajectory in hot] == [0, 1, 2, 3]
    assert [trajectory.chosen for trajectory in hot] == [True, False, False, False]
    assert {trajectory.role for trajectory in hot} == {Role.SEARCH}
    likely = [sum(step.logprob or 0.0 for step in trajectory.steps) for trajectory in hot]
    assert likely[0] == max(likely)
    request = Client(model).request([Client(model).ask(PROBLEM.ask())], n=4, beam=Beam())
    assert [t.text() for t in hot] == [choice.text for choice in (await model.complete(request)).choices]


async def test_a_wider_beam_is_another_search_and_a_shorter_text_wins_without_a_length_penalty() -> None:
    widths = [await solve(PROBLEM.question, "token_beam", width=width) for width in (1, 2)]
    assert [len(trajectories) for trajectories in widths] == [1, 2]
    short, long = [
        await solve(PROBLEM.question, "token_beam", width=4, length_penalty=penalty, max_tokens=60)
        for penalty in (-2.0, 2.0)
    ]
    assert sum(trajectory.tokens for trajectory in short) < sum(trajectory.tokens for trajectory in long)


async def test_a_server_like_vllm_is_asked_in_one_call(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "It is so.\n\n" * index + f"The answer is \\boxed{{{index}}}"
    client = Client(route("tiny", openai_server.url))
    trajectories = await build("token_beam", client, width=3)(QUESTION)
    assert [(t.answer, t.chosen) for t in trajectories] == [("0", True), ("1", False), ("2", False)]
    sent = openai_server.requests[-1]
    assert (sent["n"], sent["use_beam_search"], sent["length_penalty"]) == (3, True, 1.0)
    await client.close()


async def test_a_model_that_cant_ends_the_run_in_one_line(openai_server: Any) -> None:
    openai_server.write, openai_server.ignores = None, {"use_beam_search"}
    with pytest.raises(UnsupportedRequest, match="tiny does no beam search over tokens") as refused:
        await solve("How much?", "token_beam", "tiny", api_base=openai_server.url)
    assert refused.value.fatal


async def test_what_was_answered_is_replayed_and_too_small_a_budget_makes_no_narrower_search() -> None:
    model, journal = Scripted(lambda request, index: f"#### {index}"), Journal(None)
    first, again = [await build("token_beam", Client(model, journal=journal))(QUESTION) for _ in range(2)]
    assert first == again
    assert [request.n for request in model.requests] == [4]
    poor = Client(model, sampling=Sampling(max_tokens=100), problem_budget=Budget(tokens=1000))
    width = build("token_beam", poor, width=8)
    assert {trajectory.stop for trajectory in await width(QUESTION)} == {Stop.BUDGET}
    assert len(model.requests) == 1
    assert BudgetExceeded.stop is Stop.BUDGET


async def test_fewer_texts_than_the_beam_is_wide_are_a_failure() -> None:
    class Few(Scripted):
        async def complete(self, request: Request) -> Any:
            reply = await super().complete(request)
            return type(reply)(reply.choices[:2], reply.usage)

    trajectories = await build("token_beam", Client(Few(lambda request, index: "#### 4")), width=3)(QUESTION)
    assert [(trajectory.stop, trajectory.reason) for trajectory in trajectories][2] == (
        Stop.FAILED,
        "scripted gave 2 of 3 texts of a beam search.",
    )


async def test_any_strategy_that_asks_once_can_have_the_likeliest_drafts() -> None:
    found = await solve(PROBLEM.question, "best_of_n", samples=3, policy="likeliest")
    alone = await solve(PROBLEM.question, "token_beam", width=3)
    assert sorted(trajectory.text() for trajectory in found) == sorted(trajectory.text() for trajectory in alone)
    with pytest.raises(PartError, match="policy 'likeliest' gives all its drafts at once"):
        await solve(PROBLEM.question, "self_consistency", samples=5, adaptive=True, policy="likeliest")
    with pytest.raises(PartError, match="width=0 is too few"):
        await solve(PROBLEM.question, "token_beam", width=0)
    assert issubclass(UnsupportedRequest, ModelError)
