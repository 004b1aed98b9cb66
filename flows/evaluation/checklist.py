"""Checks a comparison against the checklist of Kamoi et al. 2024 and the controls of Huang et al. 2023."""

from collections.abc import Iterator, Sequence

from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.result import MethodResult
from redraft.store.errors import plural

INFORMED = {"tool": "an interpreter", "tests": "the problem's tests", "human": "a person"}
"""Feedbacks with information that the first draft does not have, by name, each with the source of the information."""


def check(evaluation: Evaluation) -> list[str]:
    """Returns a sentence for every item of the checklist that the comparison violates. The list is empty if the
    comparison violates no item."""
    if not evaluation.problems:
        return ["No problem has a judged draft under every method: nothing is compared."]
    found = [*_comparison_items(evaluation)]
    for method in evaluation.methods:
        found += [f"{_label(method, evaluation.methods)}: {text}" for text in _method_items(method, evaluation)]
    return found


def _comparison_items(evaluation: Evaluation) -> Iterator[str]:
    if len(evaluation.tasks) == 1:
        yield f"Only one task ({evaluation.tasks[0] or 'unnamed'}): the result may not hold for others."
    if not evaluation.baselines:
        yield "No baseline of equal cost: self-consistency was left out, so a gain may come from more drafts."
    if evaluation.baselines and evaluation.temperature == 0:
        yield "The baseline's drafts were sampled at temperature 0 and are alike, so a vote of them adds nothing."
    for model in dict.fromkeys(method.model for method in evaluation.methods):
        prompts = {method.first_prompts for method in evaluation.methods if method.model == model}
        if len(prompts) > 1:
            yield f"Methods asked {model} for first drafts with different prompts, so a gain may come from the prompt."
    if evaluation.taken:
        yield f"{plural(evaluation.taken, 'problem')} left out: an export of this store has them as training data."
    if evaluation.of_training:
        count, asked = evaluation.of_training, evaluation.asked
        yield f"{count:,} of {asked:,} problems are of a training split: a model trained on it may know the answers."
    if evaluation.problems < evaluation.asked:
        left = evaluation.asked - evaluation.problems
        yield f"{left:,} of {evaluation.asked:,} problems are left out: not every method has a judged draft of them."


def _method_items(method: MethodResult, evaluation: Evaluation) -> Iterator[str]:
    last = method.last
    if last is None:
        return
    if method.oracle_used:
        yield f"the known answer {_decisions(method)}; no user has it, so this is an upper bound, not a result."
        if method.feedback != "random" and evaluation.baselines and last.control is None:
            yield "an oracle decided, but there is no control of random guesses."
    if method.unpicked:
        yield "its pick is not measured: the store does not have its grader's grade of each draft."
    if method.feedback in INFORMED and method.in_turns:
        yield f"redrafts had information that first drafts had not ({INFORMED[method.feedback]}): unfair-asymmetric."
    if method.other_models:
        names = ", ".join(method.other_models)
        yield f"another model took part ({names}): a gain from its knowledge is no self-correction."
    if last.equal_cost is None and evaluation.baselines:
        yield "no baseline of equal cost: the tokens of the method or of the baseline were not counted."
    elif last.equal_cost and last.equal_cost.short:
        yield f"self-consistency had fewer tokens: at most {last.equal_cost.k:.0f} drafts per problem were sampled."
    if method.in_turns and not any(row.moves and row.moves.redrafts for row in method.rows):
        yield "no draft was revised, so right to wrong is unknown: this says nothing about correction."
    if method.unjudged:
        yield "the model gave no log-probabilities, so likelihood could not judge: choose another grader."
    if method.undecided:
        yield f"{plural(method.undecided, 'sample')} left out: the oracle could not judge one of their drafts."


def _decisions(method: MethodResult) -> str:
    ways = ("decided when to stop", method.oracle_stops), ("chose among the drafts", method.oracle_chooses)
    done = " and ".join(way for way, was in ways if was)
    return done or "was read on the way"


def _label(method: MethodResult, methods: Sequence[MethodResult]) -> str:
    several = len({one.model for one in methods}) > 1
    return f"{method.label} on {method.model}" if several else method.label
