"""The accepted new questions of a round, without held-out questions."""

from collections.abc import Sequence

from redraft.store.problems import Problem
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


def accepted(store: Store, recipes: Sequence[str], replicate: str, heldout: Sequence[Problem]) -> list[Problem]:
    """Returns the questions that `augment` made and accepted under these recipes and this replicate, in the order of
    their parent problems. A question that is among the held-out problems is left out."""
    named = ", ".join(map(literal, ["", *recipes]))
    rows = store.query(ACCEPTED.format(recipes=named, replicate=literal(replicate)), patience=3600).rows
    made, apart = [problem_id for (problem_id,) in rows], {folded(problem) for problem in heldout}
    known = {problem.problem_id: problem for problem in store.problems() if problem.augmentation}
    return [known[name] for name in made if folded(known[name]) not in apart]


def folded(problem: Problem) -> str:
    """Returns a question in lower case with single spaces, for comparisons."""
    return " ".join(problem.question.casefold().split())


ACCEPTED = """
SELECT problem_id FROM rewrites WHERE accepted AND problem_id IS NOT NULL AND recipe IN ({recipes})
AND replicate = {replicate} ORDER BY parent_id, augmentation, number"""
