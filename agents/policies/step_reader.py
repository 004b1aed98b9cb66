"""Splits a model's reply into the steps of a trajectory, each with its own tokens and log-probability."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

from msgspec import Struct
from msgspec.structs import replace

from redraft.graders.answers.extract import extract
from redraft.llm.model import Choice, Finish
from redraft.store.digest import prefix_key
from redraft.store.trajectory import Role, Step, Stop, Trajectory


class Continuation(Struct, frozen=True, gc=False):
    """The text that a choice adds to a draft. `ended` is True if the text completes the draft.

    `places` are the indices of each character of `text`, and of its end, in the text of the choice. `places` is None if
    both texts are the same.
    """

    text: str
    ended: bool
    places: tuple[int, ...] | None = None


def split_steps(text: str, separator: str) -> list[str]:
    """Splits a text into pieces. Each piece ends after a separator and the line breaks that follow it. The pieces
    joined are the text."""
    ends = [match.end() for match in _separator_pattern(separator).finditer(text)]
    pieces: list[str] = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        if pieces and (not piece.strip() or not pieces[-1].strip()):
            pieces[-1] += piece
        elif piece:
            pieces.append(piece)
    return pieces


@cache
def _separator_pattern(separator: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{re.escape(separator)})\n*")


def with_sample_number(trajectory: Trajectory, number: int) -> Trajectory:
    """Returns the trajectory with its sample number set to `number` if it is an independent sample without steps.
    Returns any other trajectory unchanged."""
    return replace(trajectory, sample=number) if _is_new_sample(trajectory) else trajectory


def _is_new_sample(trajectory: Trajectory) -> bool:
    return trajectory.role is Role.SAMPLE and not trajectory.steps


def extend(
    trajectory: Trajectory, number: int, choice: Choice, part: Continuation, pieces: Sequence[str]
) -> Trajectory:
    """Returns the trajectory with the text of one choice appended as steps. If the draft ends without new text, an
    empty last step is appended."""
    if not part.text.strip() and not (part.ended and trajectory.draft()):
        stop = Stop.LENGTH if choice.finish is Finish.LENGTH else Stop.DEAD_END
        return replace(with_sample_number(trajectory, number), stop=stop)
    steps = _new_steps(trajectory, number, choice, part, pieces or [""])
    answer = trajectory.answer
    if part.ended:
        answer = extract("".join([trajectory.text(), *pieces]), trajectory.question.kind)
    sample = number if _is_new_sample(trajectory) else trajectory.sample
    stop = _stop_reason(choice, part)
    return replace(trajectory, sample=sample, steps=(*trajectory.steps, *steps), stop=stop, answer=answer)


def _new_steps(
    trajectory: Trajectory, number: int, choice: Choice, part: Continuation, pieces: Sequence[str]
) -> list[Step]:
    """Returns a step for each piece. Each step is the child of the step before it, and the first step is child number
    `number` of the trajectory's last step."""
    above = trajectory.steps[-1] if trajectory.steps else None
    place, key = (above.step_id, above.prefix_key) if above else (None, trajectory.question.text)
    turn, before = (above.turn, above.depth) if above else (1, 0)
    last, steps = len(pieces) - 1, list[Step]()
    for index, (text, tokens, logprob) in enumerate(
        zip(pieces, *_tokens_and_logprobs(choice, part, pieces), strict=True)
    ):
        below = f"{place}.{0 if index else number}" if place else f"{trajectory.question.root}{number}"
        key, final = prefix_key(key, "model", text), part.ended and index == last
        facts = (below, place, key, before + index + 1, turn, "model", text, final, tokens, logprob)
        steps.append(Step(*facts, call_id=choice.call_id))
        place = below
    return steps


def _stop_reason(choice: Choice, part: Continuation) -> Stop | None:
    if part.ended:
        return Stop.ANSWERED
    return Stop.LENGTH if choice.finish is Finish.LENGTH else None


def _tokens_and_logprobs(
    choice: Choice, part: Continuation, pieces: Sequence[str]
) -> tuple[list[int], list[float | None]]:
    """Returns a pair of lists: the number of tokens of each piece, and the summed log-probability of each piece. A
    token belongs to the piece in which it begins.

    If the model returns no log-probabilities, or if the choice's text is longer than the part, all tokens of the choice
    are divided among the pieces in proportion to their lengths.
    """
    ends = list(accumulate(map(len, pieces)))
    if part.places is not None:
        return _token_shares(choice.tokens, ends), _logprobs_within(choice, part.places, ends)
    if choice.offsets is None or choice.logprobs is None:
        return _token_shares(choice.tokens, ends), [None] * len(ends)
    cuts = [0, *(bisect_left(choice.offsets, end) for end in ends[:-1]), len(choice.offsets)]
    spans = list(pairwise(cuts))
    return [end - start for start, end in spans], [round(sum(choice.logprobs[a:b]), 6) for a, b in spans]


def _token_shares(tokens: int, ends: Sequence[int]) -> list[int]:
    """Divides the tokens of a choice among its pieces in proportion to their lengths."""
    shares = [tokens * end // max(1, ends[-1]) for end in ends[:-1]] + [tokens]
    return [share - before for share, before in zip(shares, [0, *shares], strict=False)]


def _logprobs_within(choice: Choice, places: Sequence[int], ends: Sequence[int]) -> list[float | None]:
    """Returns the log-probability of each piece of a part whose choice has a longer text. The item is None if a token
    contains both text of the piece and other text."""
    if choice.offsets is None or choice.logprobs is None:
        return [None] * len(ends)
    starts = {*choice.offsets, len(choice.text)}
    bounds = [places[end] for end in (0, *ends)]
    sums: list[float | None] = []
    for start, end in pairwise(bounds):
        if start == end or not {start, end} <= starts:
            sums.append(None)
            continue
        inside = (p for offset, p in zip(choice.offsets, choice.logprobs, strict=True) if start <= offset < end)
        sums.append(round(sum(inside), 6))
    return sums
