"""Reads the samples in a server's reply: texts, thinking, log-probabilities, finish reasons and usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from typing import Any

from redraft.llm.capabilities import Continuing
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.providers.openai_server.requests import lost_whitespace
from redraft.llm.providers.openai_server.server_facts import ServerFacts
from redraft.llm.providers.openai_server.token import Token, parse_tokens
from redraft.llm.providers.shared.finish_reasons import Loss, Lost, is_empty, judge_ending
from redraft.llm.providers.shared.stop_strings import align_tokens, cut_at_stop, with_token_counts
from redraft.llm.providers.shared.thinking import split_inline_thinking, split_thinking
from redraft.llm.providers.shared.token_usage import count, reply_usage
from redraft.llm.usage import Usage

UNREPORTED = object()


@dataclass(slots=True)
class Observations:
    """The facts about a server that one reply shows."""

    sent: Mapping[str, Any]
    given: int = 0  # number of choices
    losses: Sequence[Loss] = ()  # why choices were left out
    logprobs: bool | None = None  # whether the reply has log-probabilities; None if not requested or without a text
    many_tops: bool = False
    ran_past: bool = False  # a text continued after a stop string
    ends_with_stop: bool = False  # a text ended with its stop string
    gives_stop_reason: bool | None = None  # whether the reply says which stop string ended a text
    stopped: bool = False  # a stop string ended a text
    thinks: bool = False
    unopened: bool = False
    # the last log-probability of a text that ended by itself belongs to the end token, which has no text
    shows_end: bool = False
    gives_reason: bool = False
    counted: int = 0  # the server's token count, if there is only one choice
    stopped_thinking: bool = False  # a stop string ended a choice inside the thinking


class MalformedReply(ValueError):
    """Raised if the reply violates the protocol."""


def read_reply(
    data: Any, request: Request, facts: ServerFacts, sent: Mapping[str, Any]
) -> tuple[list[Choice], Usage, Observations]:
    """Returns a triple: the samples in a reply, the usage, and the observations.

    The list of samples may be empty. Samples that a content filter removed are left out. Empty samples are left out
    too, unless they were cut off at the token limit. Raises MalformedReply.
    """
    if not isinstance(data, dict):
        raise MalformedReply
    listed, given = data.get("choices"), data.get("usage")
    if listed is None and isinstance(given, dict):
        listed = []  # the server counted tokens, so it did the work
    if not isinstance(listed, list):
        raise MalformedReply
    signs = Observations(sent, len(listed))
    if len(listed) == 1:
        signs.counted = count(given, "completion_tokens")
    choices: list[Choice] = []
    for one in listed:
        choice = _choice(one, request, facts, signs) if isinstance(one, dict) else Loss(Lost.EMPTY, "nothing")
        if isinstance(choice, Loss):
            signs.losses = [*signs.losses, choice]
        else:
            choices.append(choice)
    usage = reply_usage(given, choices, request)
    return list(with_token_counts(choices, usage.completion)), usage, signs


def _choice(one: dict[str, Any], request: Request, facts: ServerFacts, signs: Observations) -> Choice | Loss:
    reason = one.get("finish_reason")
    finish = judge_ending(
        reason,
        one.get("native_finish_reason"),
        one.get("error"),
        gives_reason=facts.gives_reason,
        at_limit=signs.counted >= request.max_tokens,
    )
    signs.gives_reason |= bool(reason)
    if isinstance(finish, Loss):
        return finish
    message = one.get("message")
    if message is None and isinstance(one.get("text"), str):
        text, thinking, unopened = split_inline_thinking(one["text"], facts.unopened and not request.prefix)
    elif isinstance(message, dict):
        text, thinking, unopened = split_thinking(message, facts.unopened and not request.prefix, request.prefix)
    else:
        return Loss(Lost.EMPTY, str(reason))
    if thinking:
        if _is_answer(message, request, facts):
            text, thinking = thinking, ""
        else:
            signs.thinks = True
            signs.unopened |= unopened
    if request.prefix and facts.repeats:
        text = text.removeprefix(request.prefix)
    if request.prefix and facts.trims:
        text = _remove_beginning(text, lost_whitespace(request, facts, message is None))
    if request.stop:
        text, finish = _cut_stop(text, finish, bool(thinking), one, request, facts, signs)
    logprobs, offsets = _logprobs(one.get("logprobs"), text, bool(thinking), signs) if text else (None, None)
    if is_empty(finish, text, thinking, request.prefix):
        return Loss(Lost.EMPTY, str(reason))
    return Choice(text, finish, 0, logprobs, offsets, thinking)


def _is_answer(message: Any, request: Request, facts: ServerFacts) -> bool:
    """Returns whether the server wrongly returned the rest of the answer as thinking. Some servers treat everything
    before a closing tag as thinking, and the rest of an answer has no such tag. If the continuation is a new message
    (`TRAILING`), the model may really think."""
    own = facts.capabilities.continuing is Continuing.TRAILING
    return bool(request.prefix) and not own and isinstance(message, dict) and not message.get("content")


def _remove_beginning(text: str, beginning: str) -> str:
    """Returns the text without the longest common prefix that it has with `beginning`."""
    kept = next((at for at, (a, b) in enumerate(zip(text, beginning, strict=False)) if a != b), None)
    return text[min(len(text), len(beginning)) if kept is None else kept :]


def _cut_stop(
    text: str,
    finish: Finish,
    thought: bool,
    one: dict[str, Any],
    request: Request,
    facts: ServerFacts,
    signs: Observations,
) -> tuple[str, Finish]:
    """Returns a pair: the text before its first stop string, and the finish reason."""
    before, found = cut_at_stop(text, request.stop)
    if found:
        rest = text[len(before) :]
        ended = rest in request.stop
        signs.ends_with_stop |= ended and "stop" in signs.sent
        signs.ran_past |= not ended and "stop" in signs.sent
        return before, Finish.STOP
    if finish is not Finish.END or "stop" not in signs.sent:
        return text, finish
    reason = one.get("stop_reason", UNREPORTED)
    if reason is UNREPORTED:
        reason = one.get("matched_stop", UNREPORTED)
    signs.gives_stop_reason = reason is not UNREPORTED
    if reason is not UNREPORTED:
        stopped = reason in request.stop
        signs.stopped |= stopped
        signs.stopped_thinking |= stopped and thought and not text
        return text, Finish.STOP if stopped else Finish.END
    if not text or facts.keeps_stop or facts.capabilities.stop is False:
        signs.stopped_thinking |= not text and thought
        return text, Finish.END
    natural = _ends_by_itself(one.get("logprobs"), facts, signs)
    signs.gives_stop_reason = natural
    return text, Finish.END if natural else Finish.STOP


def _logprobs(
    given: Any, text: str, thought: bool, signs: Observations
) -> tuple[tuple[float, ...], tuple[int, ...]] | tuple[None, None]:
    """Returns the log-probabilities and the offsets of a text's tokens. Both are None if they are missing or not
    finite, or if the tokens do not spell the text."""
    if "logprobs" not in signs.sent:
        return None, None
    if not isinstance(given, dict):
        signs.logprobs = signs.logprobs or False
        return None, None
    content = given.get("content")
    listed: Sequence[Token] = ()
    try:
        if content is None:
            tokens, logprobs = given["tokens"], given["token_logprobs"]
        else:
            listed = parse_tokens(content)
            tokens = [entry.token for entry in listed]
            logprobs = [entry.logprob for entry in listed]
            signs.many_tops |= bool(listed) and listed[0].tops > 1
        finite = isfinite(sum(logprobs))
        whole = "".join(tokens)
    except (KeyError, TypeError, ValueError):
        signs.logprobs = True
        return None, None
    signs.logprobs = signs.logprobs or bool(tokens)
    if not finite or not tokens or len(tokens) != len(logprobs):
        return None, None
    if whole == text:
        if not tokens[-1]:
            signs.shows_end = True
            del tokens[-1], logprobs[-1]
        return tuple(logprobs), tuple(accumulate(map(len, tokens[:-1]), initial=0))
    try:
        raw = [entry.raw for entry in listed] or [token.encode("utf-8", "surrogatepass") for token in tokens]
    except (TypeError, ValueError):
        return None, None
    return align_tokens(list(zip(raw, logprobs, strict=True)), text, thought=thought) or (None, None)


def _ends_by_itself(given: Any, facts: ServerFacts, signs: Observations) -> bool:
    """Returns whether the last log-probability belongs to the end token, which has no text. llama.cpp delays text that
    may be the beginning of a stop string, and assigns this text to the end token. Then only the number of tokens shows
    whether there is an end token."""
    try:
        listed = parse_tokens(given.get("content") if isinstance(given, dict) else None)
    except (TypeError, ValueError):
        return False
    return bool(listed) and (not listed[-1].token or (facts.shows_end and len(listed) == signs.counted))
