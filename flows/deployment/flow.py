"""Turns a stage into a Prefect flow: its parameters, its retries and its final state. Each error is one line."""

import errno
import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar, cast

from httpx import HTTPError
from prefect import Flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_logger
from prefect.states import Completed, Failed

from redraft.flows.deployment.parameters import Model, Parameters, Stored, masked, signature
from redraft.flows.display.progress import Lines
from redraft.flows.settings import SettingsError
from redraft.llm.model import Cause, ModelError
from redraft.store.errors import JournalBusy, RedraftError

P = TypeVar("P", bound=Parameters)
T = TypeVar("T")
Body = Callable[[P], Awaitable[State[dict[str, Any]]]]


class Stage(Flow[..., Coroutine[Any, Any, State[dict[str, Any]]]]):
    """A flow that sends no secret to Prefect: passwords in addresses are masked in the parameters of its runs."""

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return masked("", super().serialize_parameters(parameters))

    def with_options(self, *given: Any, **options: Any) -> "Stage":
        flow = super().with_options(*given, **options)
        flow.__class__ = type(self)  # Prefect creates a plain Flow
        return cast(Stage, flow)


def stage(parameters: type[P]) -> Callable[[Body[P]], Stage]:
    """Returns a decorator that turns a function with one object of parameters into a flow with a keyword for each
    parameter. If a parameter is wrong or the stage raises an error, the flow run ends as Failed, with a message of one
    line."""

    def decorate(body: Body[P]) -> Stage:
        there = signature(parameters)

        async def run(*given: Any, **named: Any) -> State[dict[str, Any]]:
            try:
                return await body(parameters.read(there.bind(*given, **named).arguments))
            except RedraftError as error:
                return Failed(message=_reported(error))

        run.__signature__ = there  # type: ignore[attr-defined]
        run.__name__, run.__qualname__ = body.__name__, body.__qualname__
        run.__module__, run.__doc__ = body.__module__, inspect.getdoc(body)
        return Stage(run, name=body.__name__, persist_result=False, validate_parameters=False)

    return decorate


def _reported(error: RedraftError) -> str:
    """Returns the message of an error for Prefect to store. The texts that the message quotes are masked."""
    return str(error).replace(error.quoted, "***") if error.quoted else str(error)


def ended(told: str, facts: Mapping[str, Any], *wrong: str | None) -> State[dict[str, Any]]:
    """Returns the final state of a flow run. It is Failed if any reason in `wrong` is given, and the message then
    begins with that reason."""
    reasons = [reason for reason in wrong if reason]
    if reasons:
        return Failed(message=". ".join([*reasons, told]), data=dict(facts))
    return Completed(message=told, data=dict(facts))


async def noted(text: str, key: str, description: str) -> None:
    """Creates an artifact of the flow run. If Prefect's server rejects it, a line is written to the log and the flow
    continues, because the results are in the store."""
    try:
        await acreate_markdown_artifact(text, key=key, description=description)
    except HTTPError as error:
        get_logger("redraft").warning(f"Prefect's server takes no artifact {key!r} ({error}): the results are stored")


def too_few(what: str, found: int, name: str, least: int) -> str | None:
    """Returns a sentence such as "Too few right: 0, and min_right is 1" if `found` is below `least`, else None."""
    return f"Too few {what}: {found:,}, and {name} is {least:,}" if found < least else None


async def tried(
    name: str, given: Stored, work: Callable[[], Awaitable[T]], failure: Callable[[T], str | None] = lambda found: None
) -> T:
    """Runs the work as a Prefect task and returns its result. The task is retried if the provider was unreachable or
    failed, if another run was using the recipe, or if `failure` returns a reason for the result. Raises the error of
    the last try."""
    error: Exception | None = None
    found: list[T] = []

    async def once() -> State[None]:
        nonlocal error
        error = None
        found.clear()
        try:
            found.append(await work())
        except RedraftError as met:
            error = met
            return Failed(message=_reported(met))
        except Exception as met:
            error = met
            raise
        reason = failure(found[0])
        return Failed(message=reason) if reason else Completed()

    run: Any = task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=given.retries,
        retry_delay_seconds=given.retry_delay_s,
        retry_condition_fn=lambda task, run, state: error is None or _passing(error),
    )(once)
    await run(return_state=True)
    if error:
        raise error
    return found[0]


def _passing(error: Exception) -> bool:
    """Returns True if the same work may succeed later without a change by a person."""
    if isinstance(error, ModelError):
        return error.cause is not Cause.REQUEST
    cause = error.__cause__
    return isinstance(error, JournalBusy) or (isinstance(cause, OSError) and cause.errno in PASSING)


async def located(given: Model) -> dict[str, Any]:
    """Returns the parameters `api_base` and `arguments`, in which env:NAME and secret:BLOCK are replaced by the
    addresses that they name. Raises SettingsError if there is no such variable or block."""
    arguments = {
        key: await _address(key, value) if key.endswith("api_base") else value
        for key, value in (given.arguments or {}).items()
    }
    default = None if given.model.partition(":")[0] == "embedded" else os.environ.get("REDRAFT_API_BASE")
    return {"api_base": await _address("api_base", given.api_base) or default, "arguments": arguments}


async def _address(name: str, given: Any) -> Any:
    """Returns the address that env:NAME or secret:BLOCK names. Returns any other value unchanged."""
    kind, _, place = given.partition(":") if isinstance(given, str) else ("", "", "")
    if kind == "env":
        if not os.environ.get(place):
            raise SettingsError(f"{name}: the environment of the worker has no {place}: set it to the address")
        return os.environ[place]
    if kind == "secret":
        try:
            block = await Secret.aload(place)
        except ValueError as error:
            raise SettingsError(f"{name}: Prefect has no Secret block {place!r}: create it with the address") from error
        return str(block.get())
    return given


class Logged(Lines):
    """A Progress that writes its lines to the log of the flow run."""

    def __init__(self) -> None:
        super().__init__(seconds=10.0)
        self._log: logging.Logger | logging.LoggerAdapter[Any] = get_run_logger()

    def say(self, text: str) -> None:
        self._log.info(text)


PASSING = (errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT)
"""The error numbers (errno) of temporary faults of a disk or a network folder."""
