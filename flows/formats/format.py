"""The protocol of every export format. A format is a file in this folder. Its one public function has the name of the
file and returns a Format; its keyword arguments are the configuration. A parameter `store` receives the store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from redraft.flows.filters.candidates import Candidate, Turn
from redraft.flows.filters.filter import DEFAULTS
from redraft.llm.prompts.templates import TEMPLATES


@dataclass(frozen=True, slots=True)
class Row:
    """The row of training data that one draft makes, as JSON data, or the reason why it makes none."""

    data: Mapping[str, Any] | None
    step_id: str | None = None  # the draft's last step
    dropped: str | None = None


class Format(Protocol):
    """Makes training data from a trajectory that the filters kept: one row, as JSON data, or a Row for each draft. Each
    export makes a new format, so a format may remember the candidates that it has seen."""

    def __call__(self, candidate: Candidate) -> Mapping[str, Any] | Iterable[Row]: ...


Factory = TypeVar("Factory", bound=Callable[..., Format])


def filtered_by(*filters: str) -> Callable[[Factory], Factory]:
    """Names the filters of an export in this format if the user names none; `filtered_by()` means no filter."""

    def mark(factory: Factory) -> Factory:
        setattr(factory, MARK, filters)
        return factory

    return mark


def default_filters(factory: Callable[..., Format]) -> tuple[str, ...]:
    """Returns the filters that a format names by `filtered_by`; DEFAULTS if the format names none."""
    return getattr(factory, MARK, DEFAULTS)


def prompt_messages(candidate: Candidate, turn: int, window: int | None = None) -> list[dict[str, str]]:
    """Returns the messages that the draft of a turn answers: the question, then each earlier draft and the feedback on
    the draft. With a `window` only the last drafts and their feedback are included. An independent draft starts a new
    conversation."""
    earlier = [draft for draft in candidate.turns if draft.turn <= turn]
    fresh = max((index for index, draft in enumerate(earlier) if not draft.feedback), default=0)
    shown = earlier[fresh:]
    if window is not None:
        shown = shown[-1 - window :]
    messages = [{"role": "user", "content": candidate.question}]
    for before, after in pairwise(shown):
        messages.append(draft_message(before))
        messages += _feedback_messages(after)
    return messages


def _feedback_messages(turn: Turn) -> list[dict[str, str]]:
    """Returns the feedback that led to a draft, as messages of the conversation. A review by the writer itself is a
    message of the assistant."""
    feedback = turn.feedback or ""
    if not turn.reviewed:
        return [{"role": "user", "content": feedback}]
    review, improve = ({"role": "user", "content": TEMPLATES[name].text} for name in ("review", "improve"))
    return [review, {"role": "assistant", "content": feedback}, improve]


def draft_message(turn: Turn) -> dict[str, str]:
    """Returns a draft as a message."""
    return {"role": "assistant", "content": turn.text}


def reward(turn: Turn, unanswered: float = -1.0) -> float | None:
    """Returns RISE's reward of a draft: 1 if it is right, 0 if it is wrong, `unanswered` if it has no answer. Returns
    None if nobody knows whether the draft is right."""
    if turn.answer is None:
        return unanswered
    return None if turn.correct is None else float(turn.correct)


MARK = "redraft_filters"
