"""Pairs of attempts, as SCoRe learns from (Kumar et al. 2024, arXiv 2409.12917)."""

from collections.abc import Iterator
from itertools import pairwise

from redraft.flows.filters.candidates import Candidate
from redraft.flows.formats.format import Format, Row, asked, filtered_by, reward, wrote


@filtered_by()
def score(*, alpha: float = 10.0, unanswered: float = 0.0, explored: bool = False) -> Format:
    """A row for each draft that answers another: `prompt`, the messages up to the feedback, `completion`, the second
    attempt, and of both attempts `first`, `second` (the texts), `first_reward`, `second_reward` (1 right, 0 wrong,
    `unanswered` where no answer can be read), and `shaped`: the second's reward plus `alpha` times its change.

    A redraft that was asked for as if there were none before is no second attempt. `explored` takes redrafts too that
    were drawn beside the path that went on.
    """
    paired: set[str | None] = set()

    def rows(candidate: Candidate) -> Iterator[Row]:
        for first, second in pairwise(candidate.turns):
            before, after = reward(first, unanswered), reward(second, unanswered)
            if candidate.role != "sample" and not explored:
                yield Row(None, second.leaf_step_id, "explored beside the path that went on")
            elif second.leaf_step_id in paired:
                yield Row(None, second.leaf_step_id, "in a row already: trajectories share it")
            elif not second.feedback:
                yield Row(None, second.leaf_step_id, "an independent draft")
            elif before is None or after is None:
                yield Row(None, second.leaf_step_id, "not known whether it is right")
            else:
                paired.add(second.leaf_step_id)
                texts = {"first": first.text, "second": second.text}
                rewards = {"first_reward": before, "second_reward": after, "shaped": after + alpha * (after - before)}
                row = {"prompt": asked(candidate, second.turn), "completion": [wrote(second)]}
                yield Row({**row, **texts, **rewards, "turn": second.turn}, second.leaf_step_id)
        if len(candidate.turns) < 2:
            yield Row(None, None, "no second attempt")

    return rows
