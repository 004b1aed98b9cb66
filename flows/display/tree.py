"""Renders a stored tree as lines of text, and as a graph in Graphviz's dot language.

A search is shown step by step. A correction is shown turn by turn: the steps of a draft are at the same indentation,
followed by the feedback on the draft and the next draft.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redraft.flows.display.tree_reader import Branch, End, StoredTree


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive steps of one draft, or of the feedback on it, that have no siblings. A part is drawn as one unit."""

    steps: tuple[Branch, ...]

    @property
    def first(self) -> Branch:
        return self.steps[0]

    @property
    def last(self) -> Branch:
        return self.steps[-1]


class Folded:
    """A tree divided into parts for drawing. Each step of a search, which has a value or visits, is its own part."""

    def __init__(self, tree: StoredTree) -> None:
        self.tree = tree
        self._drafts = {draft.leaf_step_id: draft for draft in tree.drafts}

    def line(self, branch: Branch) -> list[Part]:
        """Returns the parts that follow each other, beginning with a step. The last part ends a trajectory, or its last
        step has several `children`."""
        parts = [Part((branch,))]
        while len(parts[-1].last.children) == 1:
            step, [following] = parts[-1].last, parts[-1].last.children
            if (step.turn, step.by) != (following.turn, following.by):
                parts.append(Part((following,)))
            elif not step.ends and step.rollout == following.rollout and not (step.searched or following.searched):
                parts[-1] = Part((*parts[-1].steps, following))
            else:
                break
        return parts

    def heading(self, part: Part, place: str = "") -> str:
        """Returns the first line of a part: its position, its turn, its value, and the answers of trajectories that end
        there."""
        turn = f"turn {part.first.turn}" if self.tree.drafts and part.first.by == "model" else ""
        return "  ".join(filter(None, (place, turn, _facts(part.first), *self.ends(part))))

    def ends(self, part: Part) -> list[str]:
        """Returns the answers of the trajectories that end with a part. If there are none, returns the answer of the
        draft that ends with it."""
        if part.last.ends:
            return [_end_text(end) for end in part.last.ends]
        draft = self._drafts.get(part.last.step_id)
        return [_answer_text(draft.answer, draft.correct)] if draft and draft.answer is not None else []

    def verdict(self, part: Part) -> tuple[bool, bool | None]:
        """Returns a pair (has_answer, is_right) for the end of a part. `is_right` is None if it is not known."""
        found = next((end for end in part.last.ends if end.answer is not None), self._drafts.get(part.last.step_id))
        return found is not None and found.answer is not None, found.correct if found else None

    def block(self, part: Part) -> bool:
        """Returns True if the steps of a part are drawn below its heading, and not in the same line."""
        return len(part.steps) > 1 or (bool(self.tree.drafts) and part.first.by == "model" and not part.first.searched)


def as_text(tree: StoredTree) -> Iterator[str]:
    """Yields lines of text: the question, and its tree below it. A search has one line for each step, with its
    position, value, visits and text, and the trajectories that end there. A correction has each turn with its steps,
    its answer and the feedback on it."""
    yield _one_line(tree.question)
    for end in tree.ends:
        yield f"  {_end_text(end)}"
    yield from _branches(Folded(tree), tree.branches, "")


def _branches(shown: Folded, branches: Sequence[Branch], before: str) -> Iterator[str]:
    for index, branch in enumerate(branches):
        mark, beneath = _rails(before, index == len(branches) - 1)
        parts, place = shown.line(branch), branch.step_id.removeprefix(f"{shown.tree.unit}/")
        if len(parts) == 1:
            yield from _part_lines(shown, parts[0], mark, beneath, place)
            continue
        yield f"{mark} {place}"
        for number, part in enumerate(parts):
            yield from _part_lines(shown, part, *_rails(beneath, number == len(parts) - 1))


def _part_lines(shown: Folded, part: Part, mark: str, beneath: str, place: str = "") -> Iterator[str]:
    """Yields the lines of a part. If the tree branches after the part, also yields the lines of the branches."""
    if shown.block(part):
        yield f"{mark} {shown.heading(part, place)}".rstrip()
        rail = beneath + ("│  " if len(part.last.children) > 1 else "   ")
        yield from (f"{rail}{_one_line(step.text)}" for step in part.steps)
    else:
        facts = filter(None, (place, _facts(part.first), _one_line(part.first.text)))
        yield f"{mark} {'  '.join([*facts, *shown.ends(part)])}"
    if _forks(part):
        yield from _branches(shown, part.last.children, beneath)


def _rails(before: str, last: bool) -> tuple[str, str]:
    """Returns a pair of prefixes: the characters before the first line of a branch, and the characters before each line
    below it."""
    return (f"{before}└─", f"{before}   ") if last else (f"{before}├─", f"{before}│  ")


def _forks(part: Part) -> bool:
    """Returns True if the steps after a part are drawn as its branches. If False, they are the next part of the same
    line."""
    following = part.last.children
    if len(following) != 1:
        return bool(following)
    return (following[0].turn, following[0].by) == (part.last.turn, part.last.by)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _facts(branch: Branch) -> str:
    facts = ["rollout" if branch.rollout else "", "" if branch.by == "model" else branch.by]
    facts += ["" if branch.value is None else f"value {branch.value:.3f}"]
    facts += ["" if branch.visits is None else f"visits {branch.visits}"]
    return ", ".join(filter(None, facts))


def _end_text(end: End) -> str:
    open_ = f"[{(end.stop or 'open').replace('_', ' ')}]"
    answer = _answer_text(end.answer, end.correct) if end.answer is not None else open_
    return f"{answer}{' ★ chosen' if end.chosen else ''}"


def _answer_text(answer: str | None, correct: bool | None) -> str:
    return f"→ {answer}{ {True: ' ✓', False: ' ✗', None: ''}[correct] }"


def as_dot(tree: StoredTree) -> Iterator[str]:
    """Yields the lines of a directed graph in Graphviz's dot language. A node is a step of a search, a draft of a
    correction with all its steps, or the feedback on a draft (shape note). Drafts are boxes with their answers: green
    if right, red if wrong, bold if chosen. Rollouts are dashed."""
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
            texts = [_one_line(step.text) for step in part.steps]
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
