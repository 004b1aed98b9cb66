"""The verdict on each choice of a reply: an answer, cut off at the limit, or lost; all routes share it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redraft.llm.model import Cause, Finish, ModelError, UnsupportedRequest
from redraft.llm.providers.shared.finish_reasons import Lost, ending
from redraft.llm.providers.shared.redaction import redacted_line
from redraft.llm.usage import Usage


class Loss(NamedTuple):
    """Why a choice is left out. `words` are the provider's: a finish reason or an error's message."""

    kind: Lost
    words: str


def judge_ending(
    reason: Any, native: Any = None, error: Any = None, *, gives_reason: bool = False, at_limit: bool = False
) -> Finish | Loss:
    """Returns how a choice ended, by its finish reason, the native one, and an error inside the choice.

    A text with an unknown reason is an answer. So is a text without a reason, since some servers give none. If the
    server gave one before (`gives_reason`), the text is broken off. In both cases a text that used up its tokens
    (`at_limit`) is cut.
    """
    if error:
        message = error.get("message") if isinstance(error, dict) else error
        return Loss(Lost.BROKEN, str(message or reason))
    found = ending(reason, native)
    if found is None:
        if at_limit:
            return Finish.LENGTH
        return Loss(Lost.BROKEN, "no reason") if gives_reason and reason in (None, "") else Finish.END
    return Loss(found, str(native or reason)) if isinstance(found, Lost) else found


def is_empty(finish: Finish, text: str, thinking: str, prefix: str) -> bool:
    """Returns whether a choice says nothing although the model ended by itself. After a half-written answer the model
    may end at once, and thinking alone is a turn that gives no answer."""
    return finish is Finish.END and not prefix and not thinking and not text.strip()


def no_answer(losses: Sequence[Loss], where: str, usage: Usage) -> ModelError:
    """Returns the error of a reply in which every choice is lost."""
    kinds = {loss.kind for loss in losses}
    reasons = redacted_line(", ".join(sorted({loss.words for loss in losses})))
    if kinds == {Lost.WITHHELD}:
        return UnsupportedRequest(
            f"A content filter of {where} withheld the answer ({reasons}).", cure="Leave the problem out.", usage=usage
        )
    if Lost.BROKEN in kinds:
        message, kind = f"{where} broke the answer off (it stopped for: {reasons}).", "broken answer"
    elif losses:
        message, kind = f"{where} gave no text (it stopped for: {reasons}).", "empty reply"
    else:
        message, kind = f"{where} gave no answer at all.", "empty reply"
    return ModelError(message, cure="Ask again, or ask another model.", cause=Cause.FAULT, usage=usage, kind=kind)
