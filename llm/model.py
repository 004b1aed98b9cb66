"""Requests to a language model, its replies, and the protocol that all routes to models implement."""

from collections.abc import Callable, Mapping, Sequence
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

    END = "end"  # the model ended by itself
    STOP = "stop"  # at a stop string, which is not part of the text
    LENGTH = "length"  # at the token limit


class Message(Struct, frozen=True, gc=False):
    """One message of a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True)
class Beam:
    """Beam search over tokens instead of sampling.

    At each token the search keeps the `n` most likely beginnings. Of all texts that ended, it returns the `n` with the
    highest score, best first. The score is the sum of log-probabilities divided by length ** `length_penalty`, so 0
    prefers short texts. vLLM also counts the prompt's tokens in the length.
    """

    length_penalty: float = 1.0


class Request(Struct, frozen=True, gc=False):
    """A request for `n` samples that continue one prompt, or, with a `beam`, for the `n` best continuations. `prefix`
    is a half-written answer, which each sample continues after its last character. If `messages` is empty, each sample
    is the first message of a user; only servers that continue raw prompts support that."""

    messages: tuple[Message, ...]
    prefix: str = ""
    n: int = 1
    stop: tuple[str, ...] = ()
    temperature: float = 1.0  # 0 is greedy
    max_tokens: int = 1024  # of each sample
    seeds: tuple[int, ...] = ()  # one seed for each sample, in [0, 2**31); empty: no seeds
    schema: Mapping[str, Any] | None = None  # the JSON schema that each answer must follow
    truncation: Truncation = NO_TRUNCATION
    beam: Beam | None = None

    def seeded(self, seeds: tuple[int, ...]) -> "Request":
        """Returns the same request for one sample with each of these seeds."""
        settings = self.messages, self.prefix, len(seeds), self.stop, self.temperature, self.max_tokens, seeds
        return Request(*settings, self.schema, self.truncation, self.beam)


class Choice(Struct, frozen=True, gc=False):
    """One sample.

    `logprobs` has the natural log-probability of each token under the distribution at temperature 1. `offsets` has the
    index of the character of `text` at which each token begins. Both are None if the model returns none. `call_id`,
    which the client sets, is the id of the call that returned the sample.
    """

    text: str
    finish: Finish
    tokens: int
    logprobs: tuple[float, ...] | None = None
    offsets: tuple[int, ...] | None = None
    thinking: str = ""
    call_id: str = ""


class Reply(Struct, frozen=True, gc=False):
    """The reply to one request, with its usage.

    `attempts` is the number of requests that were sent for the reply, and `latency_ms` the latency of the last one.
    `failed_tries` is the number of failed tries by kind of error.
    """

    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    cost_usd: float | None = None
    attempts: int = 1
    latency_ms: float = 0.0
    failed_tries: Mapping[str, int] | None = None  # None if no try failed


class Cause(StrEnum):
    """The cause of a failed call."""

    REQUEST = "request"  # the request is wrong: another try fails too
    BUSY = "busy"  # too many requests: another try later can help
    FAULT = "fault"  # a fault of the provider: another try can help
    DOWN = "down"  # no server answers at the address


class ModelError(RedraftError):
    """A call that got no answer. The message names the cause, and `cure` says what would help.

    A `fatal` error would fail every other call too (no key, no such model), so the run ends. `wait_s` is the pause, in
    seconds, that the provider asks for before another try. `usage` is the usage of the failed call, or None if it is
    unknown because the connection broke. Failures are counted by `kind`: the HTTP status, as in "HTTP 429", "timeout",
    or the cause. `failed_tries` is the number of failed tries of the call by kind.
    """

    stop = Stop.FAILED  # how a trajectory ends if one of its calls raises this error

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
        self.used: Amount | None = None  # what the run has used of its budget; set by the run that this error ended


class UnsupportedRequest(ModelError):
    """The model does not support what the request asks for."""


def check_sampling(name: str, capabilities: Capabilities, request: Request) -> None:
    """Raises a fatal UnsupportedRequest if the model is known not to support the sampling settings of the request."""
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
    """The remaining budget does not suffice for the call, so the call was not made."""

    stop = Stop.BUDGET


def _silent(text: str) -> None:
    """Ignores the message."""


class Model(Protocol):
    """A route to a language model. Derive a class from this one to add a route.

    `templates` are the model's own prompts by name; they replace redraft's prompts. If `remote` is true, the model is
    reached over a network: its calls are limited, and retried if another try can help. If `patient` is true, the model
    collects calls and may answer them hours later, so any number of calls may be in flight. `say` is called with
    messages for the user; the client sets it.
    """

    name: str
    templates: Mapping[str, str] = MappingProxyType({})
    remote: bool = True
    patient: bool = False
    say: Callable[[str], None] = staticmethod(_silent)
    prices: Prices | None = None  # None if unknown
    capabilities: Capabilities = Capabilities()  # the known abilities

    async def probe(self) -> Capabilities:
        """Returns the abilities of the model, including `continuing`. Unknown abilities are determined once. Raises
        ModelError."""
        return self.capabilities

    async def complete(self, request: Request) -> Reply:
        """Returns the samples of a request, or fewer (at least one) if the model returns no more in one call. Makes one
        try; the caller decides whether to retry. Raises ModelError."""
        ...

    async def answer_logprobs(self, messages: Sequence[Message], answer: str) -> Sequence[float] | None:
        """Returns the natural log-probability, at temperature 1, of each token of an answer, which need not be the
        model's own. The last token is the end of the answer. Returns None if the model does not provide
        log-probabilities. Raises ModelError."""
        return None

    async def close(self) -> None:
        """Closes connections and files."""
        return  # without a statement, mypy would treat the method as abstract


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling settings that every call of a run shares."""

    temperature: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
    truncation: Truncation = NO_TRUNCATION
