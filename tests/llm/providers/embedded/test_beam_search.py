"""Beam search over the embedded model's tokens: against enumeration, and against a plain search without a cache."""

import asyncio
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from redraft.llm.model import Beam, Choice, Finish, Message, Request
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.model import EmbeddedModel, embedded
from redraft.store.sources.wordproblems import problems

[PROBLEM] = islice(problems(levels=(5,), seed=2), 1)
ASKED = (Message("user", f"solve\n{PROBLEM.question}"),)
PREFIX = PROBLEM.meta["solution"].split("=")[0] + "="  # where a small model is in doubt


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the engine has it: products so small lose time on more."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return embedded()


def prompt(model: EmbeddedModel) -> list[int]:
    return model.vocabulary.encode(prompt_formats.render(ASKED, PREFIX))


def logprobs(logits: np.ndarray) -> np.ndarray:
    exact = logits.astype(np.float64)
    exact = exact - exact.max(axis=-1, keepdims=True)
    return exact - np.log(np.exp(exact).sum(axis=-1, keepdims=True))


def best_of_all_texts_of_two(model: EmbeddedModel, penalty: float, count: int) -> list[bytes]:
    """The best of all texts of one token that end, and of all texts of two, as their bytes."""
    network, vocabulary = model.engine.network, model.vocabulary
    cache, tokens = Cache(64), np.array(prompt(model), np.int64)
    first = logprobs(network.read(tokens, cache, 0, last=True))[0]
    ends = np.array([vocabulary.is_mark(token) for token in range(len(first))])
    scores = np.full((len(first), len(first) + 1), -np.inf)  # the last column: the text ends after one token
    for row in range(1, 64):
        cache.copy(0, row)
    for start in range(0, len(first), 64):
        cache.lengths[:] = len(tokens)
        second = logprobs(network.step(np.arange(start, start + 64), cache))
        scores[start : start + 64, :-1] = np.where(ends, -np.inf, second)
        scores[start : start + 64, -1] = np.log(np.exp(second[:, ends]).sum(axis=1))
    scores = (scores + np.where(ends, -np.inf, first)[:, None]) / 2**penalty
    pieces = [*map(vocabulary.bytes_of, range(len(first))), b""]
    best = np.argsort(-scores, axis=None)[:count]
    return [pieces[one] + pieces[other] for one, other in (divmod(int(place), len(pieces)) for place in best)]


@pytest.mark.parametrize("penalty", [0.0, 1.0])
async def test_the_best_of_all_texts_are_found(model: EmbeddedModel, penalty: float) -> None:
    """With a beam so wide that no beginning that is dropped could lead to one of them."""
    found = (await model.complete(Request(ASKED, PREFIX, n=48, max_tokens=2, beam=Beam(penalty)))).choices
    assert [choice.text.encode() for choice in found[:20]] == best_of_all_texts_of_two(model, penalty, 20)
    assert {choice.finish for choice in found[:20]} <= {Finish.END, Finish.LENGTH}


def plainly(model: EmbeddedModel, width: int, penalty: float, most: int) -> list[tuple[float, list[int], list[float]]]:
    """The same search, which reads each text anew for each token: score, tokens and their log-probabilities."""
    start = prompt(model)
    opened: list[tuple[list[int], list[float]]] = [([], [])]
    ended: list[tuple[float, list[int], list[float]]] = []
    for length in range(1, most + 1):
        grown: list[tuple[float, list[int], list[float]]] = []
        for tokens, known in opened:
            read = model.engine.network.read(np.array(start + tokens, np.int64), Cache(1), 0, last=True)
            told = logprobs(read)[0]
            end = sum(np.exp(told[token]) for token in range(len(told)) if model.vocabulary.is_mark(token))
            if tokens:
                ended.append(((sum(known) + np.log(end)) / length**penalty, tokens, known))
            grown += [
                (sum(known) + told[token], [*tokens, token], [*known, told[token]])
                for token in range(len(told))
                if not model.vocabulary.is_mark(token)
            ]
        grown.sort(key=lambda one: -one[0])
        opened = [(tokens, known) for _, tokens, known in grown[:width]]
    ended += [(sum(known) / most**penalty, tokens, known) for tokens, known in opened]
    return sorted(ended, key=lambda one: -one[0])[:width]


@pytest.mark.parametrize(("width", "penalty", "most"), [(1, 1.0, 8), (3, 0.0, 12), (3, 1.0, 12), (2, -1.0, 5)])
async def test_the_cache_and_the_early_end_change_nothing(
    model: EmbeddedModel, width: int, penalty: float, most: int
) -> None:
    reply = await model.complete(Request(ASKED, PREFIX, n=width, max_tokens=most, beam=Beam(penalty)))
    expected = plainly(model, width, penalty, most)
    assert [choice.text.encode() for choice in reply.choices] == [
        b"".join(map(model.vocabulary.bytes_of, tokens)) for _, tokens, _ in expected
    ]
    for choice, (_, _, known) in zip(reply.choices, expected, strict=True):
        assert choice.logprobs == pytest.approx(known, abs=1e-4)
        assert choice.tokens == len(known)
        assert choice.offsets is not None
        assert len(choice.offsets) == choice.tokens
    assert reply.usage.completion == sum(choice.tokens for choice in reply.choices)


async def test_whole_solutions_come_best_first_whatever_runs_beside_them(model: EmbeddedModel) -> None:
    asked = [(Message("user", f"solve\n{problem.question}"),) for problem in islice(problems(), 3)]
    requests = [Request(messages, n=3, beam=Beam(), seeds=(1, 2, 3)) for messages in asked]
    samples = [Request(messages, n=4, seeds=(1, 2, 3, 4)) for messages in asked]
    alone = [await model.complete(request) for request in [*requests, *samples]]
    together = await asyncio.gather(*(model.complete(request) for request in [*requests, *samples]))
    assert [reply.choices for reply in together] == [reply.choices for reply in alone]
    for reply in alone[:3]:
        assert len({choice.text for choice in reply.choices}) == 3
        assert {choice.finish for choice in reply.choices} == {Finish.END}
    assert all("####" in choice.text for choice in _first(reply.choices for reply in alone[:3]))


def _first(replies: Iterator[tuple[Choice, ...]]) -> list[Choice]:
    return [choices[0] for choices in replies]


async def test_a_text_ends_at_a_stop_string(model: EmbeddedModel) -> None:
    whole = await model.complete(Request(ASKED, n=1, beam=Beam(0.0)))
    [choice] = (await model.complete(Request(ASKED, n=1, stop=("\n",), beam=Beam(0.0)))).choices
    assert choice.finish is Finish.STOP
    assert choice.text == whole.choices[0].text.split("\n")[0]
