"""Functions for generated texts that all routes share: stop strings, tokens, log-probabilities."""

from codecs import getincrementaldecoder
from collections.abc import Sequence
from itertools import accumulate

from redraft.llm.model import Choice


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Returns a pair: the text before its first stop string, and whether it had one."""
    ends = [at for at in (text.find(mark) for mark in stop if mark) if at >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def align_tokens(
    tokens: Sequence[tuple[bytes, float]], text: str, *, thought: bool = False
) -> tuple[tuple[float, ...], tuple[int, ...]] | None:
    """Returns the log-probability of each token of a text, and the index of the character at which each token begins.

    If the bytes of a character are spread over several tokens, each of these tokens begins at that character. Tokens
    after the text's end (a stop string) are left out, as is whitespace before the text; with `thought`, everything
    before the text is left out. Returns None if the tokens do not spell the text.
    """
    raw = text.encode("utf-8", "surrogatepass")
    full = b"".join([token for token, _ in tokens])
    start = _start(full, raw, thought)
    if start is None:
        return _align_replacements(tokens, text) if LOST in full else None
    logprobs: list[float] = []
    offsets: list[int] = []
    characters = getincrementaldecoder("utf-8")("surrogatepass")
    at, offset = -start, 0
    for token, logprob in tokens:
        end = at + len(token)
        if at >= len(raw):
            break
        if end > 0:
            logprobs.append(logprob)
            offsets.append(offset)
            offset += len(characters.decode(raw[max(0, at) : end]))
        at = end
    return tuple(logprobs), tuple(offsets)


def _align_replacements(
    tokens: Sequence[tuple[bytes, float]], text: str
) -> tuple[tuple[float, ...], tuple[int, ...]] | None:
    """Aligns tokens with a text if the server replaced incomplete characters in tokens by U+FFFD. Such a token gets the
    offset at which the previous token ended; the next token without U+FFFD is searched for in the rest of the text."""
    logprobs: list[float] = []
    offsets: list[int] = []
    at, lost = 0, False
    for token, logprob in tokens:
        if at >= len(text):
            break
        spelled = token.decode("utf-8", "surrogatepass")
        found = -1 if "\ufffd" in spelled else text.find(spelled, at)
        if "\ufffd" not in spelled and found != at and not (lost and found >= 0):
            return None
        lost = "\ufffd" in spelled
        logprobs.append(logprob)
        offsets.append(at if lost else found)
        at = at if lost else found + len(spelled)
    return (tuple(logprobs), tuple(offsets)) if lost or at >= len(text) else None


def _start(full: bytes, raw: bytes, thought: bool) -> int | None:
    """Returns the offset of a text in the bytes of its tokens, or None."""
    if thought:
        closed = full.rfind(CLOSING)
        at = full.find(raw, closed) if closed >= 0 else full.rfind(raw)
        return at if at >= 0 else None
    if full.startswith(raw):
        return 0
    at = full.find(raw)
    return at if at >= 0 and not full[:at].strip() else None


def with_token_counts(choices: Sequence[Choice], total: int) -> tuple[Choice, ...]:
    """Returns the choices with their numbers of tokens, which include thinking.

    Providers report one number for a whole reply (`total`; 0 if they report none). It is divided among the choices by
    the number of log-probabilities if each choice has them and none has thinking, otherwise by length.
    """
    if len(choices) == 1:
        return (_with_tokens(choices[0], total or len(choices[0].logprobs or ())),)
    known = all(choice.logprobs is not None and not choice.thinking for choice in choices)
    sizes = [len(c.logprobs or ()) if known else len(c.text) + len(c.thinking) for c in choices]
    if not total and known:
        total = sum(sizes)
    if not sum(sizes):
        sizes = [1] * len(sizes)
    whole = sum(sizes)
    ends = [total * end // whole for end in accumulate(sizes)]
    return tuple(
        _with_tokens(choice, end - before) for choice, end, before in zip(choices, ends, [0, *ends], strict=False)
    )


def _with_tokens(choice: Choice, tokens: int) -> Choice:
    """Returns the choice with its number of tokens. All fields are listed, because `replace` takes three times as long
    as this."""
    return Choice(choice.text, choice.finish, tokens, choice.logprobs, choice.offsets, choice.thinking, choice.call_id)


CLOSING = b"</think>"
LOST = "\ufffd".encode()
