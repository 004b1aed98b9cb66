"""The protocol of every export format. A format is a file here whose one public function has its name and returns a
Format; its keyword arguments are its configuration. One that has a parameter `store` is handed the store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from redraft.flows.filters.candidates import Candidate, Turn
from redraft.flows.filters.filter import DEFAULTS
from redraft.llm.prompts.templates import TEMPLATES


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one draft: a row of training data, as JSON data, or why it makes none."""

    data: Mapping[str, Any] | None
    step_id: str | None = None  # the draft's last step
    dropped: str | None = None


class Format(Protocol):
    """Rows of training data from a trajectory that the filters kept: one, as JSON data, or what became of each of its
    drafts. Each export makes its format anew, so that one may remember what it has seen."""

    def __call__(self, candidate: Candidate) -> Mapping[str, Any] | Iterable[Row]: ...


Factory = TypeVar("Factory", bound=Callable[..., Format])


def filtered_by(*filters: str) -> Callable[[Factory], Factory]:
    """Names the filters that an export in a format passes through if its user names none; `filtered_by()` is none."""

    def mark(factory: Factory) -> Factory:
        setattr(factory, MARK, filters)
        return factory

    return mark


def filters_of(factory: Callable[..., Format]) -> tuple[str, ...]:
    """The filters that a format names by `filtered_by`; DEFAULTS if it names none."""
    return getattr(factory, MARK, DEFAULTS)


def asked(candidate: Candidate, turn: int, window: int | None = None) -> list[dict[str, str]]:
    """The messages that the draft of a turn answers: the question, then each draft before it and what was said to it;
    of them the last `window` only, and none before an independent draft, which was asked for as the first was."""
    earlier = [one for one in candidate.turns if one.turn <= turn]
    fresh = max((at for at, one in enumerate(earlier) if not one.feedback), default=0)
    shown = earlier[fresh:]
    if window is not None:
        shown = shown[-1 - window :]
    messages = [{"role": "user", "content": candidate.question}]
    for before, after in pairwise(shown):
        messages.append(wrote(before))
        messages += _heard(after)
    return messages


def _heard(turn: Turn) -> list[dict[str, str]]:
    """The feedback that led to a draft, as the conversation showed it: the writer's own review is its own message."""
    said = turn.feedback or ""
    if not turn.reviewed:
        return [{"role": "user", "content": said}]
    asked, then = ({"role": "user", "content": TEMPLATES[name].text} for name in ("review", "improve"))
    return [asked, {"role": "assistant", "content": said}, then]


def wrote(turn: Turn) -> dict[str, str]:
    """A draft as a message."""
    return {"role": "assistant", "content": turn.text}


def reward(turn: Turn, unanswered: float = -1.0) -> float | None:
    """RISE's reward of a draft: 1 right, 0 wrong, `unanswered` where no answer can be read; None where nobody knows."""
    if turn.answer is None:
        return unanswered
    return None if turn.correct is None else float(turn.correct)


MARK = "redraft_filters"
