"""The LiteLLM route against a real HTTP server that speaks OpenAI's protocol."""

import asyncio
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.llm.capabilities import Continuing
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Choice, Finish, Message, Request, Sampling, UnsupportedRequest
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.usage import Prices, Usage
from redraft.store.journal import Journal
from redraft.store.problems import Question

ASKED = (Message("system", "Be brief."), Message("user", "Two and two?"))


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and nothing remembered of other models."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
    with pytest.raises(UnsupportedRequest, match="tiny does not go on from a half-written answer"):
        await litellm_model("tiny", openai_server.url).complete(Request(ASKED, prefix="It"))
    assert openai_server.requests == []


async def test_an_empty_sample_among_others_is_asked_for_again_and_then_fails_alone(openai_server: Any) -> None:
    bad = Client(litellm_model("tiny", openai_server.url)).seed("u", "propose", "u/", 2)
    openai_server.write = lambda messages, seed, index: "" if index == 2 or seed == bad else "fine"
    client = Client(litellm_model("tiny", openai_server.url))

    drawn = await client.draw(Question("p", "q", unit="u"), "propose", "u/", client.request(ASKED, n=3))

    assert [choice.text for choice in drawn if isinstance(choice, Choice)] == ["fine", "fine"]
    where = openai_server.url
    assert str(drawn[2]) == f"{where} gave no text (it stopped for: stop). Ask again, or ask another model."


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


async def test_two_single_replies_to_a_call_for_several_show_that_n_is_ignored(openai_server: Any) -> None:
    openai_server.most = 1
    model = litellm_model("tiny", openai_server.url)

    for known in (None, False):
        assert len((await model.complete(Request(ASKED, n=3))).choices) == 1
        assert model.capabilities.n is known
    await model.complete(Request(ASKED, n=3))

    assert [request.get("n") for request in openai_server.requests] == [3, 3, None]


async def test_fewer_choices_once_are_no_proof_that_n_is_ignored(
    openai_server: Any, openai_protocol: ModuleType
) -> None:
    openai_server.faults = [openai_protocol.Fault("few"), None, openai_protocol.Fault("few")]
    model = litellm_model("tiny", openai_server.url)

    counts = [len((await model.complete(Request(ASKED, n=2))).choices) for _ in range(3)]

    assert (counts, model.capabilities.n) == ([1, 2, 1], True)


async def test_a_limit_of_n_is_kept_to(openai_server: Any, openai_protocol: ModuleType) -> None:
    body = {"error": {"message": "Invalid 'n': must be at most 8.", "param": "n"}}
    openai_server.faults = [openai_protocol.Fault(400, body)]
    client = Client(litellm_model("tiny", openai_server.url))

    choices = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, n=16)

    assert len(choices) == 16
    assert [request["n"] for request in openai_server.requests] == [16, 8, 8]


async def test_a_temperature_that_is_rejected_is_left_out_and_said_once(openai_server: Any) -> None:
    openai_server.rejects = {"temperature"}
    heard: list[str] = []
    client = Client(litellm_model("tiny", openai_server.url), say=heard.append)
    question = Question("p", "q", unit="u")

    for place in ("u/0", "u/1", "u/2"):
        await client.complete(question, "propose", place, ASKED, temperature=0.5)

    assert heard == ["tiny takes no temperature: it draws as it always does."]
    assert ["temperature" in request for request in openai_server.requests] == [True, False, False, False]
    assert client.model.capabilities.temperature is False


async def test_a_temperature_that_litellm_would_drop_without_a_word_is_said(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    heard: list[str] = []
    client = Client(litellm_model("openai/gpt-5-mini", openai_server.url), say=heard.append)

    await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, temperature=0.0, stop=["END"])

    [sent] = openai_server.requests
    assert sent.keys() == {"model", "messages", "max_completion_tokens", "seed"}
    assert heard == ["openai/gpt-5-mini takes no temperature: it draws as it always does."]


async def test_the_name_of_the_token_limit_is_found_out(openai_server: Any, openai_protocol: ModuleType) -> None:
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    openai_server.faults = [openai_protocol.Fault(400, {"error": {"message": message}})]
    model = litellm_model("tiny", openai_server.url)

    for _ in range(2):
        await model.complete(Request(ASKED, max_tokens=9))

    limits = [(sent.get("max_tokens"), sent.get("max_completion_tokens")) for sent in openai_server.requests]
    assert limits == [(9, None), (None, 9), (None, 9)]


async def test_what_was_found_out_is_remembered_by_the_next_process(openai_server: Any) -> None:
    openai_server.rejects = {"logprobs"}
    await litellm_model("tiny", openai_server.url).complete(Request(ASKED))

    later = litellm_model("tiny", openai_server.url)
    await later.complete(Request(ASKED))

    assert later.capabilities.logprobs is False
    assert ["logprobs" in request for request in openai_server.requests] == [True, False, False]


SCHEMA = {"type": "object", "properties": {"step": {"type": "string"}, "final": {"type": "boolean"}}}


async def test_a_schema_is_sent_and_held_to(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "Four."
    model = litellm_model("tiny", openai_server.url)

    [choice] = (await model.complete(Request(ASKED, schema=SCHEMA))).choices

    assert json.loads(choice.text).keys() == {"step", "final"}
    [sent] = openai_server.requests
    assert sent["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }
    assert model.capabilities.schema is True


@pytest.mark.parametrize(("structured", "asked"), [("reject", [True, False, False]), ("ignore", [True, True, False])])
async def test_a_schema_that_is_rejected_or_ignored_is_left_to_the_prompt(
    openai_server: Any, structured: str, asked: list[bool]
) -> None:
    openai_server.structured = structured
    model = litellm_model("tiny", openai_server.url)

    for _ in range(3 if structured == "ignore" else 2):
        assert (await model.complete(Request(ASKED, schema=SCHEMA, seeds=(1,)))).choices[0].text == "sample 0 of seed 1"

    assert ["response_format" in request for request in openai_server.requests] == asked
    assert model.capabilities.schema is False


async def test_log_probabilities_that_are_no_numbers_are_none(openai_server: Any, openai_protocol: ModuleType) -> None:
    openai_server.faults = [openai_protocol.Fault("nan")]
    model = litellm_model("tiny", openai_server.url)
    [broken] = (await model.complete(Request(ASKED))).choices
    [sound] = (await model.complete(Request(ASKED))).choices
    assert (broken.logprobs, broken.offsets, sound.logprobs is None) == (None, None, False)


@pytest.mark.parametrize("name", ["deepseek/deepseek-chat", "mistral/mistral-large-latest"])
async def test_a_prefix_is_gone_on_from_where_the_provider_takes_it(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for key in ("DEEPSEEK_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.setenv(key, "none")
    openai_server.continues = "trailing"
    openai_server.write = lambda messages, seed, index: "It is four, I think."
    model = litellm_model(name, openai_server.url)

    [choice] = (await model.complete(Request(ASKED, prefix="It is "))).choices

    assert choice.text == "four, I think."
    [sent] = openai_server.requests
    assert sent["messages"][-1] == {"role": "assistant", "content": "It is ", "prefix": True}


async def test_a_provider_that_sends_the_prefix_again_does_not_double_it(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "none")
    openai_server.write = lambda messages, seed, index: "It is four."
    model = litellm_model("mistral/mistral-large-latest", openai_server.url)
    [choice] = (await model.complete(Request(ASKED, prefix="It is "))).choices
    assert choice.text == "four."


async def test_a_prefix_goes_to_vllm_with_its_flag(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "It is four."
    model = litellm_model("hosted_vllm/tiny", openai_server.url)

    [choice] = (await model.complete(Request(ASKED, prefix="It is "))).choices

    [sent] = openai_server.requests
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)
    assert choice.text == "four."


async def test_thinking_in_front_of_the_text_is_kept_apart(openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "<think>two and two</think>\n\nFour."
    [choice] = (await litellm_model("tiny", openai_server.url).complete(Request(ASKED))).choices
    assert (choice.text, choice.thinking) == ("Four.", "two and two")


@pytest.mark.parametrize("write", ["<think>one\n\ntwo</think>Four.\n\nDone.", ""])
async def test_stop_strings_do_not_end_thinking(openai_server: Any, write: str) -> None:
    """A server applies them to the thinking too: from then on they are left to redraft, which cuts the text alone."""
    openai_server.write = lambda messages, seed, index: write or "Four.\n\nDone."
    if not write:
        openai_server.ignores = {"stop"}
        openai_server.thinking = "one\n\ntwo"
    client = Client(litellm_model("tiny", openai_server.url), limits=Limits(wait_s=0.01))

    [choice] = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, stop=["\n\n"])

    assert (choice.text, choice.thinking, choice.finish) == ("Four.", "one\n\ntwo", Finish.STOP)


async def test_a_model_closed_does_not_close_another(openai_server: Any) -> None:
    one, other = (litellm_model(name, openai_server.url) for name in ("tiny", "small"))
    await asyncio.gather(one.complete(Request(ASKED)), other.complete(Request(ASKED)))
    await one.close()
    assert (await other.complete(Request(ASKED, seeds=(3,)))).choices[0].text == "sample 0 of seed 3"
    await other.close()
    later = litellm_model("tiny", openai_server.url)
    assert (await later.complete(Request(ASKED, seeds=(4,)))).choices[0].text == "sample 0 of seed 4"


async def test_what_a_call_costs_follows_the_tables_cached_tokens_too(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    openai_server.write = lambda messages, seed, index: "It is four."
    model = litellm_model("openai/gpt-4o-mini", openai_server.url)

    reply = await model.complete(Request(ASKED))

    assert model.prices == Prices(1.5e-7, 6e-7, 7.5e-8)
    assert reply.usage == Usage(prompt=5, completion=3, cached=2)
    assert reply.cost_usd == pytest.approx(3 * 1.5e-7 + 2 * 7.5e-8 + 3 * 6e-7)


async def test_prices_of_ones_own_go_before_the_tables(openai_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model = litellm_model("openai/gpt-4o-mini", openai_server.url)
    model.prices = Prices(1e-3, 2e-3)
    assert (await model.complete(Request(ASKED))).cost_usd is None  # so that the caller counts by those


def test_a_model_without_a_price_in_the_tables_has_none() -> None:
    assert litellm_model("groq/no-such-model").prices is None


def test_the_tables_begin_what_is_known() -> None:
    known = litellm_model("anthropic/claude-sonnet-4-5").capabilities
    assert (known.n, known.seed, known.logprobs, known.continuing) == (False, False, False, Continuing.TRAILING)
    known = litellm_model("openai/gpt-5-mini").capabilities
    assert (known.temperature, known.stop, known.continuing) == (False, False, Continuing.NONE)
