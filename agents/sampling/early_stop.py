"""Early stopping of a vote among drafts. If several answers have the same count, the one that was drafted first wins,
as in the selector `majority`."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from redraft.graders.answers.canonical import canonical
from redraft.store.trajectory import Stop, Trajectory


def vote(trajectory: Trajectory) -> str | None:
    """Returns the normalized answer for which a draft votes. Returns None if the draft failed or has no answer."""
    return None if trajectory.stop is Stop.FAILED else canonical(trajectory.answer, trajectory.question.kind)


def count_votes(trajectories: Iterable[Trajectory]) -> dict[str, int]:
    """Returns the number of drafts with each answer. The answers are in the order in which they were first drafted."""
    counts: dict[str, int] = {}
    for trajectory in sorted(trajectories, key=lambda trajectory: trajectory.sample):
        if (answer := vote(trajectory)) is not None:
            counts[answer] = counts.get(answer, 0) + 1
    return counts


def with_vote_shares(trajectories: Iterable[Trajectory]) -> list[Trajectory]:
    """Returns the drafts with their scores set. The score of a draft is the share of drafts with the same answer, in
    [0, 1]."""
    drafts = list(trajectories)
    counts = count_votes(drafts)
    answers = ((trajectory, vote(trajectory)) for trajectory in drafts)
    return [
        trajectory if answer is None else replace(trajectory, score=counts[answer] / len(drafts))
        for trajectory, answer in answers
    ]


def leader(counts: Mapping[str, int]) -> str | None:
    """Returns the answer with the most votes. If counts are equal, returns the answer that was drafted first."""
    return max(counts, key=lambda answer: counts[answer], default=None)


def is_settled(counts: Mapping[str, int], left: int) -> bool:
    """Returns True if no outcome of the `left` remaining drafts could change the leader.

    In the worst case, all remaining drafts give the same rival answer. If the counts are then equal, a rival that was
    drafted before the leader wins, and any other rival loses.
    """
    first = leader(counts)
    if first is None or left == 0:
        return left == 0
    answers = list(counts)
    earlier = answers[: answers.index(first)]
    reach = [counts[rival] + left + (rival in earlier) for rival in answers if rival != first]
    return max(reach, default=left) <= counts[first]


def fewest_to_settle(counts: Mapping[str, int], left: int) -> int:
    """Returns the smallest number of further drafts that can settle the vote. The vote is settled if all of them vote
    for the leader."""
    first = leader(counts) or ""
    for more in range(1, left):
        if is_settled({**counts, first: counts.get(first, 0) + more}, left - more):
            return more
    return left
