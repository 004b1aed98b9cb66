"""Pairs of a first and a second attempt, for training with SCoRe (Kumar et al. 2024, arXiv 2409.12917)."""

from collections.abc import Iterator
from itertools import pairwise

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.format import Format, Row, filtered_by, trains
from redraft.flows.formats.shared.columns import draft_message, prompt_messages, reward
from redraft.store.errors import PartError


@filtered_by()
@trains("score")
def score(*, alpha: float = 10.0, unanswered: float = 0.0, explored: bool = False) -> Format:
    """Writes a row for each draft that follows feedback on another draft. `prompt` has the messages up to the feedback,
    and `completion` is the second attempt. `first` and `second` are the texts of both attempts. `first_reward` and
    `second_reward` are 1 for a right answer, 0 for a wrong one, and `unanswered` if no answer can be read. `shaped` is
    the second reward plus `alpha` times the difference of the two rewards.

    An independent draft is not a second attempt. With `explored`, redrafts that were explored but not continued also
    make rows. Raises PartError for an `alpha` below 0.
    """
    if not alpha >= 0:
        raise PartError(f"alpha={alpha} of format 'score' has to be 0 or more, as in alpha=10")
    paired_drafts = PerQuestion[set[str | None]](set)

    def rows(candidate: Candidate) -> Iterator[Row]:
        paired = paired_drafts.of(candidate)
        for first, second in pairwise(candidate.turns):
            before, after = reward(first, unanswered), reward(second, unanswered)
            if candidate.role != "sample" and not explored:
                yield Row(None, second.leaf_step_id, "explored beside the trajectory that was continued")
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
                row = {"prompt": prompt_messages(candidate, second.turn), "completion": [draft_message(second)]}
                yield Row({**row, **texts, **rewards, "turn": second.turn}, second.leaf_step_id)
        if len(candidate.turns) < 2:
            yield Row(None, None, "no second attempt")

    return rows
