"""What a comparison lacks to be believed, after the checklist of Kamoi et al. 2024 and the controls of Huang et al.
2023: each broken item is one line."""

from collections.abc import Iterator

from redraft.flows.display.numbers import counted
from redraft.flows.evaluation.result import Compared, Evaluation

INFORMED = {"tool": "an interpreter", "tests": "the problem's tests", "human": "a person"}
"""Feedback that knows what the first draft was not told, and what that is."""


def check(evaluation: Evaluation) -> list[str]:
    """Every item of the checklist that is broken, in words; none where the comparison can be believed."""
    if not evaluation.problems:
        return ["No problem has a judged draft under every method: nothing is compared."]
    found = [*_of_all(evaluation)]
    for method in evaluation.methods:
        found += [f"{_called(method, evaluation)}: {text}" for text in _of_one(method, evaluation)]
    return found


def _of_all(evaluation: Evaluation) -> Iterator[str]:
    if len(evaluation.tasks) == 1:
        yield f"One task only ({evaluation.tasks[0] or 'unnamed'}): what holds for it may hold for no other."
    if not evaluation.baselines:
        yield "No baseline of equal cost: self-consistency was left out, so that more drafts may explain any gain."
    if evaluation.baselines and evaluation.temperature == 0:
        yield "The baseline's drafts were drawn at temperature 0 and are alike: it is no self-consistency."
    for model in dict.fromkeys(method.model for method in evaluation.methods):
        prompts = {method.first_prompts for method in evaluation.methods if method.model == model}
        if len(prompts) > 1:
            yield f"First drafts of {model} were asked for in different words by method: the prompt may explain a gain."
    if evaluation.taken:
        yield f"{counted(evaluation.taken, 'problem')} not drawn: an export of this store has taken them for training."
    if evaluation.of_training:
        count, asked = evaluation.of_training, evaluation.asked
        yield f"{count:,} of {asked:,} problems are of a training split: what was trained on them knows them."
    if evaluation.problems < evaluation.asked:
        left = evaluation.asked - evaluation.problems
        yield f"{left:,} of {evaluation.asked:,} problems are left out: not every method has a judged draft of them."


def _of_one(method: Compared, evaluation: Evaluation) -> Iterator[str]:
    last = method.last
    if last is None:
        return
    if method.oracle_used:
        yield f"{_decided(method)}, which no user has: an upper bound, no result."
        if method.feedback != "random" and evaluation.baselines and last.control is None:
            yield "an oracle decided, and no random guesses stand beside it."
    if method.unpicked:
        yield "its pick is not measured: the store does not tell its grader's opinion of each draft."
    if method.feedback in INFORMED and method.in_turns:
        yield f"redrafts were told what first drafts were not ({INFORMED[method.feedback]}): unfair-asymmetric."
    if method.other_models:
        yield f"another model took part ({', '.join(method.other_models)}): what it knows is no self-correction."
    if last.equal_cost is None and evaluation.baselines:
        yield "no baseline of equal cost: its tokens, or those of a draft, were not counted."
    elif last.equal_cost and last.equal_cost.short:
        yield f"self-consistency had fewer tokens: no more than {last.equal_cost.k:.0f} drafts a problem were sampled."
    if method.in_turns and not any(row.moves and row.moves.redrafts for row in method.rows):
        yield "no draft was revised, so that right to wrong is unknown: this says nothing about correction."
    if method.unjudged:
        yield "the model gave no log-probabilities, so that likelihood could not judge: choose another grader."
    if method.undecided:
        yield f"{counted(method.undecided, 'sample')} left out, of which the oracle could not decide a draft."


def _decided(method: Compared) -> str:
    ways = ("decided when to stop", method.oracle_stops), ("chose among the drafts", method.oracle_chooses)
    done = " and ".join(way for way, was in ways if was)
    return f"the known answer {done or 'was read on the way'}"


def _called(method: Compared, evaluation: Evaluation) -> str:
    several = len({one.model for one in evaluation.methods}) > 1
    return f"{method.label} on {method.model}" if several else method.label
