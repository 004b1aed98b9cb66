"""The policy asks a model for the next part of a trajectory, and splits the reply into steps.

`whole` proposes whole drafts, `stepwise` one step at a time, and `by_steps` whole drafts step by step. The messages
contain the question, the drafts and the feedback of the trajectory so far, so any number of turns works with any model.
A half-written draft is a prefix that the model continues. A model that can't continue a prefix sees the draft as a
message and is asked for the next part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from msgspec.structs import replace

from redraft.agents.policies.continuation import STEP_SCHEMA, next_step, rest_of_draft
from redraft.agents.policies.messages import conversation, follow_up, with_advice
from redraft.agents.policies.step_reader import Continuation, extend, split_steps, with_sample_number
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Beam, Choice, Finish, ModelError, Request
from redraft.store.errors import PartError
from redraft.store.trajectory import Role, Stop, Trajectory


class Policy(Protocol):
    """Returns `n` proposals: copies of a trajectory, each extended by one or more steps. They are its continuations
    number `first` to `first + n - 1`.

    `stop` and `answer` are set on a proposal that ended. If a call failed, or the budget did not suffice for it, the
    proposal is the trajectory without new steps, and `stop` and `reason` name the cause. Raises only fatal ModelErrors,
    which every other call would meet too.
    """

    async def __call__(self, trajectory: Trajectory, /, n: int, first: int = 0) -> list[Trajectory]: ...


Stepwise = Annotated[Policy, "stepwise"]
"""A Policy whose default is `stepwise`."""


def whole(
    client: Client, *, temperature: float | None = None, separator: str | None = None, window: int | None = None
) -> Policy:
    """Writes `n` whole drafts in one call. A half-written draft is completed.

    A draft is split into steps after each `separator`. The default separator is the model's own, or a blank line if the
    model has none. A draft that does not contain the separator is split after each line.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts, with the remarks on them, that the prompt for a redraft includes; `none`
            includes all (Qu et al. 2024).
    """
    mark = client.template("separator") if separator is None else separator
    return _build_policy(client, temperature, window, _whole_draft_format(mark))


def stepwise(
    client: Client, *, temperature: float | None = None, separator: str | None = None, window: int | None = None
) -> Policy:
    """Writes one step in each proposal: the model continues the draft up to the next `separator`.

    A model that can't continue a half-written draft is asked for the next step as JSON. All tokens of the reply count
    as tokens of the step. The step has a log-probability if its own tokens can be identified in the reply. If the reply
    contains several steps, the proposal has all of them.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts, with the remarks on them, that the prompt for a redraft includes; `none`
            includes all (Qu et al. 2024).
    """
    mark = client.template("separator") if separator is None else separator

    def read(choice: Choice) -> Continuation:
        stopped = choice.finish is Finish.STOP and choice.text.strip()
        return Continuation(choice.text + mark if stopped else choice.text, choice.finish is Finish.END)

    return _build_policy(
        client,
        temperature,
        window,
        _DraftFormat(
            read=read,
            cut=lambda text: split_steps(text, mark),
            template="next_step",
            read_reply=lambda choice, trajectory: next_step(choice, trajectory.text(), trajectory.question.kind, mark),
            stop=(mark,),
            schema=STEP_SCHEMA,
        ),
    )


def by_steps(
    client: Client, *, temperature: float | None = None, separator: str | None = None, window: int | None = None
) -> Policy:
    """Writes whole drafts with one call per step, as `stepwise` does.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts, with the remarks on them, that the prompt for a redraft includes; `none`
            includes all (Qu et al. 2024).
    """
    write = stepwise(client, temperature=temperature, separator=separator, window=window)

    async def ended(trajectory: Trajectory) -> Trajectory:
        while trajectory.stop is None:
            [trajectory] = await write(trajectory, 1)
        return trajectory

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        return await gather(ended(trajectory) for trajectory in await write(trajectory, n, first))

    return propose


def likeliest(
    client: Client, *, length_penalty: float = 1.0, separator: str | None = None, window: int | None = None
) -> Policy:
    """Finds the best whole drafts by beam search over tokens, best first.

    Nothing is sampled, so one call returns all drafts. `n` is the width of the beam, and `llm.model.Beam` describes how
    drafts are ranked. Raises PartError if more drafts are requested later, because a wider beam is another search.

    Args:
        length_penalty: A draft's log-probability is divided by its length to this power; a larger value prefers longer
            drafts.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts, with the remarks on them, that the prompt for a redraft includes; `none`
            includes all (Qu et al. 2024).
    """
    mark = client.template("separator") if separator is None else separator
    search = _build_policy(client, None, window, _whole_draft_format(mark, Beam(length_penalty)))

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        if first:
            raise PartError("policy 'likeliest' gives all its drafts at once: name a strategy that asks for them so")
        return await search(trajectory, n)

    return propose


@dataclass(frozen=True, slots=True)
class _DraftFormat:
    """How a policy asks a model and parses the reply. `template`, `schema` and `read_reply` are for models that can't
    continue a half-written draft."""

    read: Callable[[Choice], Continuation]
    cut: Callable[[str], list[str]]
    template: str
    read_reply: Callable[[Choice, Trajectory], Continuation]
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    beam: Beam | None = None


def _whole_draft_format(mark: str, beam: Beam | None = None) -> _DraftFormat:
    """Returns the format of whole drafts, which are split into steps after each `mark`."""
    return _DraftFormat(
        read=lambda choice: Continuation(choice.text, choice.finish is Finish.END),
        cut=lambda text: split_steps(text, mark if mark in text else "\n"),
        template="rest",
        read_reply=lambda choice, trajectory: rest_of_draft(choice, trajectory.text()),
        beam=beam,
    )


def _build_policy(client: Client, temperature: float | None, window: int | None, form: _DraftFormat) -> Policy:
    if window is not None and window < 1:
        raise PartError(f"window={window} is too few; it must be at least 1 draft, or none for all of them")

    def request(trajectory: Trajectory, n: int, left: int, in_words: bool) -> Request:
        common: dict[str, Any] = {"n": n, "temperature": temperature, "max_tokens": left, "beam": form.beam}
        if in_words:
            messages = follow_up(client, trajectory, form.template, window)
            return client.request(with_advice(client, trajectory, messages), schema=form.schema, **common)
        messages = with_advice(client, trajectory, conversation(client, trajectory, window))
        return client.request(messages, prefix=trajectory.text(), stop=form.stop, **common)

    def read(trajectory: Trajectory, number: int, drawn: Choice | ModelError, in_words: bool) -> Trajectory:
        if isinstance(drawn, ModelError):
            return _failed_trajectory(trajectory, number, drawn)
        part = form.read_reply(drawn, trajectory) if in_words else form.read(drawn)
        return extend(trajectory, number, drawn, part, form.cut(part.text))

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        numbers = range(first, first + n)
        used = sum(max(1, step.tokens) for step in trajectory.draft())  # at least 1: some servers report 0
        left = client.sampling.max_tokens - used
        if left <= 0:
            return [replace(with_sample_number(trajectory, number), stop=Stop.LENGTH) for number in numbers]
        try:
            in_words = bool(trajectory.text()) and not await client.continues()
        except ModelError as error:
            if error.fatal:
                raise
            return [_failed_trajectory(trajectory, number, error) for number in numbers]
        purpose = "propose" if trajectory.turn == 1 else "revise"
        purpose = "rollout" if trajectory.role is Role.ROLLOUT else purpose
        asked = request(trajectory, n, left, in_words)
        drawn = await client.draw(trajectory.question, purpose, trajectory.place, asked, first=first)
        return [read(trajectory, number, one, in_words) for number, one in zip(numbers, drawn, strict=True)]

    return propose


def _failed_trajectory(trajectory: Trajectory, number: int, error: ModelError) -> Trajectory:
    return replace(with_sample_number(trajectory, number), stop=error.stop, reason=str(error))
