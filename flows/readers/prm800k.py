"""PRM800K (Lightman et al. 2023): people's ratings of steps, in both phases.

A row is one labelled solution: at each step some completions, of which one was chosen to go on from. The chosen ones
are one trajectory; each other completion ends one of its own, after the chosen steps before it. Every combination of
completions, as some converters make, would be histories that nobody wrote or rated.
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
    """The trajectories of a row, all in the role of a search, since people or a verifier chose them; the grader is
    "human", its model the labeller.

    A rating of null is no rating. In phase 2 labelling stops at the first mistake: the steps after it are kept without
    one. A step that the labeller wrote stands among the model's, without a rating. Raises Dropped for a row of quality
    control or screening, a bad problem, and one that was given up; SourceError for what is no such row.
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
    """The chosen completion of a step, None where there is none, and the others."""
    completions = [(one["text"], RATINGS.get(one["rating"])) for one in step["completions"] or []]
    index = step.get("chosen_completion")
    if index is not None:
        return completions[index], [one for number, one in enumerate(completions) if number != index]
    human = step.get("human_completion")
    text = human["text"] if isinstance(human, Mapping) else human
    if text:
        return (text, None), completions
    if len(completions) == 1:  # the last step of phase 2: nobody chose to go on from it
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
