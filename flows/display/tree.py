"""A stored tree, read back whole: as lines of text, as Graphviz's dot, and as JSON.

A search is shown step by step. A correction is shown turn by turn: the steps of a draft stand flat below each other,
then the feedback on it, then the next draft.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


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
class Draft:
    """One turn of a correction: the feedback on the draft before, and the draft that came of it. Trajectories that part
    later share it."""

    turn: int
    leaf_step_id: str
    follows: str | None  # the leaf step of the draft before; None for a first draft
    feedback: str | None
    text: str
    answer: str | None
    correct: bool | None
    trajectories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A step with those that follow it. `rollout`: only rollouts went through it."""

    step_id: str
    turn: int
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
    """Everything that one unit of work explored of its question. `ends` are trajectories without a step; `drafts` are
    all drafts, turn by turn, if any was written anew."""

    unit: str
    problem_id: str
    question: str
    strategy: str
    branches: tuple[Branch, ...]
    ends: tuple[End, ...]
    drafts: tuple[Draft, ...] = ()


def read_tree(store: Store, name: str | None = None) -> StoredTree:
    """The tree of a unit, of the trajectory or the problem of this name, or the newest one. Of a problem it is that of
    the newest run. Raises StoreError where there is none."""
    named = "true" if name is None else f"{literal(name)} IN (t.unit_id, t.trajectory_id, t.problem_id)"
    found = store.query(UNIT.format(named=named)).rows
    if not found:
        told = "it holds no trajectories" if name is None else f"no unit, trajectory or problem {name!r}"
        raise StoreError(f'{told} in {store.path}: see those there are with `redraft query "FROM trajectories"`')
    [(unit, problem_id, question, strategy)] = found
    steps, ends, turns = store.queries(*(sql.format(unit=literal(unit)) for sql in (STEPS, ENDS, DRAFTS)))
    leaves: dict[str | None, list[End]] = defaultdict(list)
    for leaf, *facts in ends.rows:
        leaves[leaf].append(End(*facts))
    drafts = [Draft(*facts, trajectories=tuple(names)) for *facts, names in turns.rows]
    if all(draft.turn == 1 for draft in drafts):
        drafts = []
    branches = _branches(steps.rows, leaves)
    return StoredTree(unit, problem_id, question, strategy or "", branches, tuple(leaves[None]), tuple(drafts))


def _branches(rows: Sequence[Sequence[Any]], leaves: Mapping[str | None, list[End]]) -> tuple[Branch, ...]:
    """The steps that follow none, each with those below it; a step's parent has a lesser depth."""
    children: dict[str | None, list[Branch]] = defaultdict(list)
    kept: set[str] = set()
    upwards = sorted(rows, key=lambda row: (-row[-1], _order(row[0])))
    for step_id, parent, turn, by, text, tokens, logprob, value, visits, _ in upwards:
        ends = tuple(leaves.get(step_id, ()))
        below = tuple(children.pop(step_id, ()))
        rollout = step_id not in kept and all(end.role == "rollout" for end in ends)
        if not rollout and parent:
            kept.add(parent)
        branch = Branch(step_id, turn, by, text, tokens, logprob, value, visits, rollout, ends, below)
        children[parent].append(branch)
    return tuple(children[None])


@dataclass(frozen=True, slots=True)
class Part:
    """Steps of one draft, or of one remark on it, that follow each other with nothing beside them."""

    steps: tuple[Branch, ...]

    @property
    def first(self) -> Branch:
        return self.steps[0]

    @property
    def last(self) -> Branch:
        return self.steps[-1]


class Folded:
    """A tree as it is shown: `line` gives the parts that follow each other from a step on; those that the last of them
    branches into are its `children`. A search's steps, which have values or visits, stay parts of their own."""

    def __init__(self, tree: StoredTree) -> None:
        self.tree = tree
        self._drafts = {draft.leaf_step_id: draft for draft in tree.drafts}

    def line(self, branch: Branch) -> list[Part]:
        parts = [Part((branch,))]
        while len(parts[-1].last.children) == 1:
            step, [following] = parts[-1].last, parts[-1].last.children
            if (step.turn, step.by) != (following.turn, following.by):
                parts.append(Part((following,)))
            elif not step.ends and step.rollout == following.rollout and not (_valued(step) or _valued(following)):
                parts[-1] = Part((*parts[-1].steps, following))
            else:
                break
        return parts

    def heading(self, part: Part, place: str = "") -> str:
        """What stands beside a part: its place, its turn, its value, and what came of it."""
        turn = f"turn {part.first.turn}" if self.tree.drafts and part.first.by == "model" else ""
        return "  ".join(filter(None, (place, turn, _facts(part.first), *self.ends(part))))

    def ends(self, part: Part) -> list[str]:
        """The answer of each trajectory that ends with a part; of a draft that was written anew its own answer."""
        if part.last.ends:
            return [_end(end) for end in part.last.ends]
        draft = self._drafts.get(part.last.step_id)
        return [_answer(draft.answer, draft.correct)] if draft and draft.answer is not None else []

    def verdict(self, part: Part) -> tuple[bool, bool | None]:
        """Whether a part ends with an answer, and whether that is right, if anybody knows."""
        found = next((end for end in part.last.ends if end.answer is not None), self._drafts.get(part.last.step_id))
        return found is not None and found.answer is not None, found.correct if found else None

    def block(self, part: Part) -> bool:
        """Whether the steps of a part stand below its heading, rather than in it."""
        return len(part.steps) > 1 or (bool(self.tree.drafts) and part.first.by == "model" and not _valued(part.first))


def as_text(tree: StoredTree) -> Iterator[str]:
    """The question, and below it what follows. Of a search a line for each step: its place, value and visits, what it
    says, and what ends there. Of a correction each turn with its steps and its answer, then what was said of it."""
    yield _words(tree.question)
    for end in tree.ends:
        yield f"  {_end(end)}"
    yield from _branched(Folded(tree), tree.branches, "")


def _branched(shown: Folded, branches: Sequence[Branch], before: str) -> Iterator[str]:
    for index, branch in enumerate(branches):
        mark, beneath = _rails(before, index == len(branches) - 1)
        parts, place = shown.line(branch), branch.step_id.removeprefix(f"{shown.tree.unit}/")
        if len(parts) == 1:
            yield from _part(shown, parts[0], mark, beneath, place)
            continue
        yield f"{mark} {place}"
        for number, part in enumerate(parts):
            yield from _part(shown, part, *_rails(beneath, number == len(parts) - 1))


def _part(shown: Folded, part: Part, mark: str, beneath: str, place: str = "") -> Iterator[str]:
    """A part, and what it branches into if it is the last of its line."""
    if shown.block(part):
        yield f"{mark} {shown.heading(part, place)}".rstrip()
        rail = beneath + ("│  " if len(part.last.children) > 1 else "   ")
        yield from (f"{rail}{_words(step.text)}" for step in part.steps)
    else:
        facts = filter(None, (place, _facts(part.first), _words(part.first.text)))
        yield f"{mark} {'  '.join([*facts, *shown.ends(part)])}"
    if _forks(part):
        yield from _branched(shown, part.last.children, beneath)


def _rails(before: str, last: bool) -> tuple[str, str]:
    """What stands before a branch, and before all that is below it."""
    return (f"{before}└─", f"{before}   ") if last else (f"{before}├─", f"{before}│  ")


def _forks(part: Part) -> bool:
    """Whether what follows a part branches off it, instead of standing below it in the same line."""
    following = part.last.children
    if len(following) != 1:
        return bool(following)
    return (following[0].turn, following[0].by) == (part.last.turn, part.last.by)


def _valued(step: Branch) -> bool:
    return step.value is not None or step.visits is not None


def _words(text: str) -> str:
    return " ".join(text.split())


def _facts(branch: Branch) -> str:
    facts = ["rollout" if branch.rollout else "", "" if branch.by == "model" else branch.by]
    facts += ["" if branch.value is None else f"value {branch.value:.3f}"]
    facts += ["" if branch.visits is None else f"visits {branch.visits}"]
    return ", ".join(filter(None, facts))


def _end(end: End) -> str:
    open_ = f"[{(end.stop or 'open').replace('_', ' ')}]"
    answer = _answer(end.answer, end.correct) if end.answer is not None else open_
    return f"{answer}{' ★ chosen' if end.chosen else ''}"


def _answer(answer: str | None, correct: bool | None) -> str:
    return f"→ {answer}{ {True: ' ✓', False: ' ✗', None: ''}[correct] }"


def as_dot(tree: StoredTree) -> Iterator[str]:
    """A directed graph for Graphviz. A node is a step of a search, or a draft of a correction with all its steps, or
    what was said of one (a note); drafts are boxes with their answer, green or red if they were judged, the chosen one
    bold; rollouts are dashed."""
    yield "digraph tree {"
    yield "  rankdir=LR; node [shape=ellipse, fontname=Helvetica];"
    yield f"  {_quoted('question')} [shape=note, label={_quoted(tree.question)}];"
    yield from _edges(Folded(tree), tree.branches, "question")
    yield "}"


def _edges(shown: Folded, branches: Sequence[Branch], parent: str) -> Iterator[str]:
    for branch in branches:
        before = parent
        parts = shown.line(branch)
        for part in parts:
            name = part.last.step_id
            texts = [_words(step.text) for step in part.steps]
            label = (
                [shown.heading(part), *texts] if shown.block(part) else [*texts, _facts(part.first), *shown.ends(part)]
            )
            facts = {"label": _quoted("\n".join(filter(None, label))), **dict(_style(shown, part))}
            yield f"  {_quoted(name)} [{', '.join(f'{key}={value}' for key, value in facts.items())}];"
            yield f"  {_quoted(before)} -> {_quoted(name)}{' [style=dashed]' if part.first.rollout else ''};"
            before = name
        yield from _edges(shown, parts[-1].last.children, before)


def _style(shown: Folded, part: Part) -> Iterator[tuple[str, str]]:
    answered, correct = shown.verdict(part)
    if answered:
        yield "shape", "box"
        yield "color", {True: "darkgreen", False: "red", None: "black"}[correct]
    elif part.first.by != "model":
        yield "shape", "note"
    elif shown.block(part):
        yield "shape", "box"
    if any(end.chosen for end in part.last.ends):
        yield "penwidth", "3"
    if part.first.rollout:
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
SELECT step_id, parent_id, turn, "by", text, tokens, logprob, value, visits, depth FROM steps WHERE unit_id = {unit}"""
ENDS = """
SELECT leaf_step_id, trajectory_id, role, stop, answer, correct, chosen, score, reason FROM trajectories
WHERE unit_id = {unit} ORDER BY chosen DESC, trajectory_id"""
DRAFTS = """
WITH turned AS (
    SELECT *, lag(leaf_step_id) OVER (PARTITION BY trajectory_id ORDER BY turn) AS follows
    FROM turns WHERE unit_id = {unit}
)
SELECT turn, leaf_step_id, any_value(follows), any_value(feedback), any_value(text), any_value(answer),
       any_value(correct), list(trajectory_id ORDER BY trajectory_id)
FROM turned WHERE leaf_step_id IS NOT NULL GROUP BY turn, leaf_step_id ORDER BY min(trajectory_id), turn"""
