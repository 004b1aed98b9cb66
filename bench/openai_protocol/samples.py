"""From a request to its samples."""

import inspect
import itertools
import zlib
from typing import Any

from openai_protocol.behaviour import Behaviour
from openai_protocol.faults import Fault
from openai_protocol.prompts import Prompt, limit, stops
from openai_protocol.structured import shaped
from openai_protocol.texts import Sample, solution, spoken

FRESH = itertools.count(2**40, 1_000)
"""Seeds of the calls that give none."""


async def drawn(behaviour: Behaviour, body: dict[str, Any], prompt: Prompt, fault: Fault | None) -> list[Sample]:
    """The samples of one prompt: choice i of a call with seed s is the sample of seed s + i."""
    ignores = behaviour.ignores
    n = 1 if "n" in ignores else min(body.get("n") or 1, behaviour.most)
    seed = None if "seed" in ignores else body.get("seed")
    seed = next(FRESH) if seed is None else seed
    kind = fault.status if fault else None
    n = n + 1 if kind == "many" else n - 1 if kind == "few" else n
    samples = [await _sample(behaviour, body, prompt, seed, index) for index in range(n)]
    stop = () if "stop" in ignores else stops(body)
    most = 10**9 if "max_tokens" in ignores else limit(body)
    if kind == "truncated":
        samples = [sample.shortened(max(1, sample.tokens // 2)) for sample in samples]
    return [sample.ended(stop, most) for sample in samples]


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
