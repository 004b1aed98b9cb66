"""What a reader of a comparison's tables has to know of every method: how many trajectories they are of, what seconds
are, what the luck of first drafts explains, and what each task says."""

from collections.abc import Iterator

from redraft.flows.display.numbers import counted, points
from redraft.flows.evaluation.result import Compared, Evaluation, Task


def notes(evaluation: Evaluation) -> list[str]:
    """Each in one line; none where nothing is compared."""
    return [*_counts(evaluation), *_luck(evaluation), *_by_task(evaluation)] if evaluation.problems else []


def labelled(method: Compared, evaluation: Evaluation) -> str:
    """A method as a reader knows it: with its model, where there are several."""
    several = len({one.model for one in evaluation.methods}) > 1
    return f"{method.label} ({method.model})" if several else method.label


def _counts(evaluation: Evaluation) -> Iterator[str]:
    means = {
        labelled(one, evaluation): f"{one.trajectories / evaluation.problems:.4g}"
        for one in evaluation.methods
        if one.in_turns
    }
    if len(set(means.values())) == 1:
        yield f"Trajectories a problem: {min(means.values())}."
    elif means:
        yield f"Trajectories a problem: {'; '.join(f'{called} {mean}' for called, mean in means.items())}."
    for drawn in evaluation.baselines:
        of = f" of {drawn.model}" if len(evaluation.baselines) > 1 else ""
        yield f"Sampled drafts{of} a problem, for votes and guesses: {drawn.samples}."
    if evaluation.concurrency > 1:
        yield (
            f"The column s sums calls of which up to {evaluation.concurrency} ran at once, with their waiting: it tells"
            " how busy the model was too, and compares no methods."
        )


def _luck(evaluation: Evaluation) -> Iterator[str]:
    for method in evaluation.methods:
        if method.last and method.last.equal_cost and method.last.equal_cost.beyond_first:
            beyond = points(method.last.equal_cost.beyond_first)
            yield f"{labelled(method, evaluation)}: difference from the vote, less that of turn 1: {beyond}."


def _by_task(evaluation: Evaluation) -> Iterator[str]:
    for method in evaluation.methods:
        if method.tasks:
            each = (f"{one.name} {_moved(method, one)} ({counted(one.problems, 'problem')})" for one in method.tasks)
            yield f"{labelled(method, evaluation)}, right by task: {', '.join(each)}."


def _moved(method: Compared, task: Task) -> str:
    """From the first to the last row, where there are two."""
    last = f"{task.last.estimate:.1%}"
    return f"{task.first.estimate:.1%} → {last}" if len(method.rows) > 1 else last
