"""Converts the failure of a call through LiteLLM to an error of one line that names the cause and the cure and contains
no key."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from redraft.llm.limits import TIMEOUT_CURE
from redraft.llm.model import Cause, ModelError, UnsupportedRequest
from redraft.llm.providers.shared.error_body import LONG, MONEY, ErrorBody
from redraft.llm.providers.shared.redaction import address_secrets, redacted_line, retry_after_s
from redraft.llm.usage import Usage

OVERLOADED = (429, 503, 529)


class Failure:
    """An exception that LiteLLM raised. `status` is the HTTP status of the provider's answer, or 0 if there was no
    answer. `message` is the exception's text in one line, without the secrets in the address."""

    def __init__(self, error: BaseException, api_base: str = "") -> None:
        self.chain = _chain(error)
        self.kinds = {kind.__name__ for one in self.chain for kind in type(one).__mro__}
        self.text = str(error) or type(error).__name__
        self.message = redacted_line(NAMES.sub("", self.text), *address_secrets(api_base))
        answer = next((answer for one in self.chain if (answer := _answer(one)) is not None), None)
        self.status = answer.status_code if answer is not None else _local_status(error, self.kinds)
        self.headers: Mapping[str, str] = getattr(answer, "headers", None) or {}
        self.answered = answer is not None
        self.code = _code(answer)  # the provider's error code; empty if there is none

    @classmethod
    def answer(cls, status: int, words: str, code: str = "") -> "Failure":
        """Returns the failure for an error inside an answer, for which there is no exception."""
        failure = cls(Exception(words))
        failure.status, failure.answered, failure.code = status, True, code
        return failure

    @property
    def unreachable(self) -> bool:
        """Returns whether no connection could be made, so that nothing was sent."""
        return not self.answered and bool(self.kinds & UNREACHABLE)

    @property
    def pause_s(self) -> float | None:
        """Returns the seconds that the provider asks the client to wait, from its headers or its message; None if it
        does not ask."""
        return retry_after_s(self.headers, self.text)


def failure_error(failure: Failure, name: str, where: str, key_name: Callable[[], str]) -> ModelError:
    """Returns the error for a failed call to the model `name` at a server or provider. `key_name` returns the name of
    the environment variable for the key."""
    status, words = failure.status, failure.message
    if status in (401, 403) or (not failure.answered and "api_key" in words.lower()):
        reason = f" ({words})" if failure.answered else ""
        return ModelError(
            f"{where} refuses the key for {name}, or there is none{reason}.",
            cure=f"Set {key_name()} to a valid key.",
            fatal=True,
        )
    if "BudgetExceededError" in failure.kinds:
        return ModelError(f"LiteLLM's own budget is spent ({words}).", cure="Raise its max_budget.", fatal=True)
    if status == 404:
        return ModelError(f"{where} has no model {name!r} ({words}).", cure="Check --model and --api-base.", fatal=True)
    if status == 402 or MONEY.search(f"{failure.code} {words}"):
        return ModelError(f"The account at {where} has no money left ({words}).", cure="Top it up.", fatal=True)
    if status in OVERLOADED:
        return ModelError(
            f"{where} has too many requests ({words}).",
            cure="Lower --concurrency.",
            cause=Cause.BUSY,
            wait_s=failure.pause_s,
        )
    if 400 <= status < 500 and status not in PASSING and LONG.search(f"{failure.code} {words}"):
        return UnsupportedRequest(
            f"The prompt and --max-tokens are too long for {name} ({words}).", cure="Lower --max-tokens."
        )
    if 400 <= status < 500 and status not in PASSING:
        return UnsupportedRequest(f"{where} rejects the request to {name} ({words}).")
    if failure.unreachable:
        return ModelError(
            f"No connection to {where} ({words}).",
            cure="Check that it is up, and its address: --api-base, or the api_base of the part that asks it.",
            cause=Cause.DOWN,
        )
    used = Usage() if failure.answered else None
    if "TimeoutError" in failure.kinds or "TimeoutException" in failure.kinds:
        return ModelError(
            f"{where} gave no answer in time ({words}).",
            cure=TIMEOUT_CURE,
            cause=Cause.FAULT,
            usage=used,
            kind="timeout",
        )
    return ModelError(
        f"{where} failed ({words}).",
        cure="Try again later.",
        cause=Cause.FAULT,
        wait_s=failure.pause_s if failure.answered else None,
        usage=used,
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and len(chain) < 10:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _answer(error: BaseException) -> Any:
    """Returns the HTTP response of an error, or None. The made-up responses in LiteLLM's own errors are ignored."""
    response = getattr(error, "response", None)
    made_up = type(error).__module__.startswith("litellm.")
    return response if not made_up and isinstance(getattr(response, "status_code", None), int) else None


def _code(answer: Any) -> str:
    """Returns the error code in the body of an HTTP response; "" if there is none."""
    try:
        return ErrorBody(answer.content).code
    except Exception:  # noqa: BLE001 - each provider's library has its own response, whose body may be closed or absent
        return ""


def _local_status(error: BaseException, kinds: set[str]) -> int:
    """Returns the status that LiteLLM assigns to a request that it does not send. Returns 0 for a broken connection or
    an unreadable reply, because LiteLLM makes up a status for them."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or kinds & (UNREACHABLE | {"TransportError", "TimeoutError", "TimeoutException"}):
        return 0
    return status if status < 500 else 0


NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)(?:: | - ))+")
"""Matches the names of exceptions that LiteLLM writes before a provider's message."""
PASSING = (408, 409, 425)
UNREACHABLE = frozenset(
    {"ConnectError", "ConnectTimeout", "ProxyError", "ClientConnectorError", "ClientHttpProxyError"}
)
