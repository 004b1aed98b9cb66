"""Complete trajectories as the samples of an Inspect evaluation log (inspect_ai 0.3), which its viewer opens."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by, written_as
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.flows.formats.trajectories.inspect_calls import model_events, total_usage
from redraft.flows.formats.trajectories.unit_tree import (
    OWN,
    UnitTree,
    choice_of,
    documents,
    known,
    own_problem,
    own_step,
    own_trajectory,
    timestamp,
)
from redraft.store.tables.reading.units import Facts, read_units
from redraft.store.tables.store import Store

LETTERS = {"right": "C", "wrong": "I"}
EVIDENCE = ("value", "p_good", "p_neutral", "p_bad", "n", "lo", "hi")
UNSCORED = "undecided"
STOPS = {"length": "max_tokens", "budget": "unknown"}
"""Inspect's stop reasons by the stop of a draft. Any other stop is `stop`."""


@written_as("eval")
@filtered_by()
def inspect_ai(store: Store) -> Format:
    """Writes a sample for each trajectory, and one for each search; the samples of a problem are its epochs. `messages`
    are the question, the drafts with the model's reasoning, and the feedback between drafts. `scores` has the last
    draft's grade by each grader: C if it is right, I if it is wrong, otherwise the value. A draft that a grader could
    not grade has the score NaN. `events` are the calls to models, with usage and cost. A call that drew several samples
    is counted only in the first of them.

    `store.redraft` has everything else: the problem with its answer key, each trajectory with its drafts and grades,
    and every step of a search with its values, visits and grades. `redraft import --format inspect_ai` reads all of it
    except the calls.
    """
    units = Alongside(read_units(store, PATIENCE))

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        epoch = 0
        for unit_id, found in groupby(candidates, unit_of):
            unit, counted = UnitTree.of(units.of(unit_id)), set[str]()
            for together in documents(list(found)):
                epoch += 1
                first, *others = together
                sample = _sample(first.trajectory_id, [each.trajectory_id for each in together], unit, epoch, counted)
                yield Row(sample, None, None, first, tuple(Source(other.trajectory_id) for other in others))

    return ByProblem(rows)


def _sample(shown: str, trajectory_ids: Sequence[str], unit: UnitTree, epoch: int, counted: set[str]) -> dict[str, Any]:
    """Returns a sample. `counted` are the ids of the unit's calls that earlier samples have counted."""
    run, problem, drafts = unit.facts.run, unit.facts.problem, unit.drafts[shown]
    ways = {each: unit.way(each) for each in trajectory_ids}
    steps = {step["step_id"]: step for way in ways.values() for step in way}
    calls, last = unit.calls_of(shown, ways[shown]), drafts[-1]
    events = model_events(calls, ways[shown], counted)
    messages = _messages(problem["question"], ways[shown], unit)
    grades, started, completed = unit.grades_of(trajectory_ids), *_times(calls, run)
    own = {
        "unit_id": run["unit_id"],
        "problem": own_problem(problem),
        "trajectories": [own_trajectory(unit.drafts[each], unit.grades.get(each, ())) for each in trajectory_ids],
        "steps": [own_step(step, grades) | {"text": step["text"]} for step in steps.values()],
    }
    return {
        "id": problem["problem_id"],
        "epoch": epoch,
        "input": problem["question"],
        "target": problem["answer"] or "",
        "messages": messages,
        "output": _output(messages, last, run),
        "scores": _scores(last, unit.grades.get(shown, ())),
        "metadata": _metadata(problem, run, last),
        "store": {OWN: own},
        "events": events,
        "model_usage": total_usage(events),
        "started_at": timestamp(started),
        "completed_at": timestamp(completed),
        "total_time": round(completed - started, 3),
        "uuid": shown,
        "turn_count": len(drafts),
    }


def _messages(question: str, way: Sequence[Facts], unit: UnitTree) -> list[dict[str, Any]]:
    """Returns the messages of a trajectory. Each draft is a message of the assistant."""
    found: list[dict[str, Any]] = [{"role": "user", "content": question, "source": "input"}]
    for by, together in groupby(way, lambda step: step["by"]):
        steps = list(together)
        message: dict[str, Any] = {"id": steps[-1]["step_id"]}
        if by != "model":
            text = "".join(step["text"] for step in steps)
            found.append({**message, "role": "user", "content": text, "metadata": {"by": by}})
            continue
        model = next((unit.calls[step["call_id"]]["model"] for step in steps if step["call_id"] in unit.calls), None)
        written = {"role": "assistant", "content": _content(steps, unit), "source": "generate", "model": model}
        found.append(known({**message, **written}))
    return found


def _content(steps: Sequence[Facts], unit: UnitTree) -> str | list[dict[str, str]]:
    """Returns a draft as text, or as a list of parts if the model returned its reasoning separately."""
    parts: list[dict[str, str]] = []
    for call_id, together in groupby(steps, lambda step: step["call_id"]):
        written, call = list(together), unit.calls.get(call_id or "")
        if thinking := choice_of(written, call).get("thinking") if call else None:
            parts.append({"type": "reasoning", "reasoning": thinking})
        parts.append({"type": "text", "text": "".join(step["text"] for step in written)})
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _output(messages: Sequence[dict[str, Any]], last: Facts, run: Facts) -> dict[str, Any]:
    model, message = run["model"] or "unknown", messages[-1]
    if message["role"] != "assistant":  # not a draft
        return {"model": model, "choices": [], "completion": ""}
    content = message["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    stop = STOPS.get(last["stop"], "stop")
    return {"model": model, "choices": [{"message": message, "stop_reason": stop}], "completion": text}


def _scores(last: Facts, grades: Iterable[Facts]) -> dict[str, Any]:
    """Returns the grades of the last draft by grader, the oracle's first. If a grader has two grades, the later one is
    used."""
    found: dict[str, Any] = {}
    for grade in grades:
        if grade["step_id"] is None and grade["turn"] == last["turn"]:
            by = f" ({grade['grader_model']})" if grade["grader_model"] else ""
            found[f"{grade['grader']}{by}"] = _score(grade, last["answer"])
    return {name: found[name] for name in sorted(found, key=lambda name: name != "oracle")}


def _score(grade: Facts, answer: str | None) -> dict[str, Any]:
    value = LETTERS.get(grade["verdict"], grade["value"] if grade["verdict"] is None else None)
    return known(
        {
            "value": math.nan if value is None else value,
            "answer": answer,
            "explanation": grade["reason"],
            "reason": UNSCORED if value is None else None,
            "metadata": known({name: grade[name] for name in EVIDENCE}) or None,
        }
    )


def _metadata(problem: Facts, run: Facts, last: Facts) -> dict[str, Any]:
    """Returns the metadata by which Inspect's list of samples can be searched."""
    asked = {name: problem[name] for name in ("source", "split", "level", "subject", "augmentation")}
    ran = {name: run[name] for name in ("run_id", "strategy", "recipe", "version")}
    ended = {name: last[name] for name in ("sample", "role", "chosen", "score", "oracle_used")}
    return known({**asked, **ran, **ended, "stop": last["ended"]})


def _times(calls: Sequence[Facts], run: Facts) -> tuple[float, float]:
    """Returns a pair of the times when a sample began and ended, in seconds since 1970. They come from its calls;
    without calls, both are the start of the run."""
    ends = [call["answered_at"] for call in calls if call["answered_at"] is not None]
    if not ends:
        at = run["started_at"] or 0.0  # the run is not known
        return at, at
    starts = [call["answered_at"] - (call["latency_ms"] or 0) / 1000 for call in calls if call["answered_at"]]
    return min(starts), max(ends)
