"""Reads the published data of Math-Shepherd (Wang et al. 2024). Each step is labelled "+" or "-" by rollouts: "+" if
any rollout from the step reached the right answer."""

import re
from collections.abc import Mapping
from typing import Any

from redraft.flows.readers.fields import needed
from redraft.flows.readers.reader import BAD, GOOD, Context, Dropped, Imported, problem_of, rated, written
from redraft.store.trajectory import Detail

TAG = "ки"
FIRST = "Step 1: "
SIGNS: Mapping[str, Detail] = {"+": GOOD, "-": BAD}


def math_shepherd(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the solution of a row, with a grade by `rollout` whose model is `math-shepherd`. The data has no known
    answers. A "+" at the last step becomes a value of the grade, but the answer is not stored as the known answer.

    Raises Dropped if the end of the question is unclear, or if a label is not at the position of its tag. Raises
    SourceError for a row in any other form.
    """
    text, label = needed(row, "input", str), needed(row, "label", str)
    if text.count(FIRST) != 1:
        raise Dropped(f"not exactly one {FIRST.strip()!r}")
    question = text[: text.index(FIRST)]
    pieces = text.split(TAG)
    if pieces[-1].strip() or len(pieces) < 2:
        raise Dropped("no tag at the end of a step")
    at, signs = 0, []
    for piece in pieces[:-1]:
        sign = label[at + len(piece) : at + len(piece) + 1]
        if label[at : at + len(piece)] != piece or sign not in SIGNS:
            raise Dropped("the labels do not stand where the tags do")
        signs.append(sign)
        at += len(piece) + 1
    steps = [pieces[0][len(question) :], *pieces[1:-1]]
    if not all(STEP.match(step) for step in steps):
        raise Dropped("a step without its number")
    problem = problem_of(context, question, task=row.get("task"))
    found = Imported(problem)
    texts = [f"{step.strip()}\n" for step in steps[:-1]] + [steps[-1].strip()]
    details = [SIGNS[sign] for sign in signs]
    found.add(written(problem.ask(context.unit), texts), rated(details, "rollout", "math-shepherd", context.neutral))
    return found


STEP = re.compile(r"\s*Step \d+:")
