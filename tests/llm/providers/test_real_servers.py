"""The embedded model behind real servers, asked through redraft's own route, against the engine that ships."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from msgspec import structs

from real_servers import STARTS, Server, running, scores
from redraft.agents.strategies.greedy import greedy
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Beam, Choice, Finish, Message, Model, ModelError, Request, Sampling, UnsupportedRequest
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.export import export_folder, export_gguf
from redraft.llm.providers.embedded.model import EmbeddedModel, embedded
from redraft.llm.providers.embedded.prompts import render
from redraft.llm.providers.route import route
from redraft.llm.truncation import Truncation
from redraft.store.problems import Question
from redraft.store.sources.wordproblems import problems

pytestmark = pytest.mark.servers

TOLERANCE = 1e-3  # of a log-probability
PLAIN = Prompts()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published")
    export_folder(place)
    export_gguf(place / "model.gguf")
    return place


@pytest.fixture(scope="module", params=STARTS, ids=lambda start: start.__name__)
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    with running(request.param, folder) as server:
        yield server


@pytest.fixture(scope="module")
def ours() -> EmbeddedModel:
    return embedded()


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def prompts(folder: Path) -> Prompts:
    """The words that the weights were trained on, and their chat template."""
    return Prompts.read(folder / "prompts.toml")


@asynccontextmanager
async def reached(server: Server, prompts: Prompts = PLAIN) -> AsyncIterator[Model]:
    """The route to a server: chat, or raw completions where there is a chat template."""
    model = route(server.model, server.url, chat_template=prompts.chat_template or None)
    try:
        yield model
    finally:
        await model.close()


def questions(number: int, *levels: int) -> list[Question]:
    return [problem.ask() for problem in islice(problems(levels=levels or (1, 2, 3, 4)), number)]


def asked(question: Question) -> tuple[Message, ...]:
    return (Message("user", f"solve\n{question.text}"),)


async def greedy_drafts(client: Client, asked: list[Question]) -> list[str]:
    agent = greedy(client)
    paths = await asyncio.gather(*(agent(question) for question in asked))
    return [path.text() for [path] in paths]


def tokens(ours: EmbeddedModel, choice: Choice) -> list[int]:
    """The numbers of a choice's tokens, by the texts that their offsets cut."""
    assert choice.offsets is not None
    numbers = {ours.vocabulary.bytes_of(token): token for token in range(4, 960)}
    ends = [*choice.offsets[1:], len(choice.text)]
    return [numbers[choice.text[start:end].encode()] for start, end in zip(choice.offsets, ends, strict=True)]


def scored(ours: EmbeddedModel, prompt: list[int], answer: list[int]) -> list[float]:
    """The log-probability of each token of an answer, by the network that ships."""
    read = np.array(prompt + answer, np.int64)
    logits = ours.engine.network.read(read, Cache(1), 0).astype(np.float64)[len(prompt) - 1 : -1]
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits[np.arange(len(answer)), answer].tolist()


@pytest.mark.parametrize("raw", [False, True], ids=["chat", "raw"])
async def test_greedy_writes_the_same_drafts_as_the_embedded_engine(
    server: Server, ours: EmbeddedModel, prompts: Prompts, raw: bool
) -> None:
    twenty = questions(20)
    words = prompts if raw else replace(prompts, chat_template="")
    async with reached(server, words) as model:
        assert await greedy_drafts(Client(model, prompts=words), twenty) == await greedy_drafts(Client(ours), twenty)


@pytest.mark.parametrize("raw", [False, True], ids=["chat", "raw"])
async def test_log_probabilities_are_the_embedded_networks(
    server: Server, ours: EmbeddedModel, prompts: Prompts, raw: bool
) -> None:
    """At temperature 1, whatever the temperature that drew the text."""
    async with reached(server, prompts if raw else PLAIN) as model:
        for question in questions(6, 2):
            for temperature in (0.0, 0.5, 1.0):
                request = Request(asked(question), temperature=temperature, max_tokens=200, seeds=(5,))
                [choice] = (await model.complete(request)).choices
                if not server.logprobs:
                    assert (choice.logprobs, choice.offsets) == (None, None)
                    continue
                assert choice.logprobs is not None
                prompt = ours.vocabulary.encode(render(request.messages))
                expected = scored(ours, prompt, tokens(ours, choice))
                assert choice.logprobs == pytest.approx(expected, abs=TOLERANCE)
    assert model.capabilities.logprobs is server.logprobs


async def test_transformers_scores_drafts_as_the_embedded_engine_does(folder: Path, ours: EmbeddedModel) -> None:
    """Its server gives no log-probabilities, so the library that it serves by is asked for them."""
    texts, expected = [], []
    for question in questions(20):
        [choice] = (await ours.complete(Request(asked(question), seeds=(3,)))).choices
        assert choice.logprobs is not None
        texts.append(ours.vocabulary.encode(render(asked(question))) + tokens(ours, choice))
        expected.append(choice.logprobs)
    for theirs, own in zip(scores(folder, texts), expected, strict=True):
        assert theirs[-len(own) :] == pytest.approx(own, abs=TOLERANCE)


@pytest.mark.parametrize("raw", [False, True], ids=["chat", "raw"])
async def test_a_half_written_draft_is_gone_on_from_byte_for_byte(
    server: Server, ours: EmbeddedModel, prompts: Prompts, raw: bool
) -> None:
    drafts = await greedy_drafts(Client(ours), questions(5))
    async with reached(server, prompts if raw else PLAIN) as model:
        if not raw and not server.continues:
            with pytest.raises(UnsupportedRequest, match="does not go on from a half-written answer"):
                await model.complete(Request(asked(questions(1)[0]), prefix="Half"))
            return
        for question, whole in zip(questions(5), drafts, strict=True):
            for cut in (1, len(whole) // 2, whole.index("\n") + 1):
                request = Request(asked(question), prefix=whole[:cut], temperature=0.0)
                [theirs] = (await model.complete(request)).choices
                [expected] = (await ours.complete(request)).choices
                assert (theirs.text, theirs.finish) == (expected.text, expected.finish)


async def test_a_draft_ends_by_itself_at_a_stop_string_or_at_the_limit(
    server: Server, ours: EmbeddedModel, prompts: Prompts
) -> None:
    [question] = questions(1)
    [draft] = await greedy_drafts(Client(ours), [question])
    first, last = draft.split("\n")[0], draft[-1]
    async with reached(server, prompts) as model:

        async def ask(**arguments: object) -> tuple[str, Finish]:
            request = Request(asked(question), temperature=0.0, **arguments)  # type: ignore[arg-type]
            [choice] = (await model.complete(request)).choices
            return choice.text, choice.finish

        assert await ask() == (draft, Finish.END)
        assert await ask(stop=("\n",)) == (first, Finish.STOP)
        assert await ask(stop=("never", "####")) == (draft[: draft.index("####")], Finish.STOP)
        assert await ask(stop=(last + "never",)) == (draft, Finish.END)
        assert (await ask(max_tokens=3))[1] is Finish.LENGTH


async def test_a_bare_prefix_is_what_the_server_puts_before_a_users_message(server: Server) -> None:
    """The text that a question-writing model goes on from; `transformers serve` shows none without a template."""
    bare = Request((), n=2, max_tokens=30, seeds=(5, 6))
    async with reached(server) as model:
        if server.name == "transformers":
            with pytest.raises(UnsupportedRequest, match="shows no prompt up to where the user's message begins"):
                await model.complete(bare)
            return
        drawn = [choice.text for choice in (await model.complete(bare)).choices]
    body = {"model": server.model, "prompt": "<|user|>", "max_tokens": 30, "temperature": 1.0}
    async with aiohttp.ClientSession() as http:
        for seed, text in zip(bare.seeds, drawn, strict=True):
            async with http.post(f"{server.url}/completions", json={**body, "seed": seed}) as response:
                assert (await response.json())["choices"][0]["text"] == text
    assert drawn[0] != drawn[1]


async def test_n_samples_are_n_draws(server: Server) -> None:
    """Of a question with many answers, eight of eight differ; a server that gives one at a time is asked for more."""
    [question] = questions(1, 5)
    async with reached(server) as model:
        client = Client(model, sampling=Sampling(temperature=1.5, max_tokens=100))
        choices = await client.complete(question, "propose", "", asked(question), n=8)
    assert len({choice.text for choice in choices}) == 8
    assert all(choice.tokens > 0 for choice in choices)


async def test_the_same_seed_writes_the_same_draft(server: Server) -> None:
    """`transformers serve` has one generator for all calls in flight, so a seed holds for one call at a time."""
    limits = Limits(concurrency=8 if server.at_once else 1)

    async def draw(seed: int) -> list[str]:
        async with reached(server) as model:
            client = Client(model, sampling=Sampling(seed=seed, max_tokens=200), limits=limits)
            drawn = await asyncio.gather(
                *(client.complete(each, "propose", "", asked(each), n=4) for each in questions(3, 3))
            )
        return [choice.text for choices in drawn for choice in choices]

    once, again, other = await draw(1), await draw(1), await draw(2)
    assert once == again
    assert sum(left != right for left, right in zip(once, other, strict=True)) > len(once) / 2


async def test_a_model_that_is_not_served_stops_the_run(server: Server) -> None:
    model, request = route("nobody", server.url), Request(asked(questions(1)[0]), max_tokens=5)
    if server.any_name:
        assert (await model.complete(request)).choices[0].text
    else:
        with pytest.raises(ModelError, match="nobody") as failed:
            await model.complete(request)
        assert failed.value.fatal
    await model.close()


async def test_too_long_a_prompt_fails_alone(server: Server) -> None:
    long = Request((Message("user", "solve\n" + "1 " * 1200),), max_tokens=5)
    async with reached(server) as model:
        if server.any_length:
            assert (await model.complete(long)).choices[0].finish is Finish.LENGTH
        else:
            with pytest.raises(ModelError, match="context") as failed:
                await model.complete(long)
            assert not failed.value.fatal
        assert (await model.complete(Request(asked(questions(1)[0]), max_tokens=5))).choices[0].text


async def test_vllm_finds_the_same_beams_as_the_embedded_engine_and_others_refuse(
    server: Server, ours: EmbeddedModel
) -> None:
    async with reached(server) as model:
        for question in questions(3, 1, 2):
            request = Request(asked(question), n=4, max_tokens=120, beam=Beam(1.0))
            if server.name != "vllm":
                with pytest.raises(UnsupportedRequest, match="does no beam search over tokens"):
                    await model.complete(request)
                continue
            theirs, own = (await model.complete(request)).choices, (await ours.complete(request)).choices
            assert [choice.text for choice in theirs] == [choice.text for choice in own]
            assert theirs[0].logprobs == pytest.approx(own[0].logprobs, abs=TOLERANCE)


@pytest.mark.parametrize("truncation", [Truncation(top_p=1e-3), Truncation(top_k=1), Truncation(min_p=0.99)], ids=str)
async def test_a_truncation_to_the_likeliest_token_is_heeded_or_refused(server: Server, truncation: Truncation) -> None:
    """A server that ignores a setting is found out; one that heeds it draws the greedy text at any temperature."""
    [question] = questions(1, 5)
    request = Request(asked(question), n=1, temperature=1.5, max_tokens=20, truncation=truncation)
    async with reached(server) as model:

        async def drawn(seed: int) -> str:
            return (await model.complete(structs.replace(request, seeds=(seed,)))).choices[0].text

        if server.name == "transformers" and truncation.top_p is None:
            with pytest.raises(UnsupportedRequest, match="Leave out --"):
                await drawn(0)
        else:
            assert len({await drawn(seed) for seed in range(4)}) == 1
