"""What every route does with the texts that come back: stop strings, tokens, log-probabilities."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from redraft.llm.model import Choice


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """The text before its first stop string, and whether there was one."""
    ends = [at for at in (text.find(mark) for mark in stop if mark) if at >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def aligned(tokens: Sequence[tuple[bytes, float]], text: str) -> tuple[tuple[float, ...], tuple[int, ...]] | None:
    """The log-probabilities of the tokens that make up a text, and the character at which each begins.

    A character's bytes may be spread over several tokens: each begins at that character. Tokens beyond the text's end
    (a stop string) are left out. None where the tokens do not spell the text.
    """
    raw = text.encode("utf-8", "surrogatepass")
    logprobs: list[float] = []
    offsets: list[int] = []
    at = 0
    for token, logprob in tokens:
        if at >= len(raw):
            break
        if not (raw.startswith(token, at) or token.startswith(raw[at:])):
            return None
        logprobs.append(logprob)
        offsets.append(len(raw[:at].decode("utf-8", "ignore")))
        at += len(token)
    return (tuple(logprobs), tuple(offsets)) if at >= len(raw) else None


def with_tokens(choices: Sequence[Choice], total: int) -> tuple[Choice, ...]:
    """The choices with their tokens, thinking included. Providers count them for a whole reply (`total`; 0 where they
    do not), so they are shared out by length, or by the log-probabilities where each choice has them."""
    known = all(choice.logprobs is not None for choice in choices)
    sizes = [len(c.logprobs or ()) if known else len(c.text) + len(c.thinking) for c in choices]
    if not total and known:
        total = sum(sizes)
    ends = list(accumulate(sizes))
    shares = [total * end // max(1, ends[-1]) for end in ends]
    if not ends[-1]:
        shares = [total * (index + 1) // len(sizes) for index in range(len(sizes))]
    return tuple(
        replace(choice, tokens=share - before)
        for choice, share, before in zip(choices, shares, [0, *shares], strict=False)
    )
