"""The embedded model as one of LiteLLM's, and through redraft's own route to LiteLLM."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import litellm as typed
import pytest

from redraft.llm.model import Message, Request, UnsupportedRequest
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.prompts import TEMPLATES
from redraft.llm.providers.via_litellm.embedded import register
from redraft.llm.providers.via_litellm.route import litellm_model

QUESTION = "Ann has 7 boxes with 6 hats each. She gives away 5 of them. How many hats does Ann have now?"
CONTENT = TEMPLATES["solve"].replace("{question}", QUESTION)
MESSAGES = [{"role": "user", "content": CONTENT}]
litellm: Any = typed  # whose functions return one of many things


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def texts(response: Any) -> list[str]:
    return [choice.message.content for choice in response.choices]


async def own(**settings: Any) -> list[str]:
    reply = await embedded().complete(Request((Message("user", CONTENT),), **settings))
    return [choice.text for choice in reply.choices]


async def test_it_writes_what_the_embedded_model_writes() -> None:
    response = await litellm.acompletion(
        model="redraft/embedded", messages=MESSAGES, n=3, seed=7, temperature=0.8, max_tokens=40, stop=["\n"]
    )

    assert texts(response) == await own(n=3, seeds=(7, 8, 9), temperature=0.8, max_tokens=40, stop=("\n",))
    assert response.usage.prompt_tokens > 20
    assert response.usage.completion_tokens > 3
    assert litellm.completion_cost(response) == 0.0


async def test_it_goes_on_from_an_answers_beginning() -> None:
    begun = [*MESSAGES, {"role": "assistant", "content": "7 x 6", "prefix": True}]
    response = await litellm.acompletion(model="redraft/embedded", messages=begun, seed=3, max_tokens=12)
    assert texts(response) == await own(prefix="7 x 6", seeds=(3,), max_tokens=12)


async def test_log_probabilities_spell_the_text() -> None:
    response = await litellm.acompletion(model="redraft/embedded", messages=MESSAGES, seed=3, logprobs=True)
    [choice] = response.choices
    content = choice.logprobs.content
    assert "".join(token.token for token in content) == choice.message.content
    assert all(token.logprob <= 0 for token in content)


def test_it_answers_at_once_and_in_pieces() -> None:
    asked = {"model": "redraft/embedded", "messages": MESSAGES, "seed": 5, "max_tokens": 30}
    whole = litellm.completion(**asked)

    chunks = list(litellm.completion(**asked, stream=True, stream_options={"include_usage": True}))

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == texts(whole)[0]
    assert len(pieces) > 10
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == [
        whole.choices[0].finish_reason
    ]
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


async def test_pieces_come_without_blocking_too() -> None:
    asked = {"model": "redraft/embedded", "messages": MESSAGES, "seed": 5, "max_tokens": 30}
    stream = await litellm.acompletion(**asked, stream=True)
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(pieces) == texts(await litellm.acompletion(**asked))[0]


async def test_what_it_was_not_trained_for_is_a_bad_request() -> None:
    with pytest.raises(litellm.BadRequestError, match=r"was not trained for 'Tell me a j\.\.\.'"):
        await litellm.acompletion(model="redraft/embedded", messages=[{"role": "user", "content": "Tell me a joke"}])
    with pytest.raises(litellm.NotFoundError, match="has no model 'other'"):
        await litellm.acompletion(model="redraft/other", messages=MESSAGES)


async def test_the_route_gives_the_same_reply_to_the_letter() -> None:
    request = Request((Message("user", CONTENT),), n=4, seeds=(11, 5, 9, 2), stop=("\n",), temperature=1.2)
    through = litellm_model("redraft/embedded")

    assert await through.complete(request) == await embedded().complete(request)
    assert (through.name, through.templates) == (embedded().name, embedded().templates)
    assert through.capabilities == embedded().capabilities


async def test_the_route_refuses_what_the_model_refuses() -> None:
    with pytest.raises(UnsupportedRequest, match="was not trained for 'Hello'"):
        await litellm_model("redraft/embedded").complete(Request((Message("user", "Hello"),)))


def test_a_run_through_litellm_gives_the_same_trajectories(tmp_path: Path) -> None:
    stored = [_generated(tmp_path / name, model) for name, model in (("a", "embedded"), ("b", "redraft/embedded"))]
    assert len(stored[0]) == 6
    assert stored[0] == stored[1]


def _generated(folder: Path, model: str) -> list[dict[str, Any]]:
    folder.mkdir()
    redraft = Path(sys.executable).with_name("redraft")
    job = [redraft, "generate", "--model", model, "--limit", "3", "--samples", "2", "--db", "r.duckdb"]
    subprocess.run(job, cwd=folder, check=True, capture_output=True)
    asked = "SELECT trajectory_id, problem_id, text, answer, tokens, stop, score FROM trajectories ORDER BY ALL"
    query = [redraft, "query", "--db", "r.duckdb", "--json", asked]
    return json.loads(subprocess.run(query, cwd=folder, check=True, capture_output=True, text=True).stdout)


def test_it_may_be_called_from_within_a_running_loop() -> None:
    async def called() -> list[str]:
        return texts(litellm.completion(model="redraft/embedded", messages=MESSAGES, seed=5, max_tokens=5))

    assert asyncio.run(called())[0]
