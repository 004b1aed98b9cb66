"""An evaluation as people read it: what each turn changed, what it cost, and what it is held against."""

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.flows.display.numbers import counted, percent, points
from redraft.flows.evaluation.footnotes import labelled, notes
from redraft.flows.evaluation.result import Evaluation, Row
from redraft.store.html import GREY, table
from redraft.store.html import notes as edged
from redraft.store.html import title as titled

Line = tuple[str, ...]


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the comparison in as many columns as the console has."""
    console.print(render(evaluation, console.width))


def render(evaluation: Evaluation, width: int = 100) -> RenderableType:
    """The tables in so many columns, with what a reader has to know about them below."""
    title = Text.assemble((heading(evaluation), "bold"), (f"  {evaluation.db}", "dim"))
    parts: list[RenderableType] = [title, Text("")]
    for title, head, rows in tables(evaluation):
        parts += [Text(title, style="bold"), _table(head, _beside(head, rows, width)), Text("")]
    parts += [Text(note) for note in notes(evaluation)]
    return Group(*parts, *(Text(remark, style="yellow") for remark in remarks(evaluation)))


def markdown(evaluation: Evaluation) -> str:
    """The same as Markdown tables."""
    parts = [heading(evaluation), ""]
    for title, head, rows in tables(evaluation):
        lines = [head, ("---",) * len(head), *rows]
        parts += [f"{title}:", "", *("| " + " | ".join(line) + " |" for line in lines), ""]
    return "\n".join([*parts, *(f"- {line}" for line in (*notes(evaluation), *remarks(evaluation)))])


def html(evaluation: Evaluation) -> str:
    """The same as HTML tables."""
    grids = [table(rows, head, name) for name, head, rows in tables(evaluation)]
    return "".join([titled(heading(evaluation)), *grids, edged(notes(evaluation), GREY), edged(remarks(evaluation))])


def heading(evaluation: Evaluation) -> str:
    """How many problems, and of what."""
    tasks = ", ".join(task or "unnamed" for task in evaluation.tasks)
    return f"{counted(evaluation.problems, 'problem')} ({tasks}), shares with 95% intervals"


def tables(evaluation: Evaluation) -> list[tuple[str, Line, list[Line]]]:
    """Each table's title, head and rows; only those that have rows. A method's name stands in the first of its rows."""
    made: list[tuple[str, Line, list[Line]]] = [(CHANGED, CHANGES, []), (SPENT, COSTS, []), (HELD, EQUAL, [])]
    for method in evaluation.methods:
        called, turns = labelled(method, evaluation), [row for row in method.rows if row.moves]
        made[0][2].extend(_marked(called, [_change(row) for row in turns]))
        made[1][2].extend(_marked(called, [_cost(row) for row in method.rows]))
        if evaluation.baselines:
            made[2][2].extend(_marked(called, [_equal(row) for row in method.rows]))
    return [table for table in made if table[2]]


def remarks(evaluation: Evaluation) -> list[str]:
    """What qualifies the numbers: budgets, failures, and the checklist."""
    found = [
        f"{method.label}: {count:,} failed: {reason}"
        for method in evaluation.methods
        for reason, count in method.failures.items()
    ]
    if found:
        found.append("What failed is in no number above. The same command tries it again.")
    if evaluation.spent:
        left = ", ".join(evaluation.not_reached)
        found.append(f"{evaluation.spent} The same command goes on from here{f'; not begun: {left}' if left else ''}.")
    return [*found, *evaluation.remarks]


def _table(head: Line, rows: list[Line]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(head[0], no_wrap=True, overflow="fold")
    for name in head[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _beside(head: Line, rows: Sequence[Line], width: int) -> list[Line]:
    """The rows with the names of their methods in the room that the other columns leave, on lines of their own where
    they need more than their methods have rows. Only a word that is longer than the room is broken."""
    columns = list(zip(head, *rows, strict=True))[1:]
    room = max(NAME, width - sum(max(map(cell_len, column)) + 1 for column in columns) - 1)
    made: list[Line] = []
    left: list[str] = []
    for name, *row in [*rows, ("end",)]:
        if name:
            made += [(text, *[""] * len(columns)) for text in left]
            left = [piece for line in _words(name, room) for piece in wrap(line, room)]
        if row:
            made.append((left.pop(0) if left else "", *row))
    return made


def _words(name: str, room: int) -> list[str]:
    return wrap(name, room, break_long_words=False, break_on_hyphens=False)


def _marked(name: str, rows: Sequence[Line]) -> list[Line]:
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


NAME = 20  # columns of a method's name, at least
CHANGED = "What each turn changed, in trajectories (text: mean edit distance)"
CHANGES = ("method", "turn", "right", "change", "w→r", "r→w", "w→w'", "same", "none", "text", "oracle")
SPENT = "What it cost, a problem (vote: of the drafts so far; any*: which only an oracle could choose)"
COSTS = ("method", "turn", "right", "vote", "any*", "tokens", "read", "calls", "s", "oracle")
HELD = "Against a vote of k drafts of as many tokens (p after Holm), and against any right of so many guesses"
EQUAL = ("method", "turn", "k", "vote", "difference", "p", "guesses", "difference", "oracle")
