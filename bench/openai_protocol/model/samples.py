"""Draws the samples of a request."""

import inspect
import itertools
import zlib
from typing import Any

from openai_protocol.behaviour import Behaviour
from openai_protocol.faults import Fault
from openai_protocol.model.structured import shaped
from openai_protocol.model.texts import Sample, solution, spoken
from openai_protocol.prompts import Prompt, limit, stops

FRESH = itertools.count(2**40, 1_000)
"""Seeds for calls without a seed."""


async def drawn(behaviour: Behaviour, body: dict[str, Any], prompt: Prompt, fault: Fault | None) -> list[Sample]:
    """Returns the samples of one prompt. Choice i of a call with seed s is the sample with seed s + i."""
    ignores = behaviour.ignores
    n = 1 if "n" in ignores else min(body.get("n") or 1, behaviour.most)
    seed = None if "seed" in ignores else body.get("seed")
    seed = next(FRESH) if seed is None else seed
    kind = fault.status if fault else None
    n = n + 1 if kind == "many" else n - 1 if kind == "few" else n
    if bool(body.get("use_beam_search")) and "use_beam_search" not in ignores:
        samples = [await _sample(behaviour, body, prompt, 0, index) for index in range(n)]
        samples.sort(key=lambda sample: _score(sample, body.get("length_penalty", 1.0)), reverse=True)
    elif _narrow(body, ignores):
        samples = [await _sample(behaviour, body, prompt, 0, 0)] * n
    else:
        samples = [await _sample(behaviour, body, prompt, seed, index) for index in range(n)]
    stop = () if "stop" in ignores else stops(body)
    most = 10**9 if "max_tokens" in ignores else limit(body)
    if kind == "truncated":
        samples = [sample.shortened(max(1, sample.tokens // 2)) for sample in samples]
    return [sample.ended(stop, most) for sample in samples]


def _narrow(body: dict[str, Any], ignores: set[str]) -> bool:
    """Returns True if a parameter of truncated sampling leaves only the most likely token."""
    asked = {name: body[name] for name in ("top_k", "top_p", "min_p") if name in body.keys() - ignores}
    return asked.get("top_k") == 1 or asked.get("top_p", 1.0) < 1e-3 or asked.get("min_p", 0.0) > 0.999


def _score(sample: Sample, penalty: float) -> float:
    """Returns the score by which a beam search ranks a text."""
    logprobs = [logprob or 0.0 for logprob in sample.flat().logprobs]
    return sum(logprobs) / max(1, len(logprobs)) ** penalty


async def _sample(behaviour: Behaviour, body: dict[str, Any], prompt: Prompt, seed: int, index: int) -> Sample:
    if behaviour.write is None:
        greedy = body.get("temperature") == 0
        sample = solution((zlib.crc32(prompt.text.encode()) << 32) + (0 if greedy else seed + index), prompt.prefix)
    else:
        text = behaviour.write(prompt.messages, seed, index)
        text = await text if inspect.isawaitable(text) else text
        sample = spoken(text.removeprefix(prompt.prefix))
    schema = (body.get("response_format") or {}).get("json_schema")
    if schema and behaviour.structured == "honour":
        sample = shaped(sample, schema.get("schema", {}), seed + index)
    return sample
