"""The explored tree of a question as JSON data, for LangGraph Studio to display."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from typing_extensions import TypedDict

from redraft.agents.sampling.graph import Tree
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.agents.studio.tree_json import Explored, to_plain
from redraft.store.trajectory import Grade, Step, Trajectory, Verdict


class Draft(TypedDict, total=False):
    """A draft, or a step of a search, with its grades and feedback. Unknown facts have no key."""

    sample: int
    turn: int
    after: str  # the step id of the draft or step before it
    text: str
    answer: str
    score: float  # the value that decides the choice, from the grader or the search
    visits: int
    grades: list[str]  # each grade as text: author, verdict, value and reason
    feedback: str  # the remark on this draft
    stop: str
    reason: str


def drafts(explored: Explored) -> dict[str, Draft]:
    """Returns a dict of every draft, or of every step of a search. The keys are step ids: "0.1" is the second child of
    "0"."""
    return dict(_tree_drafts(explored) if isinstance(explored, Tree) else _search_steps(explored))


def last_draft(trajectory: Trajectory) -> tuple[str, Draft]:
    """Returns a pair of the last draft's step id and the last draft."""
    return list(_trajectory_drafts(trajectory))[-1]


def trajectory_to_json(trajectory: Trajectory) -> dict[str, Any]:
    """Returns a trajectory as JSON data, whose keys are the columns of the tables `trajectories` and `steps`. `correct`
    is the oracle's verdict on the last draft, or None if there is no verdict."""
    verdicts = [
        grade.verdict for grade in trajectory.grades if grade.grader == ORACLE and grade.turn == trajectory.turn
    ]
    return {
        "trajectory_id": trajectory.trajectory_id,
        "role": trajectory.role.value,
        "sample": trajectory.sample,
        "chosen": trajectory.chosen,
        "answer": to_plain(trajectory.answer),
        "correct": CORRECT.get(verdicts[-1]) if verdicts else None,
        "score": trajectory.score,
        "stop": trajectory.stop and trajectory.stop.value,
        "reason": to_plain(trajectory.reason),
        "turns": trajectory.turn,
        "tokens": trajectory.tokens,
        "oracle_used": trajectory.oracle_used,
        "text": to_plain(trajectory.text()),
        "drafts": [row for _, row in _trajectory_drafts(trajectory)],
        "steps": to_plain(trajectory.steps),
    }


ORACLE = "oracle"
CORRECT: Mapping[Verdict | None, bool] = {Verdict.RIGHT: True, Verdict.WRONG: False}


def _tree_drafts(tree: Tree) -> Iterator[tuple[str, Draft]]:
    for trajectory in (*tree.others, *chain.from_iterable(tree.siblings.values()), *tree.trajectories.values()):
        yield from _trajectory_drafts(trajectory)


def _trajectory_drafts(trajectory: Trajectory) -> Iterator[tuple[str, Draft]]:
    """Yields pairs of a step id and a draft. Unknown facts have no key in the draft."""
    after = ""
    for turn in range(1, trajectory.turn + 1):
        last, steps = turn == trajectory.turn, trajectory.draft(turn)
        place = _place(trajectory, steps[-1]) if steps else f"{after or trajectory.sample}, no draft"
        grades = [grade for grade in trajectory.grades if grade.turn == turn]
        values = [grade.value for grade in grades if grade.value is not None]
        said = trajectory.feedback(turn + 1)
        row = {
            "sample": trajectory.sample,
            "turn": turn,
            "after": after,
            "text": trajectory.text(turn),
            "answer": trajectory.answer if last else trajectory.answers[turn - 1],
            "score": trajectory.score if last else next(iter(values), None),
            "grades": list(map(_grade_text, grades)),
            "feedback": said and f"{said.by}: {said.text}",
            "stop": trajectory.stop if last else trajectory.stops[turn - 1],
            "reason": trajectory.reason if last else None,
        }
        yield place, _without_empty(row)
        after = place


def _search_steps(search: Search) -> Iterator[tuple[str, Draft]]:
    for node in search.nodes:
        if node.parent is None and not node.ended:
            continue
        grades = node.critic_grades if node.grade is None else (*node.critic_grades, node.grade)
        row = {
            "turn": node.trajectory.turn,
            "after": _node_place(node.parent) if node.parent else None,
            "text": node.text,
            "answer": node.trajectory.answer,
            "score": node.value,
            "visits": node.visits or None,
            "grades": list(map(_grade_text, grades)),
            "stop": node.trajectory.stop,
            "reason": node.trajectory.reason,
        }
        yield _node_place(node) or "no step", _without_empty(row)


def _without_empty(row: dict[str, Any]) -> Any:
    kept = {name: value for name, value in row.items() if name == "text" or value not in (None, "", [])}
    return to_plain(kept)


def _node_place(node: Node) -> str:
    return _place(node.trajectory, node.trajectory.steps[-1]) if node.trajectory.steps else ""


def _place(trajectory: Trajectory, step: Step) -> str:
    return step.step_id.removeprefix(f"{trajectory.question.unit}/")


def _grade_text(grade: Grade) -> str:
    value = None if grade.value is None else f"{grade.value:.4g}"
    words = (grade.verdict and grade.verdict.value, value, grade.reason)
    return f"{grade.grader}: {', '.join(filter(None, words))}"
