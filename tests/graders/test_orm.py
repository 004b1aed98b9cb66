"""Outcome reward models: a classifier at /classify, and a language model that states a probability."""

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest

from redraft.graders.orm import orm
from redraft.graders.selectors import weighted_majority
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Stop, Trajectory


def draft(answer: str, sample: int) -> Trajectory:
    path = Trajectory(Question("p1", "How many?", unit="u1"), sample=sample, stop=Stop.ANSWERED, answer=answer)
    return path.grow(f"It is {answer}.", sample)


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    server = await openai_protocol.OpenAIServer(reward=lambda text: 0.25 if "18" in text else 0.75).start()
    yield server
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(
        Scripted(lambda request, index: 'So {"reason": "fine", "probability": 0.4}'), limits=Limits(tries=1)
    )
    yield client
    await client.close()


@pytest.mark.parametrize("profile", ["classify", "classify_chat"])
async def test_a_classifier_gives_the_probability_of_its_good_class(profile: str, client: Client, server: Any) -> None:
    drafts = [draft("18", 0), draft("20", 1), draft("18", 2), draft("18", 3)]
    grades = await orm(client, profile=profile, model="a/orm", api_base=server.url)(drafts)
    assert [grade.value for grade in grades] == [0.25, 0.75, 0.25, 0.25]
    assert weighted_majority(drafts, grades).answer == "18"  # 0.75 of three against 0.75 of one: the first seen wins
    assert weighted_majority(drafts[:3], grades[:3]).answer == "20"
    [grade] = await orm(client, profile=profile, model="a/orm", api_base=server.url, good=0)([drafts[0]])
    assert grade.value == 0.75
    shown = {"input": ["How many?\n\nIt is 18."]} if profile == "classify" else {"messages": MESSAGES}
    assert {"model": "a/orm", **shown, "use_activation": True} in server.requests


MESSAGES = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "It is 18."}]


@pytest.mark.parametrize("nonsense", ["count", "nan", "range", "words"])
async def test_nonsense_leaves_a_draft_ungraded(nonsense: str, client: Client, server: Any) -> None:
    server.nonsense = nonsense
    [grade] = await orm(client, profile="classify", model="a/orm", api_base=server.url)([draft("18", 0)])
    assert grade.value is None
    assert grade.reason


async def test_a_judge_states_a_probability(client: Client) -> None:
    [grade] = await orm(client)([draft("18", 0)])
    assert (grade.value, grade.grader, grade.grader_model) == (0.4, "orm", "scripted")
    for reply in ("No idea.", '{"probability": 2}', '{"probability": true}', "[1"):
        silent = Client(Scripted(lambda request, index, reply=reply: reply))
        [grade] = await orm(silent)([draft("18", 0)])
        assert (grade.value, grade.reason) == (None, "the judge's reply holds no probability from 0 to 1")


def test_settings_that_there_are_not(client: Client) -> None:
    with pytest.raises(PartError, match="no profile 'x' of grader 'orm'; there are judge, classify, classify_chat"):
        orm(client, profile="x")
    with pytest.raises(PartError, match="needs a model"):
        orm(client, profile="classify")
