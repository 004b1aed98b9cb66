"""Rows for reward-weighted regression over turns: RISE (Qu et al. 2024, arXiv 2407.18219)."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from redraft.flows.filters.sifting.candidates import Candidate, Turn
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.format import Format, Row, filtered_by, trains
from redraft.flows.formats.shared.columns import draft_message, prompt_messages, reward
from redraft.store.errors import PartError

MOST_EXPONENT = 700.0  # exp of a larger number overflows a float
MOST_REPEATS = 150  # the limit of repetitions of one word, as in the paper's data


@filtered_by()
@trains("sft")
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
    """Writes a row for each draft of each turn. `prompt` has the messages before the draft; with a `window`, only the
    last drafts and their feedback. `completion` is the draft. `reward` is 1 for a right answer, 0 for a wrong one, and
    `unanswered` if no answer can be read. `weight` is exp(reward / tau).

    The criteria select drafts of a trajectory. `all` takes every draft. `better` takes drafts with a higher reward than
    the draft before, and a first draft if it is right. `best` takes the first draft with the highest reward. `success`
    takes the right drafts. Drafts before turn `since` make no rows. `unique` drops rows that are equal to an earlier
    row. `explored` also takes finished drafts that a search explored and did not choose. A draft that several
    trajectories share makes one row. Raises PartError for a `tau` that is not above 0, a `window` below 0, and a
    `since` below 1.

    Args:
        tau: The temperature of the weights exp(reward / tau), above 0.
        criteria: Which drafts of a trajectory make rows: `all`, drafts that are `better` than the draft before, the
            first `best` draft, or the right drafts (`success`).
        window: The number of earlier drafts in the prompt; by default all.
        since: The first turn whose drafts make rows.
        unanswered: The reward of a draft without an answer.
        unique: Whether rows that are equal to an earlier row are dropped.
        explored: Whether finished drafts that a search explored and did not choose make rows.
    """
    if not tau > 0:
        raise PartError(f"tau={tau} of format 'rise' has to be above 0, as in tau=0.4")
    if max(1.0, unanswered) / tau > MOST_EXPONENT:
        raise PartError(f"tau={tau} of format 'rise' is too small: exp(reward / tau) is no number; take tau=0.4")
    if window is not None and window < 0:
        raise PartError(f"window={window} of format 'rise' has to be 0 or more, as in window=2")
    if since < 1:
        raise PartError(f"since={since} of format 'rise' has to be 1 or more, as in since=2")
    shared_drafts, written_rows = PerQuestion[set[str | None]](set), PerQuestion[set[str]](set)

    def rows(candidate: Candidate) -> Iterator[Row]:
        shared, written = shared_drafts.of(candidate), written_rows.of(candidate)
        rewards = [reward(turn, unanswered) for turn in candidate.turns]
        for index, turn in enumerate(candidate.turns):
            reason = _draft_reason(turn, rewards[index]) or _criteria_reason(criteria, rewards, index)
            if turn.turn < since:
                reason = f"before turn {since}"
            elif candidate.role != "sample" and not (explored or candidate.chosen):
                reason = "explored by a search, and not chosen"
            elif candidate.role != "sample" and turn.answer is None:
                reason = "explored by a search, and not finished"
            elif turn.leaf_step_id in shared:
                reason = "in a row already: trajectories share it"
            if reason:
                yield Row(None, turn.leaf_step_id, reason)
                continue
            gained = rewards[index] or 0.0
            row = {"prompt": prompt_messages(candidate, turn.turn, window), "completion": [draft_message(turn)]}
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


def _draft_reason(turn: Turn, gained: float | None) -> str | None:
    """Returns the reason why a draft makes no row under any criteria, or None if it may make a row."""
    if gained is None:
        return "not known whether it is right"
    words = Counter(turn.text.split()).most_common(1)
    if not words:
        return "empty"
    return f"degenerate: a word more than {MOST_REPEATS} times" if words[0][1] > MOST_REPEATS else None


def _criteria_reason(criteria: str, rewards: Sequence[float | None], index: int) -> str | None:
    """Returns the reason why the criteria leave a draft out, or None if they select the draft."""
    known = [-math.inf if one is None else one for one in rewards]
    if criteria == "better" and known[index] <= (known[index - 1] if index else 0.0):
        return "no better than the draft before"
    if criteria == "best" and known.index(max(known)) != index:
        return "not the best of its trajectory"
    return "wrong answer" if criteria == "success" and known[index] < 1 else None
