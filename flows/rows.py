"""From what the store has of each method to the rows of the comparison."""

from collections.abc import Mapping, Sequence

from redraft.flows.equal_cost import Sampled, beside, corrected
from redraft.flows.evaluation import Compared, Evaluation
from redraft.flows.runs import Ran
from redraft.flows.turns import Measured, pick, turns
from redraft.store.records import Problem, digest


def measured(ran: Sequence[Ran], sampled: Mapping[str, Ran], *, problems: Sequence[Problem], db: str) -> Evaluation:
    """The methods on the problems whose drafts are judged under every one of them, `sampled` ones by model included."""
    common = [one.problem_id for one in problems if all(_judged(each, one.problem_id) for each in ran)]
    common = [problem for problem in common if all(problem in one.found.paths for one in sampled.values())]
    drafts = {name: Sampled(one.found, common, name) for name, one in sampled.items()} if common else {}
    methods = [_compared(one, common, drafts.get(one.model_name)) for one in ran]
    return Evaluation(
        db=db,
        asked=len(problems),
        problems=len(common),
        tasks=tuple(sorted({one.source for one in problems})),
        methods=tuple(corrected(methods)),
        baselines=tuple(one.baseline() for one in drafts.values()),
    )


def _judged(ran: Ran, problem: str) -> bool:
    return problem in (ran.found.paths if ran.method.in_turns else ran.found.picks)


def _compared(ran: Ran, problems: Sequence[str], sampled: Sampled | None) -> Compared:
    made: list[Measured] = []
    if problems:
        made = turns(ran.found, problems) if ran.method.in_turns else []
        made += [pick(ran.found, problems)] if ran.has_pick else []
    rows = [one.row for one in made]
    if sampled:
        rows = [beside(one, sampled, guesses=ran.guesses(one.row.turn), tested=one is made[-1]) for one in made]
    summary = ran.summary
    return Compared(
        label=ran.method.label,
        model=ran.model_name,
        strategy=summary.strategy,
        recipe=summary.recipe,
        replicate=ran.settings.replicate,
        in_turns=ran.method.in_turns,
        samples=ran.settings.samples,
        trajectories=sum(len(ran.found.paths.get(problem, ())) for problem in problems),
        rows=tuple(rows),
        oracle_used=ran.found.oracle_used,
        feedback=summary.feedback,
        grader=summary.grader,
        other_models=ran.other_models,
        undecided=ran.found.undecided,
        failures=summary.failures,
        unjudged="likelihood" in (summary.feedback, summary.grader) and summary.drafts > 0 == summary.likelihoods,
        first_prompts=digest(*(ran.found.first_prompts.get(problem) for problem in problems)),
    )
