"""Reads both phases of PRM800K (Lightman et al. 2023), in which people rated steps.

A row is one labelled solution. Each of its steps has several completions, and the solution continues from the chosen
completion. The chosen completions are one trajectory. Each other completion is the last step of a separate trajectory,
after the chosen steps before it. Some converters generate every combination of completions. This reader does not,
because nobody wrote or rated those solutions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.flows.readers.fields import needed, optional, texts
from redraft.flows.readers.reader import BAD, GOOD, NEUTRAL, Context, Dropped, Imported, problem_of, rated, written
from redraft.store.errors import SourceError, plural
from redraft.store.trajectory import Detail, Role

RATINGS: Mapping[int, Detail] = {1: GOOD, 0: NEUTRAL, -1: BAD}
LEFT_OUT = {"bad_problem": "the problem is bad", "give_up": "the labeller gave up"}
Step = tuple[str, Detail | None]


def prm800k(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectories of a row, with grades by `human` whose model is the labeller. The trajectories have the
    role `search`, because people or a verifier chose among their steps.

    A rating of null means that the step was not rated. In phase 2 labelling stops at the first mistake; later steps are
    kept without a rating. A step that the labeller wrote is kept without a rating too. Raises Dropped for a row of
    quality control or of screening, for a problem that was marked as bad, and for a problem that the labeller gave up
    on. Raises SourceError for a row in any other form.
    """
    for name, words in QUALITY.items():
        if row.get(name):
            raise Dropped(words)
    asked, label = needed(row, "question", Mapping), needed(row, "label", Mapping)
    finish = optional(label, "finish_reason", str, "label.")
    if reason := LEFT_OUT.get(finish or ""):
        raise Dropped(reason)
    problem = problem_of(
        context,
        needed(asked, "problem", str, "question."),
        asked.get("ground_truth_answer"),
        solution=optional(asked, "ground_truth_solution", str, "question."),
    )
    listed = needed(label, "steps", list, "label.")
    steps = [_step(step, f"label.steps[{number}].") for number, step in enumerate(listed)]
    found = Imported(problem)
    chosen = [step for step, _ in steps if step is not None]
    written_before = texts(asked, "pre_generated_steps", "question.") if asked.get("pre_generated_steps") else []
    rest = [(text, None) for text in written_before[len(chosen) :]]
    solved = finish == "solution" or bool(rest)
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


def _step(step: Any, at: str) -> tuple[Step | None, Sequence[Step]]:
    """Returns a pair: the chosen completion of a step, or None if none was chosen, and the other completions. `at` is
    the position of the step in the row."""
    listed = optional(step, "completions", list, at) or []
    completions = [_completion(one, f"{at}completions[{number}].") for number, one in enumerate(listed)]
    index = optional(step, "chosen_completion", int, at)
    if index is not None:
        if not 0 <= index < len(completions):
            raise SourceError(
                f"{at}chosen_completion is {index}, and has to be the number of one of"
                f" {plural(len(completions), 'completion')}, from 0"
            )
        return completions[index], [one for number, one in enumerate(completions) if number != index]
    human = step.get("human_completion")
    kept = {"human_completion": human} if not isinstance(human, Mapping) else {"human_completion": human.get("text")}
    text = optional(kept, "human_completion", str, at)
    if text:
        return (text, None), completions
    if len(completions) == 1:  # the last step of phase 2 is not marked as chosen
        return completions[0], []
    return None, completions


def _completion(one: Any, at: str) -> Step:
    rating = optional(one, "rating", int, at)
    if rating not in (None, *RATINGS):
        raise SourceError(f"{at}rating is {rating}, and has to be 1, 0, -1 or null")
    return needed(one, "text", str, at), None if rating is None else RATINGS[rating]


def _add(
    found: Imported,
    steps: Sequence[Step],
    row: Mapping[str, Any],
    context: Context,
    *,
    ended: bool,
    sibling: int = 0,
) -> None:
    last = len(steps) if ended else None
    pieces = [text if number == last else f"{text}\n" for number, (text, _) in enumerate(steps, start=1)]
    path = written(found.problem.ask(context.unit), pieces, role=Role.SEARCH, ended=ended, sibling=sibling)
    found.add(path, rated([rating for _, rating in steps], "human", row.get("labeler"), context.neutral))


QUALITY = {"is_quality_control_question": "quality control", "is_initial_screening_question": "screening"}
