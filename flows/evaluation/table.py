"""Formats the tables of an evaluation as rows of text: the changes by each turn, its cost, and its baseline and
control. Also formats their footnotes."""

from collections.abc import Iterator, Sequence

from redraft.flows.display.numbers import percent, points
from redraft.flows.evaluation.result import Baseline, MethodResult, Row, Task
from redraft.store.errors import plural

Line = tuple[str, ...]


def tables(methods: Sequence[MethodResult], baseline: bool) -> list[tuple[str, Line, list[Line]]]:
    """Returns a triple for each table that has rows: the title, the head and the rows. The last table needs a
    `baseline`. The first row of a method has the method's name."""
    changes: list[Line] = []
    costs: list[Line] = []
    equal: list[Line] = []
    for method in methods:
        name = full_label(method, methods)
        changes += _named(name, [_change(row) for row in method.rows if row.moves])
        costs += _named(name, [_cost(row) for row in method.rows])
        if baseline:
            equal += _named(name, [_equal(row) for row in method.rows])
    made = ((CHANGED, CHANGES, changes), (SPENT, COSTS, costs), (HELD, EQUAL, equal))
    return [table for table in made if table[2]]


def _named(name: str, rows: Sequence[Line]) -> list[Line]:
    return [(name if place == 0 else "", *row) for place, row in enumerate(rows)]


def _change(row: Row) -> Line:
    moves = row.moves
    assert moves is not None
    if row.turn == 1:
        return (_turn(row), percent(row.accuracy), "", "", "", "", "", f"{moves.no_answer:,}", "", _oracle(row))
    counts = (moves.wrong_to_right, moves.right_to_wrong, moves.wrong_to_other_wrong, moves.unchanged, moves.no_answer)
    change = "" if moves.text_change is None else f"{moves.text_change:.0%}"
    counted = (f"{count:,}" for count in counts)
    return (_turn(row), percent(row.accuracy), points(row.change), *counted, change, _oracle(row))


def _cost(row: Row) -> Line:
    cost, majority, any_turn = row.cost, row.majority, row.any_turn
    return (
        _turn(row),
        percent(row.accuracy),
        f"{majority.estimate:.1%}" if majority else "",
        f"{any_turn.estimate:.1%}" if any_turn else "",
        f"{cost.tokens:,.0f}",
        f"{cost.prompt_tokens:,.0f}",
        f"{cost.calls:,.1f}",
        f"{cost.seconds:,.2f}",
        _oracle(row),
    )


def _equal(row: Row) -> Line:
    equal, control = row.equal_cost, row.control
    held = (f"{equal.k:.1f}", f"{equal.accuracy.estimate:.1%}", points(equal.difference)) if equal else ("", "", "")
    p = f"{equal.p_holm:.3f}" if equal and equal.p_holm is not None else ""
    chance = f"{control.guesses}: {control.accuracy.estimate:.1%}" if control else ""
    guessed = (chance, points(control.difference)) if control else ("", "")
    return (_turn(row), *held, p, *guessed, _oracle(row))


def _turn(row: Row) -> str:
    return "pick" if row.turn is None else str(row.turn)


def _oracle(row: Row) -> str:
    return "yes" if row.oracle_used else "no"


CHANGED = "Changes by turn, in trajectories (w wrong, r right, none: no answer, text: mean edit distance)"
CHANGES = ("method", "turn", "right", "change", "w→r", "r→w", "w→w'", "same", "none", "text", "oracle")
SPENT = "Cost per problem (vote: of the drafts so far; any*: if an oracle chose among them; read: prompt tokens)"
COSTS = ("method", "turn", "right", "vote", "any*", "tokens", "read", "calls", "s", "oracle")
HELD = "Against a vote of k drafts with as many tokens (p: Holm-corrected), and against any right of so many guesses"
EQUAL = ("method", "turn", "k", "vote", "difference", "p", "guesses", "difference", "oracle")


def footnotes(
    methods: Sequence[MethodResult], baselines: Sequence[Baseline], problems: int, concurrency: int
) -> list[str]:
    """Returns the footnotes, one sentence each."""
    return [
        *_trajectories(methods, problems),
        *_samples(baselines),
        *_seconds(concurrency),
        *_luck(methods),
        *_tasks(methods),
    ]


def full_label(method: MethodResult, methods: Sequence[MethodResult]) -> str:
    """Returns a method's label. It includes the model if the methods have several models."""
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
    """Returns the accuracies of the first and the last row as text, or a single accuracy if there is only one row."""
    last = f"{task.last.estimate:.1%}"
    return f"{task.first.estimate:.1%} → {last}" if len(method.rows) > 1 else last
