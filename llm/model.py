"""What redraft asks of a language model, and what comes back: the one protocol behind every route."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct

from redraft.llm.capabilities import Capabilities
from redraft.llm.truncation import NO_TRUNCATION, Truncation
from redraft.llm.usage import Amount, Prices, Usage
from redraft.store.errors import RedraftError
from redraft.store.trajectory import Stop


class Finish(StrEnum):
    """Why a model stopped writing."""

    END = "end"  # by itself
    STOP = "stop"  # at a stop string, which is not part of the text
    LENGTH = "length"  # at the token limit


class Message(Struct, frozen=True, gc=False):
    """One message of a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True)
class Beam:
    """Beam search over tokens in the place of samples. At each token the `n` likeliest beginnings are kept, and of all
    that ended, the `n` with the highest sum of log-probabilities divided by length ** `length_penalty` are the answer,
    best first. 0 prefers short texts; vLLM counts the prompt's tokens in the length too."""

    length_penalty: float = 1.0


class Request(Struct, frozen=True, gc=False):
    """`n` samples that continue one prompt, or with a `beam` its `n` best continuations. `prefix` is a half-written
    answer to go on from, byte for byte."""

    messages: tuple[Message, ...]
    prefix: str = ""
    n: int = 1
    stop: tuple[str, ...] = ()
    temperature: float = 1.0  # 0 is greedy
    max_tokens: int = 1024  # of each sample
    seeds: tuple[int, ...] = ()  # one a sample, each in [0, 2**31); empty: not seeded
    schema: Mapping[str, Any] | None = None  # the JSON schema that each answer is to follow
    truncation: Truncation = NO_TRUNCATION
    beam: Beam | None = None

    def seeded(self, seeds: tuple[int, ...]) -> "Request":
        """The same, for a sample a seed."""
        told = self.messages, self.prefix, len(seeds), self.stop, self.temperature, self.max_tokens, seeds
        return Request(*told, self.schema, self.truncation, self.beam)


class Choice(Struct, frozen=True, gc=False):
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


class Reply(Struct, frozen=True, gc=False):
    """What one request was answered with, and what it used. `attempts` counts the requests that were sent for it,
    `latency_ms` is the last one's time, and `failed_tries` counts the tries that failed before it, by their kind."""

    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    cost_usd: float | None = None
    attempts: int = 1
    latency_ms: float = 0.0
    failed_tries: Mapping[str, int] | None = None  # None where none failed


class Cause(StrEnum):
    """What kept a call from its answer."""

    REQUEST = "request"  # what was asked: asking again gets the same
    BUSY = "busy"  # too many requests: slow down, ask again
    FAULT = "fault"  # the provider stumbled: ask again
    DOWN = "down"  # nobody answers at the address


class ModelError(RedraftError):
    """A call that got no answer. The message names the cause; `cure` says what would help.

    A `fatal` one would meet every other call too (no key, no such model), so a run stops at it. `wait_s` is the pause
    that the provider asks for before another try. `usage` is what the failed call was charged; None where nobody can
    tell, since the connection broke. `kind` is what failures are counted by: the HTTP status, as in "HTTP 429",
    "timeout", or the cause. `failed_tries` counts all tries of the call, by their kind.
    """

    stop = Stop.FAILED  # how a trajectory ends whose call met this

    def __init__(
        self,
        message: str,
        *,
        cure: str = "",
        fatal: bool = False,
        cause: Cause = Cause.REQUEST,
        wait_s: float | None = None,
        usage: Usage | None = Usage(),  # noqa: B008 - frozen
        kind: str = "",
    ) -> None:
        super().__init__(f"{message} {cure}".strip())
        self.fatal = fatal
        self.cause = cause
        self.wait_s = wait_s
        self.usage = usage
        self.attempts = 1
        self.kind = kind or cause.value
        self.failed_tries: Mapping[str, int] | None = None
        self.used: Amount | None = None  # of a run's budget, by the run that this error ended


class UnsupportedRequest(ModelError):
    """The model says that it cannot do what was asked of it."""


def check_sampling(name: str, capabilities: Capabilities, request: Request) -> None:
    """Raises a fatal UnsupportedRequest where the model of this name is known not to draw as the request asks."""
    for setting in request.truncation.given():
        if getattr(capabilities, setting) is False:
            option = f"--{setting.replace('_', '-')}"
            raise UnsupportedRequest(
                f"{name} takes no {setting}.", cure=f"Leave out {option}, or name another model.", fatal=True
            )
    if request.beam and capabilities.beam is False:
        cure = "Name another strategy, or a model that can: the embedded one, or one served by vLLM."
        raise UnsupportedRequest(f"{name} does no beam search over tokens.", cure=cure, fatal=True)


class BudgetExceeded(ModelError):
    """There is not enough left of a budget for the call, so it was not made."""

    stop = Stop.BUDGET


def _silent(text: str) -> None:
    """Tells nobody."""


class Model(Protocol):
    """A route to a language model: derive from this to write another. `templates` are prompts that it prefers to
    redraft's own, by their name. A `remote` one is reached over a network: its calls are paced, and made again where
    that could help. A `patient` one gathers calls, and may answer them hours later: any number may be in flight. What
    the user should know it tells `say`, which its client sets."""

    name: str
    templates: Mapping[str, str] = MappingProxyType({})
    remote: bool = True
    patient: bool = False
    say: Callable[[str], None] = staticmethod(_silent)
    prices: Prices | None = None  # None where nobody knows them
    capabilities: Capabilities = Capabilities()  # as far as they are known

    async def probe(self) -> Capabilities:
        """What it can do, `continuing` included: found out once, where it is not known yet. Raises ModelError."""
        return self.capabilities

    async def complete(self, request: Request) -> Reply:
        """The samples 1 to n of a request, or fewer (at least one) where the model gives no more in one call. One try;
        who calls decides on another. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Let go of what is held open."""
        return  # with a docstring alone, mypy would call the method abstract


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a run samples: the settings that every call of it shares."""

    temperature: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
    truncation: Truncation = NO_TRUNCATION
