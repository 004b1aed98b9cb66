"""The behaviour of the mock server. Each setting may be changed while the server runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from openai_protocol.faults import Fault
from openai_protocol.model.rewards import Nonsense, Reward

Write = Callable[[list[dict[str, Any]], int, int], str | Awaitable[str]]
"""A function from the messages, the seed and the index of the sample to the sample's whole text. A raw prompt is one
user message. If an assistant message is continued, the prefix that it shares with the text is not sent again."""


@dataclass
class Behaviour:
    """The settings of the mock server. Sets of parameters contain their names in the protocol ("n", "seed", "logprobs",
    "stop", "max_tokens", "top_k", "use_beam_search")."""

    write: Write | None = None  # None: solutions of word problems, drawn by prompt and seed
    latency_ms: float = 0.0  # per call
    ms_per_token: float = 0.0  # per token of the longest sample, added to the latency
    jitter: float = 0.0  # latencies vary by up to this share, either way
    rejects: set[str] = field(default_factory=set)  # parameters for which the reply is status 400
    ignores: set[str] = field(default_factory=set)  # parameters that are ignored
    most: int = 1_000  # the maximum number of choices in a reply
    key: str | None = None  # the only valid API key
    models: set[str] | None = None  # the only models; None: any name
    thinking: str = ""  # the reasoning before each answer
    with_logprobs: bool = True  # False: log-probabilities are null
    continues: Literal["flag", "trailing", "none"] = "flag"  # a trailing assistant message: see `prompts.py`
    structured: Literal["honour", "ignore", "reject"] = "honour"  # response_format of type json_schema
    cached: int = 2  # cached tokens of each prompt if `caches` is False
    caches: bool = False  # True: prefixes of prompts seen before count as cached
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    window_s: float = 60.0  # the length of a "minute" for the two limits; set it before the first request
    retry_after: str | None = "auto"  # Retry-After of refusals: the seconds left, a text, or none (None)
    faults: list[Fault | None] = field(default_factory=list)  # the faults of the next calls; None is no fault
    rates: dict[str, float] = field(default_factory=dict)  # the probability of each fault by name: {"429+": 0.1}
    seed: int = 0  # the seed of `rates` and `jitter`
    batch_s: float = 0.0  # seconds from the submission of a batch to its end
    batch_answers: int | None = None  # answered lines of a batch before it expires; None: all
    batch_faults: list[Fault | None] = field(default_factory=list)  # like `faults`, for files and batches
    reward: Reward | None = None  # the quality of a step in [0, 1]; makes the model a reward model
    nonsense: Nonsense = ""  # how the reward model's numbers are corrupted
    embed: Callable[[str], Sequence[float]] | None = None  # the embedding of a text; makes this an embedding model
