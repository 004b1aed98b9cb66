"""The columns that several formats share: a question and its answers, and the messages before a draft."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from redraft.flows.filters.correctness.correct import NO_ANSWER, UNKNOWN
from redraft.flows.filters.sifting.candidates import Candidate, Turn
from redraft.llm.prompts.templates import TEMPLATES

Style = Literal["prompt", "messages", "text"]
"""The columns of a question and its answer: `prompt` and the answer as lists of messages, `messages` as one list, or
`text`, which is `prompt` with plain strings."""


def example(style: Style, question: str, **answers: str) -> dict[str, Any]:
    """Returns the columns of a question and its answers. The keywords of the answers are their columns. The style
    `messages` allows only one answer."""
    asked = {"role": "user", "content": question}
    said = {name: {"role": "assistant", "content": text} for name, text in answers.items()}
    if style == "messages":
        return {"messages": [asked, *said.values()]}
    if style == "text":
        return {"prompt": f"{question}\n\n", **answers}
    return {"prompt": [asked], **{name: [message] for name, message in said.items()}}


def judged_drafts(candidate: Candidate, seen: set[str]) -> Iterator[tuple[Turn, str | None]]:
    """Yields a pair for each draft of a trajectory: the draft, and the reason why it can't be used as a right or a
    wrong answer, or None if it can. `seen` has the texts of the question's earlier drafts; the texts of new drafts are
    added to it."""
    for turn in candidate.turns:
        reason = "the same draft as one before" if turn.text in seen else None
        if turn.correct is None:
            reason = NO_ANSWER if turn.answer is None else UNKNOWN
        elif not turn.text.strip():
            reason = "empty"
        else:
            seen.add(turn.text)
        yield turn, reason


def prompt_messages(candidate: Candidate, turn: int, window: int | None = None) -> list[dict[str, str]]:
    """Returns the messages before the draft of a turn: the question, then each earlier draft and the feedback on it.
    With a `window`, only the last drafts and their feedback are included. An independent draft starts a new
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
    """Returns the feedback before a draft as messages. A review by the writer itself is a message of the assistant."""
    feedback = turn.feedback or ""
    if not turn.reviewed:
        return [{"role": "user", "content": feedback}]
    review, improve = ({"role": "user", "content": TEMPLATES[name].text} for name in ("review", "improve"))
    return [review, {"role": "assistant", "content": feedback}, improve]


def draft_message(turn: Turn) -> dict[str, str]:
    """Returns a draft as a message of the assistant."""
    return {"role": "assistant", "content": turn.text}


def reward(turn: Turn, unanswered: float = -1.0) -> float | None:
    """Returns RISE's reward of a draft: 1 if it is right, 0 if it is wrong, and `unanswered` if it has no answer.
    Returns None if it is not known whether the draft is right."""
    if turn.answer is None:
        return unanswered
    return None if turn.correct is None else float(turn.correct)
