"""The policy: asks a model for the next part of a trajectory, and reads the reply into steps.

`whole` proposes whole drafts, `stepwise` one step at a time, and `by_steps` whole drafts step by step. The messages
hold the question, the drafts and the feedback of the trajectory so far, so that any number of turns works with any
model. A half-written draft is a prefix that the model continues; a model that can't is shown the draft as a message and
asked for the next part.
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
    """Grows a trajectory by `n` proposals of one or more steps each, samples `first` to `first + n - 1` below its end.

    `stop` and `answer` are set on a proposal that ended. If a call failed, or the budget did not suffice for the call,
    the proposal is the trajectory with this cause as its `stop` and its `reason`. Raises only fatal ModelErrors: errors
    that every other call would meet too.
    """

    async def __call__(self, trajectory: Trajectory, /, n: int, first: int = 0) -> list[Trajectory]: ...


Stepwise = Annotated[Policy, "stepwise"]
"""A Policy whose default is `stepwise`."""


def whole(
    client: Client, *, temperature: float | None = None, separator: str | None = None, window: int | None = None
) -> Policy:
    """Writes whole drafts, `n` in one call; a half-written draft is written to its end.

    A draft is cut into steps after each `separator` (the model's own, otherwise a blank line), or after each line if it
    has no separator.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts that a redraft is shown, with the remarks on them; `none` shows all (Qu et
            al. 2024).
    """
    mark = client.template("separator") if separator is None else separator
    return _build_policy(client, temperature, window, _whole_draft_format(mark))


def stepwise(
    client: Client, *, temperature: float | None = None, separator: str | None = None, window: int | None = None
) -> Policy:
    """Writes one step in each proposal: the model continues the draft up to the next `separator`.

    A model that can't continue a half-written draft is asked for the next step as JSON. The tokens of such a step are
    the tokens of the whole reply. The step has a log-probability if its own tokens can be told apart in the reply. If
    the reply contains several steps, the proposal has all these steps.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts that a redraft is shown, with the remarks on them; `none` shows all (Qu et
            al. 2024).
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
    """Writes whole drafts, with one call a step, as `stepwise` does.

    Args:
        temperature: The sampling temperature; `none` means the run's own temperature.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts that a redraft is shown, with the remarks on them; `none` shows all (Qu et
            al. 2024).
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

    Nothing is sampled, so one call returns all drafts. `n` is the width of the beam, and `llm.model.Beam` says how
    drafts are ranked. Raises PartError if more drafts are requested later, because a wider beam is another search.

    Args:
        length_penalty: The power of its length by which a draft's log-probability is divided; a larger one prefers
            longer drafts.
        separator: The text with which a step ends; `none` means the model's own separator, or a blank line.
        window: The number of earlier drafts that a redraft is shown, with the remarks on them; `none` shows all (Qu et
            al. 2024).
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
    """The way in which a policy asks a model and parses the reply. `template`, `schema` and `read_reply` are for models
    that can't continue a half-written draft."""

    read: Callable[[Choice], Continuation]
    cut: Callable[[str], list[str]]
    template: str
    read_reply: Callable[[Choice, Trajectory], Continuation]
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    beam: Beam | None = None


def _whole_draft_format(mark: str, beam: Beam | None = None) -> _DraftFormat:
    """Returns the format of whole drafts, which are cut into steps after each `mark`."""
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
        used = sum(max(1, step.tokens) for step in trajectory.draft())  # at least 1: some servers count none
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
