"""Reads both phases of PRM800K (Lightman et al. 2023), in which people rated steps.

A row is one labelled solution. Each of its steps has several completions, and the solution continues from the chosen
completion. The chosen completions are one trajectory. Each other completion is the last step of a trajectory of its
own, after the chosen steps before it. Some converters make every combination of completions; this reader does not,
since nobody wrote or rated those solutions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.flows.readers.reader import BAD, GOOD, NEUTRAL, Context, Dropped, Imported, problem_of, rated, written
from redraft.store.errors import SourceError
from redraft.store.trajectory import Detail, Role

RATINGS: Mapping[Any, Detail] = {1: GOOD, 0: NEUTRAL, -1: BAD}
LEFT_OUT = {"bad_problem": "the problem is bad", "give_up": "the labeller gave up"}
Step = tuple[str, Detail | None]


def prm800k(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectories of a row, with grades by "human" whose model is the labeller. The trajectories have the
    role "search", since people or a verifier chose among their steps.

    A rating of null means that the step was not rated. In phase 2 labelling stops at the first mistake; later steps are
    kept without a rating. A step that the labeller wrote is kept without a rating too. Raises Dropped for a row of
    quality control or of screening, for a bad problem, and for a problem that the labeller gave up. Raises SourceError
    for a row in any other form.
    """
    for name, words in QUALITY.items():
        if row.get(name):
            raise Dropped(words)
    try:
        asked, label = row["question"], row["label"]
        if reason := LEFT_OUT.get(label.get("finish_reason")):
            raise Dropped(reason)
        problem = problem_of(
            context, asked["problem"], asked.get("ground_truth_answer"), solution=asked.get("ground_truth_solution")
        )
        steps = [_step(step) for step in label["steps"]]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise SourceError(f"no row of PRM800K ({type(error).__name__}: {error})") from None
    found = Imported(problem)
    chosen = [step for step, _ in steps if step is not None]
    rest = [(text, None) for text in (asked.get("pre_generated_steps") or [])[len(chosen) :]]
    solved = label.get("finish_reason") == "solution" or bool(rest)
    whole = len(chosen) == len(steps)
    if chosen:
        _add(found, [*chosen, *(rest if whole else [])], row, context, ended=solved and whole)
    for number, (_, others) in enumerate(steps):
        if number <= len(chosen):
            for other in others:
                _add(found, [*chosen[:number], other], row, context, ended=False, sibling=len(found.paths))
    if not found.paths:
        raise Dropped("no step has a text")
    return found


def _step(step: Mapping[str, Any]) -> tuple[Step | None, Sequence[Step]]:
    """Returns the chosen completion of a step, and its other completions. The first is None if none was chosen."""
    completions = [(one["text"], RATINGS.get(one["rating"])) for one in step["completions"] or []]
    index = step.get("chosen_completion")
    if index is not None:
        return completions[index], [one for number, one in enumerate(completions) if number != index]
    human = step.get("human_completion")
    text = human["text"] if isinstance(human, Mapping) else human
    if text:
        return (text, None), completions
    if len(completions) == 1:  # the last step of phase 2 has one completion, which is not marked as chosen
        return completions[0], []
    return None, completions


def _add(
    found: Imported,
    steps: Sequence[Step],
    row: Mapping[str, Any],
    context: Context,
    *,
    ended: bool,
    sibling: int = 0,
) -> None:
    texts = [text if number == len(steps) and ended else f"{text}\n" for number, (text, _) in enumerate(steps, start=1)]
    path = written(found.problem.ask(context.unit), texts, role=Role.SEARCH, ended=ended, sibling=sibling)
    found.add(path, rated([rating for _, rating in steps], "human", row.get("labeler"), context.neutral))


QUALITY = {"is_quality_control_question": "quality control", "is_initial_screening_question": "screening"}
