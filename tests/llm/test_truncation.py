"""Truncated sampling: exact on the embedded model, and passed on, or refused in one line, on every other route."""

import asyncio
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.llm.client.client import Client
from redraft.llm.model import Message, Request, Sampling, UnsupportedRequest
from redraft.llm.providers.batch.model import BatchModel
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.model import EmbeddedModel, embedded
from redraft.llm.providers.embedded.truncation import truncate
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.scripted import Scripted
from redraft.llm.truncation import Truncation
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.sources.wordproblems import problems

ASKED = (Message("user", "Two and two?"),)
SETTINGS = [
    Truncation(top_k=1),
    Truncation(top_k=3),
    Truncation(top_p=0.5),
    Truncation(top_p=1.0),
    Truncation(min_p=0.2),
    Truncation(0.9, 4, 0.1),
    Truncation(0.6, 5, 0.0),
]
ALL = Truncation(0.9, 5, 0.05)


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and nothing remembered of other models."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return embedded()


def kept(probabilities: list[float], truncation: Truncation) -> list[int]:
    """The tokens that are kept, token by token, by the definitions: a reference without arrays."""
    ranked = sorted(range(len(probabilities)), key=lambda token: (-probabilities[token], token))
    if truncation.top_k is not None:
        ranked = ranked[: truncation.top_k]
    if truncation.top_p is not None:
        whole, mass, nucleus = sum(probabilities[token] for token in ranked), 0.0, list[int]()
        for token in ranked:
            if nucleus and mass >= truncation.top_p * whole:
                break
            nucleus.append(token)
            mass += probabilities[token]
        ranked = nucleus
    if truncation.min_p is not None:
        ranked = [token for token in ranked if probabilities[token] >= truncation.min_p * probabilities[ranked[0]]]
    return sorted(ranked)


@pytest.mark.parametrize("truncation", SETTINGS, ids=str)
def test_exactly_the_right_tokens_are_kept(truncation: Truncation) -> None:
    chance = np.random.default_rng(1)
    for size in (1, 2, 3, 7, 40):
        for _ in range(50):
            weights = chance.choice([0.25, 0.5, 1.0, 3.0], size) * chance.choice([1.0, chance.random()], size)
            left = truncate(weights, truncation)
            assert np.flatnonzero(left).tolist() == kept(weights.tolist(), truncation)
            assert np.array_equal(left[left > 0], weights[left > 0])
            assert np.array_equal(truncate(np.stack([weights, weights[::-1]]), truncation)[0], left), "row by row"


def in_doubt(model: EmbeddedModel) -> tuple[Request, np.ndarray]:
    """A request at the first digit of a result, where a small model is in doubt, and the logits there."""
    [problem] = islice(problems(levels=(5,)), 1)
    asked = (Message("user", f"solve\n{problem.question}"),)
    prefix = problem.meta["solution"].split("=")[0] + "="
    tokens = np.array(model.vocabulary.encode(prompt_formats.render(asked, prefix)), np.int64)
    logits = model.engine.network.read(tokens, Cache(1), 0)[-1].astype(np.float64)
    return Request(asked, prefix, n=1500, seeds=tuple(range(1500)), temperature=2.0, max_tokens=1), logits


@pytest.mark.parametrize(
    "truncation", [Truncation(0.8), Truncation(None, 6), Truncation(None, None, 0.1), ALL], ids=str
)
async def test_tokens_are_drawn_with_their_probabilities_among_those_that_are_kept(
    model: EmbeddedModel, truncation: Truncation
) -> None:
    """The temperature comes first; by a chi-square test, whose 99.9% point is below 3.5 x (tokens + 3)."""
    request, logits = in_doubt(model)
    weights = np.exp((logits - logits.max()) / 2.0)
    right = kept(weights.tolist(), truncation)
    assert 2 <= len(right) <= 20

    reply = await model.complete(Request(**_fields(request), truncation=truncation))

    drawn = Counter(choice.text for choice in reply.choices)
    expected = {
        model.vocabulary.bytes_of(token).decode(): 1500 * weights[token] / weights[right].sum() for token in right
    }
    assert drawn.keys() <= expected.keys()
    chi = sum((drawn[text] - count) ** 2 / count for text, count in expected.items())
    assert chi < 3.5 * (len(right) + 3)
    whole = logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
    logprobs = {model.vocabulary.bytes_of(token).decode(): whole[token] for token in right}
    assert all(choice.logprobs == (pytest.approx(logprobs[choice.text], abs=1e-4),) for choice in reply.choices)


def _fields(request: Request) -> dict[str, Any]:
    names = ("messages", "prefix", "n", "seeds", "temperature", "max_tokens")
    return {name: getattr(request, name) for name in names}


async def test_a_sample_is_the_same_alone_and_in_any_company(model: EmbeddedModel) -> None:
    asked = [
        Request(
            (Message("user", f"solve\n{problem.question}"),), seeds=(2 * place, 2 * place + 1), truncation=truncation
        )
        for place, problem in enumerate(islice(problems(), 6))
        for truncation in (ALL, Truncation())
    ]
    together = await asyncio.gather(*(model.complete(request) for request in asked))
    assert [(await model.complete(request)).choices for request in asked] == [reply.choices for reply in together]
    assert together[0].choices != together[1].choices


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"top_p": 0.0}, "top_p=0.0 must be above 0 and at most 1"),
        ({"top_p": 1.1}, "top_p=1.1 must be above 0 and at most 1"),
        ({"top_k": 0}, "top_k=0 must be a whole number from 1"),
        ({"min_p": 1.0}, "min_p=1.0 must be at least 0 and below 1"),
        ({"min_p": float("nan")}, "min_p=nan must be at least 0 and below 1"),
    ],
)
def test_a_setting_outside_its_range_is_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(PartError, match=told):
        Truncation(**settings)


async def test_the_runs_truncation_holds_for_what_is_drawn_and_is_on_record(tmp_path: Path) -> None:
    model, journal = Scripted(lambda request, index: "4"), Journal(tmp_path / "j.jsonl")
    client = Client(model, journal=journal, sampling=Sampling(truncation=Truncation(0.9, 20)))
    question = Question("p", "q", unit="u")
    await client.complete(question, "propose", "u/", ASKED)
    await client.complete(question, "critique", "u/", ASKED, temperature=0)
    assert [request.truncation for request in model.requests] == [Truncation(0.9, 20), Truncation()]
    drawn, greedy = [call.params for call, _ in journal.calls("u")]
    assert (drawn["top_p"], drawn["top_k"], "min_p" in drawn) == (0.9, 20, False)
    assert greedy.keys() == {"temperature", "max_tokens", "stop", "seed"}
    journal.close()


async def test_litellm_passes_all_of_them_on(openai_server: Any) -> None:
    model = litellm_model("tiny", openai_server.url)
    await model.complete(Request(ASKED, truncation=ALL))
    sent = openai_server.requests[-1]
    assert (sent["top_p"], sent["top_k"], sent["min_p"]) == (0.9, 5, 0.05)
    await model.close()


async def test_litellm_tells_in_one_line_what_a_model_refuses(openai_server: Any) -> None:
    openai_server.rejects = {"top_k"}
    told = "tiny takes no top_k. Leave out --top-k, or name another model."
    for tries in (1, 1):  # the second model remembers
        model = litellm_model("tiny", openai_server.url)
        with pytest.raises(UnsupportedRequest, match=told) as refused:
            await model.complete(Request(ASKED, truncation=ALL))
        assert refused.value.fatal
        assert len(openai_server.requests) == tries
        await model.close()


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("openai/gpt-4o", []),
        ("openai/o1", ["top_p"]),
        ("anthropic/claude-3-haiku-20240307", []),
        ("groq/llama-3.1-8b-instant", []),
        ("hosted_vllm/any", []),
    ],
)
def test_what_litellm_would_leave_out_silently_is_known_from_its_tables(name: str, refused: list[str]) -> None:
    can = litellm_model(name).capabilities
    assert [setting for setting in ("top_p", "top_k", "min_p") if getattr(can, setting) is False] == refused


async def test_the_embedded_model_draws_the_same_through_litellm(model: EmbeddedModel) -> None:
    [problem] = islice(problems(), 1)
    request = Request((Message("user", f"solve\n{problem.question}"),), n=3, seeds=(7, 8, 9), truncation=ALL)
    other = litellm_model("redraft/embedded")
    assert (await other.complete(request)).choices == (await model.complete(request)).choices
    await other.close()


async def test_a_batch_carries_them_and_a_refusal_ends_the_run(openai_server: Any, tmp_path: Path) -> None:
    batched = BatchModel(litellm_model("tiny", openai_server.url), tmp_path, quiet_s=0.1, pause_s=0.05)
    await batched.complete(Request(ASKED, truncation=ALL))
    [sent] = [entry.body for entry in openai_server.record.entries if "messages" in entry.body]
    assert (sent["top_p"], sent["top_k"], sent["min_p"]) == (0.9, 5, 0.05)
    await batched.close()

    openai_server.rejects = {"min_p"}
    client = Client(BatchModel(litellm_model("tiny", openai_server.url), tmp_path, quiet_s=0.1, pause_s=0.05))
    client.sampling = Sampling(truncation=ALL)
    with pytest.raises(UnsupportedRequest, match="tiny takes no min_p"):
        await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED)
    await client.close()
