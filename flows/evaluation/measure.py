"""Computes the rows of the comparison from the stored results of each method."""

from collections.abc import Mapping, Sequence

from redraft.flows.evaluation.equal_cost import SampledDrafts, holm_corrected, with_baseline
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.result import MethodResult, Task
from redraft.flows.evaluation.run import MethodRun
from redraft.flows.evaluation.turn import MeasuredRow, pick, picked, turns
from redraft.graders.statistics import mean_interval
from redraft.store.digest import digest
from redraft.store.problems import Problem


def measured(
    ran: Sequence[MethodRun],
    sampled: Mapping[str, MethodRun],
    *,
    problems: Sequence[Problem],
    tasks: Sequence[str],
    db: str,
) -> Evaluation:
    """Returns the results of the methods. A problem is included if its drafts are judged in every method and in the
    `sampled` drafts. `sampled` has the independent drafts of each model, and `tasks` the task of each problem."""
    common = [one.problem_id for one in problems if all(_judged(each, one.problem_id) for each in ran)]
    common = [problem for problem in common if all(problem in one.found.paths for one in sampled.values())]
    drafts = {name: SampledDrafts(one.found, common, name) for name, one in sampled.items()} if common else {}
    task = {one.problem_id: name for one, name in zip(problems, tasks, strict=True)}
    methods = [
        _compared(one, {problem: task[problem] for problem in common}, drafts.get(one.model_name)) for one in ran
    ]
    return Evaluation(
        db=db,
        asked=len(problems),
        problems=len(common),
        tasks=tuple(sorted(set(tasks))),
        methods=tuple(holm_corrected(methods)),
        baselines=tuple(one.baseline() for one in drafts.values()),
    )


def _judged(ran: MethodRun, problem: str) -> bool:
    return problem in (ran.found.paths if ran.method.in_turns else ran.found.picks)


def _measured(ran: MethodRun, problems: Sequence[str]) -> list[MeasuredRow]:
    if not problems:
        return []
    if not ran.method.in_turns:
        return [pick(ran.found, problems)]
    return [*turns(ran.found, problems), *([picked(ran.found, problems, ran.pick)] if ran.picks else [])]


def _by_task(made: Sequence[MeasuredRow], tasks: Sequence[str]) -> tuple[Task, ...]:
    """Returns the first and the last row for each task. Returns an empty tuple if there is only one task."""
    names = sorted(set(tasks))
    if not made or len(names) < 2:
        return ()
    found = []
    for name in names:
        first, last = (
            [share for share, task in zip(one.shares, tasks, strict=True) if task == name]
            for one in (made[0], made[-1])
        )
        found.append(Task(name, len(last), mean_interval(first), mean_interval(last)))
    return tuple(found)


def _compared(ran: MethodRun, problems: Mapping[str, str], sampled: SampledDrafts | None) -> MethodResult:
    """Returns the result of a method on these problems."""
    made = _measured(ran, list(problems))
    rows = [one.row for one in made]
    if sampled:
        rows = [
            with_baseline(one, sampled, guesses=ran.guesses(one.row.turn), tested=one is made[-1], first=made[0])
            for one in made
        ]
    summary = ran.summary
    return MethodResult(
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
        oracle_stops=ran.oracle.stops,
        oracle_chooses=ran.oracle.chooses,
        unpicked=ran.unpicked,
        tasks=_by_task(made, list(problems.values())),
        feedback=summary.feedback,
        grader=summary.grader,
        other_models=ran.other_models,
        undecided=ran.found.undecided,
        failures=summary.failures,
        unjudged="likelihood" in (summary.feedback, summary.grader) and summary.drafts > 0 == summary.likelihoods,
        first_prompts=digest(*(ran.found.first_prompts.get(problem) for problem in problems)),
    )
