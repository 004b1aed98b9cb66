"""How the mock server behaves: each setting may be changed while it runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from openai_protocol.faults import Fault
from openai_protocol.model.rewards import Nonsense, Reward

Write = Callable[[list[dict[str, Any]], int, int], str | Awaitable[str]]
"""From the messages, the seed and the number of the sample to its whole text. A raw prompt is one user message. Where
an answer is continued, the beginning that it shares with the text is not sent again."""


@dataclass
class Behaviour:
    """Sets of parameters hold their names in the protocol ("n", "seed", "logprobs", "stop", "max_tokens", "top_k",
    "use_beam_search")."""

    write: Write | None = None  # None: solutions of word problems, drawn by prompt and seed
    latency_ms: float = 0.0  # of each call
    ms_per_token: float = 0.0  # of its longest sample, on top of that
    jitter: float = 0.0  # latencies vary by up to this share, either way
    rejects: set[str] = field(default_factory=set)  # parameters that are answered with 400
    ignores: set[str] = field(default_factory=set)  # parameters that are silently left aside
    most: int = 1_000  # choices in a reply
    key: str | None = None  # the only one that is let in
    models: set[str] | None = None  # the only ones that there are; None: any
    thinking: str = ""  # before each answer
    with_logprobs: bool = True  # False: they are null
    continues: Literal["flag", "trailing", "none"] = "flag"  # a trailing assistant message: see `prompts.py`
    structured: Literal["honour", "ignore", "reject"] = "honour"  # response_format of type json_schema
    cached: int = 2  # cached tokens of each prompt, where `caches` is off
    caches: bool = False  # whether a prompt's beginning that was seen before counts as cached
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    window_s: float = 60.0  # what these two call a minute; set it before the first request
    retry_after: str | None = "auto"  # what a limit answers with: the seconds left, seconds, or no header (None)
    faults: list[Fault | None] = field(default_factory=list)  # what the next calls meet, None being no fault
    rates: dict[str, float] = field(default_factory=dict)  # by a fault's name, how often it is met: {"429+": 0.1}
    seed: int = 0  # of `rates` and `jitter`
    batch_s: float = 0.0  # from a batch's submission to its end
    batch_answers: int | None = None  # lines of a batch that are answered before it expires; None: all
    batch_faults: list[Fault | None] = field(default_factory=list)  # the same as `faults`, for files and batches
    reward: Reward | None = None  # how good a step is, from 0 to 1: the model is a reward model
    nonsense: Nonsense = ""  # what its numbers suffer
    embed: Callable[[str], Sequence[float]] | None = None  # a text's embedding: the model is one of embeddings
