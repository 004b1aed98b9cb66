"""Computes the rows of one method: one after each turn, and one for its pick, all over the same problems."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from redraft.flows.evaluation.history import Cost, Draft, Drafts, History
from redraft.flows.evaluation.result import Moves, Row
from redraft.graders.statistics import mean_interval, paired_bootstrap


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """A row, and its accuracy on each problem in order, which paired tests need."""

    row: Row
    shares: tuple[float, ...]


def turns(found: History, problems: Sequence[str]) -> list[MeasuredRow]:
    """Returns a row for each turn, up to the last turn of the longest trajectory. A trajectory that ended earlier keeps
    its last answer in later rows. Every problem must have a trajectory that the oracle could judge."""
    most = max((len(path) for problem in problems for path in found.paths[problem]), default=0)
    shares = [_by_problem(found, problems, lambda path, t=t: float(_at(path, t).correct)) for t in range(1, most + 1)]
    made = []
    for turn in range(1, most + 1):
        now = shares[turn - 1]
        row = Row(
            turn=turn,
            accuracy=mean_interval(now),
            cost=cost_of(found, problems, None if turn == most else turn),
            oracle_used=found.oracle_used,
            change=paired_bootstrap(now, shares[turn - 2]) if turn > 1 else None,
            change_from_first=paired_bootstrap(now, shares[0]) if turn > 1 else None,
            moves=moves([path for problem in problems for path in found.paths[problem]], turn),
            majority=mean_interval(_by_problem(found, problems, lambda path, t=turn: vote(path[:t]))),
            any_turn=mean_interval(_by_problem(found, problems, lambda path, t=turn: float(_any(path[:t])))),
        )
        made.append(MeasuredRow(row, now))
    return made


def pick(found: History, problems: Sequence[str]) -> MeasuredRow:
    """Returns the row of the agent's own pick. Its cost includes all calls for the problem."""
    shares = tuple(float(found.picks.get(problem, False)) for problem in problems)
    return MeasuredRow(Row(None, mean_interval(shares), cost_of_all(found, problems), found.oracle_used), shares)


def picked(found: History, problems: Sequence[str], by: str) -> MeasuredRow:
    """Returns the row of the draft that each trajectory picks among its own drafts: the draft with the best grade
    ("best"), or a draft with the most frequent answer ("majority"). If drafts are equal, the earliest is picked, as the
    agent does."""
    choose = PICKS[by]
    shares = _by_problem(found, problems, lambda path: float(choose(path)))
    return MeasuredRow(Row(None, mean_interval(shares), cost_of(found, problems), found.oracle_used), shares)


def cost_of(found: History, problems: Sequence[str], turn: int | None = None) -> Cost:
    """Returns the cost of one trajectory up to a turn, as the mean over the problems. If `turn` is None, the cost
    includes all calls after the last draft too."""
    total = Cost()
    for problem in problems:
        for when, cost in found.costs.get(problem, {}).items():
            if turn is None or when <= turn:
                total += cost
    return total.times(1 / len(problems))


def cost_of_all(found: History, problems: Sequence[str]) -> Cost:
    """Returns the total cost of all trajectories of a problem, as the mean over the problems."""
    total = Cost()
    for problem in problems:
        for cost in found.costs.get(problem, {}).values():
            total += cost.times(max(1, found.samples.get(problem, 0)))
    return total.times(1 / len(problems))


def moves(paths: Sequence[Drafts], turn: int) -> Moves:
    """Returns the changes made by one turn, counted in trajectories."""
    after = [_at(path, turn) for path in paths]
    correct, no_answer = sum(draft.correct for draft in after), sum(draft.vote is None for draft in after)
    if turn == 1:
        return Moves(len(paths), correct, no_answer=no_answer)
    pairs = [(_at(path, turn - 1), draft) for path, draft in zip(paths, after, strict=True)]
    kinds = Counter(_kind(old, new) for old, new in pairs)
    revised = Counter(path[turn - 2].correct for path in paths if len(path) >= turn)
    redrafts = [path[turn - 1] for path in paths if len(path) >= turn]
    return Moves(
        trajectories=len(paths),
        correct=correct,
        wrong_to_right=kinds["wrong to right"],
        right_to_wrong=kinds["right to wrong"],
        wrong_to_other_wrong=kinds["wrong to other wrong"],
        unchanged=kinds["unchanged"],
        no_answer=no_answer,
        revised_right=revised[True],
        revised_wrong=revised[False],
        same_text=_mean([float(d.same_text) for d in redrafts if d.same_text is not None]),
        text_change=_mean([d.text_change for d in redrafts if d.text_change is not None]),
    )


def vote(drafts: Sequence[Draft]) -> float:
    """Returns the probability that the most frequent answer of these drafts is right. If several answers are equally
    frequent, each wins with equal probability. Returns 0 if no draft has an answer."""
    counts = Counter(draft.vote for draft in drafts if draft.vote is not None)
    right = {draft.vote: draft.correct for draft in drafts}
    leading = [answer for answer, count in counts.items() if count == max(counts.values())]
    return sum(right[answer] for answer in leading) / len(leading) if leading else 0.0


def most(path: Drafts) -> bool:
    """Returns True if the most frequent answer is right. If several answers are equally frequent, the earliest one is
    used."""
    counts = Counter(draft.vote for draft in path if draft.vote is not None)
    right = {draft.vote: draft.correct for draft in path}
    return bool(counts) and right[counts.most_common(1)[0][0]]


def best(path: Drafts) -> bool:
    """Returns True if the draft with the best grade, among those with an answer, is right. If several grades are equal,
    the earliest draft is used."""
    graded = [(draft.score, draft.correct) for draft in path if draft.vote is not None and draft.score is not None]
    return max(graded, key=itemgetter(0))[1] if graded else False


PICKS: Mapping[str, Callable[[Drafts], bool]] = {"best": best, "majority": most}
"""How a trajectory picks among its drafts, by the values of the argument `pick` of `correct`."""


def _at(path: Drafts, turn: int) -> Draft:
    return path[min(turn, len(path)) - 1]


def _any(drafts: Sequence[Draft]) -> bool:
    return any(draft.correct for draft in drafts)


def _kind(old: Draft, new: Draft) -> str:
    if old.correct != new.correct:
        return "wrong to right" if new.correct else "right to wrong"
    return "unchanged" if old.vote == new.vote else "wrong to other wrong"


def _by_problem(found: History, problems: Sequence[str], value: Callable[[Drafts], float]) -> tuple[float, ...]:
    return tuple(sum(map(value, found.paths[p])) / len(found.paths[p]) for p in problems)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
