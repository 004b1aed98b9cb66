"""What redraft asks of a language model, and what comes back: the one protocol behind every route."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Finish(StrEnum):
    """Why a model stopped writing."""

    END = "end"  # by itself
    STOP = "stop"  # at a stop string, which is not part of the text
    LENGTH = "length"  # at the token limit


@dataclass(frozen=True, slots=True)
class Message:
    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """`n` samples that continue one prompt. `prefix` is a half-written answer to go on from, byte for byte."""

    messages: tuple[Message, ...]
    prefix: str = ""
    n: int = 1
    stop: tuple[str, ...] = ()
    temperature: float = 1.0  # 0 is greedy
    max_tokens: int = 1024  # of each sample
    seeds: tuple[int, ...] = ()  # one a sample, each in [0, 2**31); empty: not seeded


@dataclass(frozen=True, slots=True)
class Choice:
    """One sample. `logprobs` holds one natural log-probability a token, under the distribution at temperature 1, and
    `offsets` the character at which each token begins in `text`; both are None where the model gives none. The client
    fills in `call_id`, the call that it came in."""

    text: str
    finish: Finish
    tokens: int
    logprobs: tuple[float, ...] | None = None
    offsets: tuple[int, ...] | None = None
    thinking: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request was answered with, and what it used."""

    choices: tuple[Choice, ...]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    attempts: int = 1


class ModelError(Exception):
    """A call that got no answer. The message names the cause; `cure` says what would help. A `fatal` one would meet
    every other call too (no key, no such model), so a run stops at it."""

    def __init__(self, message: str, *, cure: str = "", fatal: bool = False) -> None:
        super().__init__(f"{message} {cure}".strip())
        self.fatal = fatal


class Refused(ModelError):
    """The model says that it cannot do what was asked of it."""


class Model(Protocol):
    """A route to a language model. `templates` are prompts that it prefers to redraft's own, by their name."""

    name: str
    templates: Mapping[str, str]

    async def complete(self, request: Request) -> Reply:
        """The samples 1 to n of a request, or fewer (at least one) where the model gives no more in one call. Raises
        ModelError."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a run samples: the settings that every call of it shares."""

    temperature: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
