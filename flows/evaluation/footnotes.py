"""The footnotes of an evaluation's tables: how many trajectories there are, what the seconds mean, how much of a
difference comes from lucky first drafts, and the accuracy on each task."""

from collections.abc import Iterator, Sequence

from redraft.flows.display.numbers import points
from redraft.flows.evaluation.result import Baseline, MethodResult, Task
from redraft.store.errors import plural


def footnotes(
    methods: Sequence[MethodResult], baselines: Sequence[Baseline], problems: int, concurrency: int
) -> list[str]:
    """Returns the footnotes, a sentence each."""
    return [
        *_trajectories(methods, problems),
        *_samples(baselines),
        *_seconds(concurrency),
        *_luck(methods),
        *_tasks(methods),
    ]


def full_label(method: MethodResult, methods: Sequence[MethodResult]) -> str:
    """Returns a method's label, with its model if the methods have several models."""
    several = len({each.model for each in methods}) > 1
    return f"{method.label} ({method.model})" if several else method.label


def _trajectories(methods: Sequence[MethodResult], problems: int) -> Iterator[str]:
    means = {full_label(one, methods): f"{one.trajectories / problems:.4g}" for one in methods if one.in_turns}
    if len(set(means.values())) == 1:
        yield f"Trajectories per problem: {min(means.values())}."
    elif means:
        yield f"Trajectories per problem: {'; '.join(f'{name} {mean}' for name, mean in means.items())}."


def _samples(baselines: Sequence[Baseline]) -> Iterator[str]:
    for drawn in baselines:
        model = f" of {drawn.model}" if len(baselines) > 1 else ""
        yield f"Independent drafts{model} per problem, for votes and guesses: {drawn.samples}."


def _seconds(concurrency: int) -> Iterator[str]:
    if concurrency > 1:
        yield (
            f"Column s adds up the seconds of calls, of which up to {concurrency} ran at once, with their waiting time:"
            " it depends on how busy the model was, so do not compare methods by it."
        )


def _luck(methods: Sequence[MethodResult]) -> Iterator[str]:
    for method in methods:
        if method.last and method.last.equal_cost and method.last.equal_cost.beyond_first:
            beyond = points(method.last.equal_cost.beyond_first)
            yield f"{full_label(method, methods)}: difference from the vote minus that difference at turn 1: {beyond}."


def _tasks(methods: Sequence[MethodResult]) -> Iterator[str]:
    for method in methods:
        if method.tasks:
            each = (f"{one.name} {_accuracy(method, one)} ({plural(one.problems, 'problem')})" for one in method.tasks)
            yield f"{full_label(method, methods)}, right by task: {', '.join(each)}."


def _accuracy(method: MethodResult, task: Task) -> str:
    """Returns the accuracy of the first and of the last row; a single accuracy if there is one row."""
    last = f"{task.last.estimate:.1%}"
    return f"{task.first.estimate:.1%} → {last}" if len(method.rows) > 1 else last
