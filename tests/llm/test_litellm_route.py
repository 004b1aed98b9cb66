"""The LiteLLM route against a real HTTP server that speaks OpenAI's protocol."""

import asyncio
from typing import Any

import pytest

from redraft.llm.client import Client
from redraft.llm.limits import Limits
from redraft.llm.litellm_route import litellm_model
from redraft.llm.model import Choice, Finish, Message, Refused, Request, Sampling
from redraft.store.journal import Journal
from redraft.store.records import Question

ASKED = (Message("system", "Be brief."), Message("user", "Two and two?"))


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def test_a_request_reaches_the_server_whole_and_comes_back_as_choices(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: ["It is four.", "Four, I think."][index]
    model = litellm_model("tiny", openai_server.url)

    reply = await model.complete(Request(ASKED, n=2, temperature=0.5, max_tokens=20, stop=("\n\n",), seeds=(7, 8)))

    [sent] = openai_server.requests
    assert sent == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two and two?"}],
        "n": 2,
        "temperature": 0.5,
        "max_tokens": 20,
        "stop": ["\n\n"],
        "seed": 7,
        "logprobs": True,
    }
    assert reply.choices == (
        Choice("It is four.", Finish.END, 3, logprobs=(-0.5, -0.75, -1.0), offsets=(0, 2, 5)),
        Choice("Four, I think.", Finish.END, 3, logprobs=(-0.5, -0.75, -1.0), offsets=(0, 5, 7)),
    )
    assert (reply.usage.prompt, reply.usage.cached, reply.usage.reasoning) == (5, 2, 0)
    assert (reply.cost_usd, reply.attempts) == (None, 1)
    assert model.name == "tiny"


async def test_a_text_ends_at_a_stop_string_or_the_token_limit(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "one two\n\nthree"
    model = litellm_model("tiny", openai_server.url)

    [stopped] = (await model.complete(Request(ASKED, stop=("\n\n",)))).choices
    [limited] = (await model.complete(Request(ASKED, max_tokens=1))).choices

    assert (stopped.text, stopped.finish) == ("one two", Finish.STOP)
    assert (limited.text, limited.finish, limited.tokens) == ("one", Finish.LENGTH, 1)


async def test_a_text_that_ends_by_itself_is_not_said_to_have_been_stopped(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "one two"
    reply = await litellm_model("tiny", openai_server.url).complete(Request(ASKED, stop=("\n\n",)))
    assert reply.choices[0].finish is Finish.END


async def test_thinking_is_kept_apart_and_counted(openai_server: Any) -> None:
    openai_server.thinking = "let me see"
    openai_server.write = lambda messages, seed, index: "Four."

    reply = await litellm_model("tiny", openai_server.url).complete(Request(ASKED))

    [choice] = reply.choices
    assert (choice.text, choice.thinking, choice.tokens, reply.usage.reasoning) == ("Four.", "let me see", 4, 3)


async def test_a_server_that_ignores_n_is_asked_again_with_each_samples_own_seed(openai_server: Any) -> None:
    openai_server.most = 1
    openai_server.write = lambda messages, seed, index: f"seed {seed}"
    journal = Journal(None)
    client = Client(litellm_model("tiny", openai_server.url), journal=journal)
    question = Question("p", "q", unit="u")

    choices = await client.complete(question, "propose", "u/", ASKED, n=4)

    seeds = [client.seed("u", "propose", "u/", sample) for sample in range(4)]
    assert [choice.text for choice in choices] == [f"seed {seed}" for seed in seeds]
    assert sorted(request["seed"] for request in openai_server.requests) == sorted(seeds)
    assert [(call.first, call.n) for call, _ in sorted(journal.calls("u"), key=lambda c: c[0].first)] == [
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 1),
    ]


async def test_what_a_server_rejects_is_left_out_from_then_on(openai_server: Any) -> None:
    openai_server.rejects = {"logprobs", "stop", "n"}
    openai_server.write = lambda messages, seed, index: "one\n\ntwo"
    client = Client(litellm_model("tiny", openai_server.url))

    choices = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, n=2, stop=["\n\n"])

    assert [(choice.text, choice.finish, choice.logprobs) for choice in choices] == [("one", Finish.STOP, None)] * 2
    assert [sorted(request.keys() & openai_server.rejects) for request in openai_server.requests] == [
        ["logprobs", "n", "stop"],
        ["n", "stop"],
        ["stop"],
        [],
        [],
    ]


async def test_a_prefix_is_refused_where_the_provider_would_not_go_on_from_it(openai_server: Any) -> None:
    with pytest.raises(Refused, match="tiny does not go on from a half-written answer"):
        await litellm_model("tiny", openai_server.url).complete(Request(ASKED, prefix="It"))
    assert openai_server.requests == []


async def test_an_empty_sample_among_others_is_asked_for_again_and_then_fails_alone(openai_server: Any) -> None:
    bad = Client(litellm_model("tiny", openai_server.url)).seed("u", "propose", "u/", 2)
    openai_server.write = lambda messages, seed, index: "" if index == 2 or seed == bad else "fine"
    client = Client(litellm_model("tiny", openai_server.url))

    drawn = await client.draw(Question("p", "q", unit="u"), "propose", "u/", client.request(ASKED, n=3))

    assert [choice.text for choice in drawn if isinstance(choice, Choice)] == ["fine", "fine"]
    assert str(drawn[2]) == "The model gave no text (it stopped for: stop). Ask again, or ask another model."


async def test_many_calls_at_once_stay_within_the_limit(openai_server: Any) -> None:
    busy, most = 0, 0

    async def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        return "done"

    openai_server.write = write
    client = Client(litellm_model("tiny", openai_server.url), sampling=Sampling(max_tokens=5), limits=Limits(4))
    questions = [Question(f"p{index}", "q", unit=f"u{index}") for index in range(12)]

    await asyncio.gather(*(client.complete(q, "propose", f"{q.unit}/", ASKED) for q in questions))

    assert most == 4
