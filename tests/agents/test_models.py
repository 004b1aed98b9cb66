"""Parts with a model of their own: who asks it, what is shared with the run's own model, and what is told of it."""

import asyncio
from typing import Any

import pytest

from redraft.agents import build
from redraft.agents.build import resolve
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.llm.usage import Prices
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def speaker(name: str, text: str) -> Scripted:
    return Scripted(lambda request, index: text, name=name)


async def asked(client: Client, own: Scripted, part: str, **arguments: Any) -> list[str]:
    """The purposes for which a part's own model was asked."""
    settings: dict[str, Any] = {"feedback": "none", **arguments, f"{part}.model": own}
    agent = build("correct", client, samples=1, turns=2, **settings)
    await agent(QUESTION)
    journal = client.journal
    assert journal
    return [call.purpose for call, _ in journal.calls("u") if call.model == own.name]


async def test_a_critic_and_a_teacher_can_be_other_models() -> None:
    critic = speaker("critic", "no")
    assert await asked(_client(), critic, "critic", critic="model") == ["critique"]

    teacher = speaker("teacher", "#### 8")
    assert await asked(_client(), teacher, "teacher") == ["revise"]
    assert [len(request.messages) for request in teacher.requests] == [3]


async def test_a_teacher_writes_every_redraft_and_the_policy_the_first_draft() -> None:
    main, teacher = speaker("main", "#### 7"), speaker("teacher", "#### 8")
    journal = Journal(None)
    parts: dict[str, Any] = {"teacher.model": teacher, "teacher.temperature": "0.5", "branches": 2}
    agent = build("correct", Client(main, journal=journal), feedback="none", grader=length, samples=1, **parts)
    trajectories = await agent(QUESTION)
    assert [(trajectory.answers, trajectory.answer) for trajectory in trajectories] == [
        (("7", "8"), "8"),
        (("7", "8"), "8"),
        (("7",), "8"),
    ]
    assert [(call.model, call.purpose, call.n, call.params["temperature"]) for call, _ in journal.calls("u")] == [
        ("main", "propose", 1, 1.0),
        ("teacher", "revise", 2, 0.5),
        ("teacher", "revise", 2, 0.5),
    ]


async def test_a_strategy_inside_can_have_a_model_and_its_parts_too() -> None:
    main, other, third = speaker("main", "#### 7"), speaker("other", "#### 8"), speaker("third", "yes, right")
    parts: dict[str, Any] = {"draft.model": other, "draft.critic": "model", "draft.critic.model": third}
    agent = build("correct", Client(main), feedback="none", samples=1, turns=2, draft="correct", **parts)
    [trajectory] = await agent(QUESTION)
    assert (trajectory.answers, trajectory.answer, trajectory.stops) == (("8",), "7", (Stop.ANSWERED,))
    assert [len(model.requests) for model in (main, other, third)] == [1, 1, 2]


async def test_two_models_that_are_asked_the_same_are_both_asked() -> None:
    journal, main, other = Journal(None), speaker("main", "7"), speaker("other", "8")
    client = Client(main, journal=journal)
    texts = []
    for one in (client, client.for_model(other), client, client.for_model(other)):
        [choice] = await one.complete(QUESTION, "grade", "u/0", [client.ask(QUESTION)])
        texts.append(choice.text)
    assert texts == ["7", "8", "7", "8"]
    assert (len(main.requests), len(other.requests)) == (1, 1)
    assert client.for_model(other) is client.for_model(other)


async def test_budgets_hold_for_all_models_together() -> None:
    main, other = speaker("main", "7"), speaker("other", "8")
    for run, problem in ((Budget(calls=2), Budget()), (Budget(), Budget(calls=2))):
        client = Client(main, journal=Journal(None), run_budget=run, problem_budget=problem)
        for one in (client, client.for_model(other)):
            await one.complete(QUESTION, "grade", "u/0", [client.ask(QUESTION)])
        for one in (client, client.for_model(other)):
            with pytest.raises(ModelError, match="budget of 2 calls is used up"):
                await one.complete(QUESTION, "grade", "u/1", [client.ask(QUESTION)])
        assert client.exhausted == client.for_model(other).exhausted
        assert bool(client.exhausted) is bool(run)


async def test_money_is_counted_at_each_models_own_prices() -> None:
    main, other = speaker("main", "7"), speaker("other", "8")
    main.prices, other.prices = Prices(0.0, 0.001), Prices(0.0, 0.1)
    client = Client(main, run_budget=Budget(usd=1e6))
    for one in (client, client.for_model(other)):
        await one.complete(QUESTION, "grade", "u/0", [client.ask(QUESTION)])
    assert client.used.usd == pytest.approx(0.101)
    with pytest.raises(ModelError, match="those of a part's own model are not known"):
        client.for_model(speaker("free", ""))


async def test_a_fatal_error_of_a_parts_model_stops_the_agent() -> None:
    def script(request: object, index: int) -> str:
        raise ModelError("No key.", fatal=True)

    settings: dict[str, Any] = {"critic": "model", "critic.model": Scripted(script, name="own")}
    agent = build("correct", Client(speaker("main", "#### 7")), **settings)
    with pytest.raises(ModelError, match="No key"):
        await agent(QUESTION)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"critic.model": "embedded"}, "'critic.model' of critic 'none'; it takes none: choose another critic too"),
        ({"critic": "model", "critic.api_base": "http://127.0.0.1:1"}, r"set critic.model too"),
        ({"grader": "likelihood", "grader.model": "embedded"}, r"no argument 'grader.model'"),
        ({"teacher.turns": 2}, r"no argument 'teacher.turns' .*teacher.api_base, teacher.model, teacher.separator"),
    ],
)
def test_a_part_that_asks_no_model_has_none(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(PartError, match=told):
        build("correct", Client(speaker("main", "")), feedback="none", **arguments)


async def test_models_that_were_opened_by_name_are_closed_and_given_ones_are_not(openai_server: Any) -> None:
    client, given = Client(speaker("main", "")), _Closing()
    opened = client.for_model("tiny", openai_server.url)
    client.for_model(given)
    await opened.complete(QUESTION, "grade", "u/0", [client.ask(QUESTION)])
    assert openai_server._server.connections
    await client.close()
    assert given.closed == 0
    assert client.for_model("tiny", openai_server.url) is not opened
    async with asyncio.timeout(5):
        while openai_server._server.connections:  # noqa: ASYNC110 - the server learns of it in its own time
            await asyncio.sleep(0.01)


async def test_a_part_that_names_the_runs_own_engine_shares_it() -> None:
    client = Client(route("embedded"))
    part = client.for_model("embedded")
    assert part.model is client.model
    await client.close_others()
    assert await part.complete(QUESTION, "grade", "u/0", [client.ask(QUESTION)], max_tokens=1)
    await client.close()


def test_a_models_name_is_part_of_what_a_strategy_is_built_with() -> None:
    built = resolve("correct", {"critic": "model", "critic.model": "gpt-x", "critic.api_base": "http://a"})
    assert {name: value for name, value in built.items() if name.startswith("critic")} == {
        "critic": "model",
        "critic.model": "gpt-x",
        "critic.api_base": "http://a",
    }


class _Closing(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda request, index: "", name="given")
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


def _client() -> Client:
    return Client(speaker("main", "#### 7"), journal=Journal(None))


def length() -> Grader:
    """The number of turns is the grade."""

    async def grader(trajectories: list[Trajectory]) -> list[Grade]:
        return [Grade("length", t.trajectory_id, t.turn, value=float(t.turn)) for t in trajectories]

    return grader  # pyright: ignore[reportReturnType]
