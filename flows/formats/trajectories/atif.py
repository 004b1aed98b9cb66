"""Complete trajectories as documents of the Agent Trajectory Interchange Format (ATIF v1.8, of the Harbor framework),
which other tools read."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.flows.formats.trajectories.unit_tree import (
    OWN,
    Grades,
    UnitTree,
    choice_of,
    documents,
    known,
    own_call,
    own_problem,
    own_step,
    own_trajectory,
    timestamp,
)  # fmt: skip
from redraft.store.tables.reading.units import Facts, read_units
from redraft.store.tables.store import Store

SCHEMA_VERSION = "ATIF-v1.8"
PAID = ("prompt_tokens", "cached_tokens", "cost_usd")
"""The metrics of a call, which are written only to the first step that the call wrote."""


@filtered_by()
def atif(store: Store) -> Format:
    """Writes a document for each sample, and one for each search. The steps are the question, the steps of the model,
    and the feedback between drafts. `metrics` has tokens, cost and log-probabilities, if the model returned them. A
    call that wrote several steps is counted at the first of them. A call that drew several samples is counted in each
    document.

    `extra.redraft` has everything else: the problem with its answer key, each trajectory with its drafts and grades,
    the values, visits and grades of steps, the calls, and the steps of a search that are not on the path to its answer.
    `redraft import --format atif` reads all of it except the calls, because only the run that paid for calls stores
    them.
    """
    units = Alongside(read_units(store, PATIENCE))

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        for unit_id, found in groupby(candidates, unit_of):
            unit = UnitTree.of(units.of(unit_id))
            for together in documents(list(found)):
                first, *others = together
                document = _document(first.trajectory_id, [each.trajectory_id for each in together], unit)
                yield Row(document, None, None, first, tuple(Source(other.trajectory_id) for other in others))

    return ByProblem(rows)


def _document(shown: str, trajectory_ids: Sequence[str], unit: UnitTree) -> dict[str, Any]:
    facts, drafts = unit.facts, unit.drafts
    ways = {each: unit.way(each) for each in trajectory_ids}
    other = {step["step_id"]: step for way in ways.values() for step in way}
    for step in ways[shown]:
        del other[step["step_id"]]
    grades, calls = unit.grades_of(trajectory_ids), unit.calls_of(shown, ways[shown])
    own = {
        "unit_id": facts.run["unit_id"],
        "problem": own_problem(facts.problem),
        "trajectories": [own_trajectory(drafts[each], unit.grades.get(each, ())) for each in trajectory_ids],
        "other_steps": [own_step(step, grades) | {"text": step["text"]} for step in other.values()],
        "calls": [own_call(call) for call in calls],
    }
    question = {"source": "user", "message": facts.problem["question"]}
    shown_steps = [question, *_shown_steps(ways[shown], calls, grades)]
    return {
        "schema_version": SCHEMA_VERSION,
        "session_id": facts.run["run_id"],
        "trajectory_id": shown,
        "agent": _agent(facts.run),
        "steps": [{"step_id": number, **step} for number, step in enumerate(shown_steps, start=1)],
        "final_metrics": _totals(calls, len(shown_steps)),
        "extra": {OWN: known(own)},
    }


def _agent(run: Facts) -> dict[str, Any]:
    extra = known({"strategy": run["strategy"], "recipe": run["recipe"]})
    return known(
        {"name": "redraft", "version": run["version"] or "unknown", "model_name": run["model"], "extra": extra}
    )


def _shown_steps(way: Sequence[Facts], calls: Sequence[Facts], grades: Grades) -> Iterator[dict[str, Any]]:
    """Yields the steps of a document. The source of the model's steps is `agent`, and that of feedback is `user`."""
    by_id = {call["call_id"]: call for call in calls}
    for call_id, together in groupby(way, lambda step: step["call_id"] if step["by"] == "model" else None):
        call, steps = by_id.get(call_id or ""), list(together)
        choice = choice_of(steps, call) if call else {}
        for step, logprobs in zip(steps, _logprobs(steps, choice), strict=True):
            shown = {"message": step["text"], "extra": {OWN: own_step(step, grades)}}
            if step["by"] != "model":
                yield {"source": "user", **shown}
                continue
            first = step is steps[0]
            metrics = {
                "completion_tokens": step["tokens"] or None,
                "logprobs": logprobs,
                "extra": known({"logprob": step["logprob"]}) or None,
                **({name: call[name] for name in PAID} if call and first else {}),
            }
            called = {"model_name": call["model"], "timestamp": timestamp(call["answered_at"])} if call else {}
            thinking = choice.get("thinking") or None if first else None
            yield {
                "source": "agent",
                **known({**called, "reasoning_content": thinking, "metrics": known(metrics) or None}),
                **shown,
            }


def _logprobs(steps: Sequence[Facts], choice: Mapping[str, Any]) -> list[list[float] | None]:
    """Returns the log-probabilities of the tokens of each step, or None if the choice has none."""
    if not choice.get("logprobs") or not choice.get("offsets"):
        return [None] * len(steps)
    ends = [*accumulate(len(step["text"]) for step in steps)]
    cuts = [0, *(bisect_left(choice["offsets"], end) for end in ends[:-1]), len(choice["logprobs"])]
    return [choice["logprobs"][start:end] for start, end in pairwise(cuts)]


def _totals(calls: Sequence[Facts], steps: int) -> dict[str, Any]:
    """Returns the total metrics of the calls. For a search they include the branches that the document's steps do not
    show."""
    costs = [call["cost_usd"] for call in calls if call["cost_usd"] is not None]
    return known(
        {
            "total_prompt_tokens": sum(call["prompt_tokens"] for call in calls),
            "total_completion_tokens": sum(call["completion_tokens"] for call in calls),
            "total_cached_tokens": sum(call["cached_tokens"] for call in calls),
            "total_cost_usd": sum(costs) if costs else None,
            "total_steps": steps,
        }
    )
