"""What a graph has explored of a question, as a person reads it and as JSON sends it."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from typing_extensions import TypedDict

from redraft.agents.sampling.graph import Tree
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.agents.studio.snapshot import Explored, plain
from redraft.store.records import Grade, Step, Trajectory, Verdict


class Draft(TypedDict, total=False):
    """A draft, or a step of a search, with all that was said of it. Facts that are not known are left out."""

    sample: int
    turn: int
    after: str  # the draft that it redrafts, or the step that it continues
    text: str
    answer: str
    score: float  # what it is chosen by: the grader's value, or the search's
    visits: int
    grades: list[str]  # by whom, the verdict, the value, and why
    feedback: str  # what was said to its writer
    stop: str
    reason: str


def drafts(explored: Explored) -> dict[str, Draft]:
    """Every draft, or every step of a search, by its place in the tree: "0.1" is the second below the first."""
    return dict(_drafts(explored) if isinstance(explored, Tree) else _steps(explored))


def draft(path: Trajectory) -> tuple[str, Draft]:
    """The last draft of a path with its place."""
    return list(_turns(path))[-1]


def trajectory(path: Trajectory) -> dict[str, Any]:
    """A trajectory as JSON data, named as the columns of `trajectories` and `steps` are. `correct` is what the oracle
    says of its last draft; None if nobody asked it."""
    verdicts = [grade.verdict for grade in path.grades if grade.grader == ORACLE and grade.turn == path.turn]
    return {
        "trajectory_id": path.trajectory_id,
        "role": path.role.value,
        "sample": path.sample,
        "chosen": path.chosen,
        "answer": plain(path.answer),
        "correct": CORRECT.get(verdicts[-1]) if verdicts else None,
        "score": path.score,
        "stop": path.stop and path.stop.value,
        "reason": plain(path.reason),
        "turns": path.turn,
        "tokens": path.tokens,
        "oracle_used": path.oracle_used,
        "text": plain(path.text()),
        "drafts": [row for _, row in _turns(path)],
        "steps": plain(path.steps),
    }


ORACLE = "oracle"
CORRECT: Mapping[Verdict | None, bool] = {Verdict.RIGHT: True, Verdict.WRONG: False}


def _drafts(tree: Tree) -> Iterator[tuple[str, Draft]]:
    for path in (*tree.others, *chain.from_iterable(tree.siblings.values()), *tree.paths.values()):
        yield from _turns(path)


def _turns(path: Trajectory) -> Iterator[tuple[str, Draft]]:
    """The drafts of a path, each as far as it is known."""
    after = ""
    for turn in range(1, path.turn + 1):
        last, steps = turn == path.turn, path.draft(turn)
        place = _place(path, steps[-1]) if steps else f"{after or path.sample}, no draft"
        grades = [grade for grade in path.grades if grade.turn == turn]
        values = [grade.value for grade in grades if grade.value is not None]
        said = path.feedback(turn + 1)
        row = {
            "sample": path.sample,
            "turn": turn,
            "after": after,
            "text": path.text(turn),
            "answer": path.answer if last else path.answers[turn - 1],
            "score": path.score if last else next(iter(values), None),
            "grades": list(map(_in_words, grades)),
            "feedback": said and f"{said.by}: {said.text}",
            "stop": path.stop if last else path.stops[turn - 1],
            "reason": path.reason if last else None,
        }
        yield place, _without_nothing(row)
        after = place


def _steps(search: Search) -> Iterator[tuple[str, Draft]]:
    for node in search.nodes:
        if node.parent is None and not node.ended:
            continue
        grades = node.said if node.grade is None else (*node.said, node.grade)
        row = {
            "turn": node.path.turn,
            "after": _node_place(node.parent) if node.parent else None,
            "text": node.text,
            "answer": node.path.answer,
            "score": node.value,
            "visits": node.visits or None,
            "grades": list(map(_in_words, grades)),
            "stop": node.path.stop,
            "reason": node.path.reason,
        }
        yield _node_place(node) or "no step", _without_nothing(row)


def _without_nothing(row: dict[str, Any]) -> Any:
    kept = {name: value for name, value in row.items() if name == "text" or value not in (None, "", [])}
    return plain(kept)


def _node_place(node: Node) -> str:
    return _place(node.path, node.path.steps[-1]) if node.path.steps else ""


def _place(path: Trajectory, step: Step) -> str:
    return step.step_id.removeprefix(f"{path.question.unit}/")


def _in_words(grade: Grade) -> str:
    value = None if grade.value is None else f"{grade.value:.4g}"
    words = (grade.verdict and grade.verdict.value, value, grade.reason)
    return f"{grade.grader}: {', '.join(filter(None, words))}"
