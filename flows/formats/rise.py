"""Rows for reward-weighted regression over turns: RISE (Qu et al. 2024, arXiv 2407.18219)."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from redraft.flows.filters.candidates import Candidate, Turn
from redraft.flows.formats.format import Format, Row, asked, filtered_by, reward, wrote
from redraft.store.errors import PartError

MOST_EXPONENT = 700.0  # of what is still a float
MOST_REPEATS = 150  # of one word, in the paper's own data


@filtered_by()
def rise(
    *,
    tau: float = 0.4,
    criteria: Literal["all", "better", "best", "success"] = "all",
    window: int | None = None,
    since: int = 1,
    unanswered: float = -1.0,
    unique: bool = False,
    explored: bool = False,
) -> Format:
    """A row for each draft of each turn: `prompt`, the messages that it answers (with a `window`, the last drafts and
    their feedback only), `completion`, `weight` = exp(reward / tau), and the `reward`: 1 right, 0 wrong, `unanswered`
    where no answer can be read.

    Of a trajectory `all` takes every draft, `better` those with a higher reward than the one before (a first draft
    where it is right), `best` the first of the highest reward, `success` the right ones; and of these those of turn
    `since` and later. `unique` drops rows that are the same to the letter; `explored` takes drafts too that were drawn
    beside the path that went on. A draft that several trajectories share makes one row. Raises PartError for a `tau`
    that is not above 0 and a `window` below 0.

    Args:
        tau: The temperature of the weights exp(reward / tau), above 0.
        criteria: Which drafts of a trajectory make rows: `all`, those that are `better` than the one before, the first
            `best` one, or the right ones (`success`).
        window: The number of earlier drafts in the prompt; none has all.
        since: The first turn that makes rows.
        unanswered: The reward of a draft without an answer.
        unique: Whether rows that are the same to the letter are dropped.
        explored: Whether drafts that were drawn beside the path that went on make rows.
    """
    if not tau > 0:
        raise PartError(f"tau={tau} of format 'rise' has to be above 0, as in tau=0.4")
    if max(1.0, unanswered) / tau > MOST_EXPONENT:
        raise PartError(f"tau={tau} of format 'rise' is too small: exp(reward / tau) is no number; take tau=0.4")
    if window is not None and window < 0:
        raise PartError(f"window={window} of format 'rise' has to be 0 or more, as in window=2")
    shared: set[str | None] = set()
    written: set[str] = set()

    def rows(candidate: Candidate) -> Iterator[Row]:
        rewards = [reward(turn, unanswered) for turn in candidate.turns]
        for at, turn in enumerate(candidate.turns):
            why = _unfit(turn, rewards[at]) or _left(criteria, rewards, at)
            if turn.turn < since:
                why = f"before turn {since}"
            elif candidate.role != "sample" and not explored:
                why = "explored beside the path that went on"
            elif turn.leaf_step_id in shared:
                why = "in a row already: trajectories share it"
            if why:
                yield Row(None, turn.leaf_step_id, why)
                continue
            gained = rewards[at] or 0.0
            row = {"prompt": asked(candidate, turn.turn, window), "completion": [wrote(turn)]}
            same = json.dumps(row)
            if unique and same in written:
                yield Row(None, turn.leaf_step_id, "the same row as one before")
                continue
            shared.add(turn.leaf_step_id)
            if unique:
                written.add(same)
            facts = {"weight": math.exp(gained / tau), "reward": gained, "turn": turn.turn}
            yield Row({**row, **facts}, turn.leaf_step_id)

    return rows


def _unfit(turn: Turn, gained: float | None) -> str | None:
    """Why a draft teaches nothing, whatever the criteria."""
    if gained is None:
        return "not known whether it is right"
    words = Counter(turn.text.split()).most_common(1)
    if not words:
        return "empty"
    return f"degenerate: a word more than {MOST_REPEATS} times" if words[0][1] > MOST_REPEATS else None


def _left(criteria: str, rewards: Sequence[float | None], at: int) -> str | None:
    """Why the criteria leave a draft out."""
    known = [-math.inf if one is None else one for one in rewards]
    if criteria == "better" and known[at] <= (known[at - 1] if at else 0.0):
        return "no better than the draft before"
    if criteria == "best" and known.index(max(known)) != at:
        return "not the best of its trajectory"
    return "wrong answer" if criteria == "success" and known[at] < 1 else None
