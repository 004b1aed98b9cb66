"""A stored tree, read back whole: as lines of text, as Graphviz's dot, and as JSON."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.store.errors import StoreError
from redraft.store.sql import literal
from redraft.store.store import Store


@dataclass(frozen=True, slots=True)
class End:
    """A trajectory that ends at a step."""

    trajectory_id: str
    role: str
    stop: str | None
    answer: str | None
    correct: bool | None
    chosen: bool
    score: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """A step with those that follow it. `rollout`: only rollouts went through it."""

    step_id: str
    by: str
    text: str
    tokens: int
    logprob: float | None
    value: float | None
    visits: int | None
    rollout: bool
    ends: tuple[End, ...]
    children: tuple["Branch", ...]


@dataclass(frozen=True, slots=True)
class StoredTree:
    """Everything that one unit of work explored of its question. `ends` are trajectories without a step."""

    unit: str
    problem_id: str
    question: str
    strategy: str
    branches: tuple[Branch, ...]
    ends: tuple[End, ...]


def read_tree(store: Store, name: str | None = None) -> StoredTree:
    """The tree of a unit, of the trajectory or the problem of this name, or the newest one. Of a problem it is that of
    the newest run. Raises StoreError where there is none."""
    named = "true" if name is None else f"{literal(name)} IN (t.unit_id, t.trajectory_id, t.problem_id)"
    found = store.query(UNIT.format(named=named)).rows
    if not found:
        told = "it holds no trajectories" if name is None else f"no unit, trajectory or problem {name!r}"
        raise StoreError(f'{told} in {store.path}: see those there are with `redraft query "FROM trajectories"`')
    [(unit, problem_id, question, strategy)] = found
    steps, ends = store.queries(STEPS.format(unit=literal(unit)), ENDS.format(unit=literal(unit)))
    leaves: dict[str | None, list[End]] = defaultdict(list)
    for leaf, *facts in ends.rows:
        leaves[leaf].append(End(*facts))
    return StoredTree(unit, problem_id, question, strategy or "", _branches(steps.rows, leaves), tuple(leaves[None]))


def _branches(rows: Sequence[Sequence[Any]], leaves: Mapping[str | None, list[End]]) -> tuple[Branch, ...]:
    """The steps that follow none, each with those below it; a step's parent has a lesser depth."""
    children: dict[str | None, list[Branch]] = defaultdict(list)
    kept: set[str] = set()
    upwards = sorted(rows, key=lambda row: (-row[-1], _order(row[0])))
    for step_id, parent, by, text, tokens, logprob, value, visits, _ in upwards:
        ends = tuple(leaves.get(step_id, ()))
        below = tuple(children.pop(step_id, ()))
        rollout = step_id not in kept and all(end.role == "rollout" for end in ends)
        if not rollout and parent:
            kept.add(parent)
        branch = Branch(step_id, by, text, tokens, logprob, value, visits, rollout, ends, below)
        children[parent].append(branch)
    return tuple(children[None])


def as_text(tree: StoredTree) -> Iterator[str]:
    """The question, and a line for each step: its place, value and visits, what it says, and what ends there."""
    yield " ".join(tree.question.split())
    for end in tree.ends:
        yield f"  {_end(end)}"
    yield from _lines(tree.branches, "", tree.unit)


def _lines(branches: Sequence[Branch], before: str, unit: str) -> Iterator[str]:
    for index, branch in enumerate(branches):
        last = index == len(branches) - 1
        facts = filter(None, (branch.step_id.removeprefix(f"{unit}/"), _facts(branch), " ".join(branch.text.split())))
        said = "  ".join([*facts, *(_end(end) for end in branch.ends)])
        yield f"{before}{'└─' if last else '├─'} {said}"
        yield from _lines(branch.children, f"{before}{'   ' if last else '│  '}", unit)


def _facts(branch: Branch) -> str:
    told = ["rollout" if branch.rollout else "", "" if branch.by == "model" else branch.by]
    told += ["" if branch.value is None else f"value {branch.value:.3f}"]
    told += ["" if branch.visits is None else f"visits {branch.visits}"]
    return ", ".join(filter(None, told))


def _end(end: End) -> str:
    verdict = {True: " ✓", False: " ✗", None: ""}[end.correct]
    told = f"→ {end.answer}{verdict}" if end.answer is not None else f"[{(end.stop or 'open').replace('_', ' ')}]"
    return f"{told}{' ★ chosen' if end.chosen else ''}"


def as_dot(tree: StoredTree) -> Iterator[str]:
    """A directed graph for Graphviz: solutions are boxes with their answer, green or red where they were judged, the
    chosen one bold; rollouts are dashed."""
    yield "digraph tree {"
    yield "  rankdir=LR; node [shape=ellipse, fontname=Helvetica];"
    yield f"  {_quoted('question')} [shape=note, label={_quoted(tree.question)}];"
    yield from _edges(tree.branches, "question")
    yield "}"


def _edges(branches: Sequence[Branch], parent: str) -> Iterator[str]:
    for branch in branches:
        said = [" ".join(branch.text.split()), _facts(branch), *(_end(end) for end in branch.ends)]
        told = {"label": _quoted("\n".join(filter(None, said))), **dict(_style(branch))}
        yield f"  {_quoted(branch.step_id)} [{', '.join(f'{name}={value}' for name, value in told.items())}];"
        yield f"  {_quoted(parent)} -> {_quoted(branch.step_id)}{' [style=dashed]' if branch.rollout else ''};"
        yield from _edges(branch.children, branch.step_id)


def _style(branch: Branch) -> Iterator[tuple[str, str]]:
    ends = [end for end in branch.ends if end.answer is not None]
    if ends:
        yield "shape", "box"
        yield "color", {True: "darkgreen", False: "red", None: "black"}[ends[0].correct]
    if any(end.chosen for end in branch.ends):
        yield "penwidth", "3"
    if branch.rollout:
        yield "style", "dashed"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
    return f'"{escaped}"'


def _order(step_id: str) -> list[tuple[int, str]]:
    """Places in the order of their numbers: 10 after 9."""
    tail = step_id.rpartition("/")[2].split(".")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in tail]


UNIT = """
SELECT t.unit_id, t.problem_id, p.question, r.strategy
FROM trajectories t JOIN problems p USING (problem_id) JOIN runs r USING (run_id)
WHERE {named} ORDER BY r.started_at DESC, t.unit_id LIMIT 1"""
STEPS = """
SELECT step_id, parent_id, "by", text, tokens, logprob, value, visits, depth FROM steps WHERE unit_id = {unit}"""
ENDS = """
SELECT leaf_step_id, trajectory_id, role, stop, answer, correct, chosen, score, reason FROM trajectories
WHERE unit_id = {unit} ORDER BY chosen DESC, trajectory_id"""
