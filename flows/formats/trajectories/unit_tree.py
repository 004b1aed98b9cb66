"""Shared code of the formats that hold whole trajectories: what a unit's tree has for one document of another program,
and what redraft adds to it under a key of its own."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.tables.reading.units import Facts, UnitFacts

OWN = "redraft"
"""The key under which a document has what its format has no field for."""
Way = Sequence[Facts]
"""The steps from a first step to a leaf."""
Grades = Mapping[str | None, Sequence[Facts]]
"""Grades by the step that they judge; those of whole drafts have None."""


class UnitTree(NamedTuple):
    """A unit with its steps by id, its drafts and grades by trajectory, and its calls by id and by place. Each is
    looked at once, however many trajectories there are."""

    facts: UnitFacts
    steps: Mapping[str, Facts]
    drafts: Mapping[str, Sequence[Facts]]
    grades: Mapping[str, Sequence[Facts]]
    calls: Mapping[str, Facts]
    asked: Mapping[str, Sequence[Facts]]

    @classmethod
    def of(cls, unit: UnitFacts) -> "UnitTree":
        steps = {step["step_id"]: step for step in unit.steps}
        drafts, grades = (grouped(rows, "trajectory_id") for rows in (unit.drafts, unit.grades))
        calls = {call["call_id"]: call for call in unit.calls}
        return cls(unit, steps, drafts, grades, calls, grouped(unit.calls, "place"))

    def way(self, trajectory_id: str) -> list[Facts]:
        """Returns the steps of a trajectory."""
        way: list[Facts] = []
        leaf = self.drafts[trajectory_id][-1]["end_step_id"]
        while leaf is not None and (step := self.steps.get(leaf)):
            way.append(step)
            leaf = step["parent_id"]
        return way[::-1]

    def calls_of(self, shown: str, way: Way) -> list[Facts]:
        """Returns the calls of a document, in the order of their answers: all of a search; else those that wrote one of
        its steps, or were asked about one."""
        if any(draft["role"] == "search" for draft in self.drafts[shown]):
            return self.facts.calls
        wrote = (self.calls[step["call_id"]] for step in way if step["call_id"] in self.calls)
        found = {call["call_id"]: call for call in wrote}
        found |= {call["call_id"]: call for step in way for call in self.asked.get(step["step_id"], ())}
        return sorted(found.values(), key=lambda call: (call["answered_at"] or 0.0, call["call_id"]))

    def grades_of(self, trajectory_ids: Iterable[str]) -> Grades:
        """Returns the grades of some trajectories by step. Trajectories that share a step may each have a grade of
        it."""
        return grouped((grade for each in trajectory_ids for grade in self.grades.get(each, ())), "step_id")


def documents(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Yields the candidates of a unit that one document has, the one that its steps show first: each sample alone, and
    a search as a whole."""
    searched = sorted((each for each in candidates if each.role == "search"), key=lambda each: not each.chosen)
    if searched:
        yield searched
    yield from ([each] for each in candidates if each.role != "search")


def choices_of(call: Facts) -> list[dict[str, Any]]:
    """Returns the choices of a call: `text`, `finish`, `tokens`, and as far as the model gave them `thinking`,
    `logprobs` and `offsets`."""
    return json.loads(call["response"] or "[]")


def choice_of(steps: Way, call: Facts) -> Mapping[str, Any]:
    """Returns the choice of a call that wrote exactly these steps; an empty one if there is none. The separator at the
    end of a step is a stop string, which no choice has."""
    text = "".join(step["text"] for step in steps).rstrip()
    return next((choice for choice in choices_of(call) if choice.get("text", "").rstrip() == text), {})


def own_problem(problem: Facts) -> dict[str, Any]:
    return known({**problem, "meta": json.loads(problem["meta"] or "{}") or None})


def own_trajectory(drafts: Sequence[Facts], grades: Iterable[Facts]) -> dict[str, Any]:
    """Returns a trajectory: the facts about it, its drafts, and the grades of whole drafts."""
    last = drafts[-1]
    return known(
        {name: last[name] for name in ("trajectory_id", "sample", "role", "score", "chosen", "oracle_used", "reason")}
        | {"leaf_step_id": last["end_step_id"], "stop": last["ended"]}
        | {"drafts": [known({name: draft[name] for name in ("answer", "stop", "correct")}) for draft in drafts]}
        | {"grades": [_grade(grade) for grade in grades if grade["step_id"] is None] or None}
    )


def own_step(step: Facts, grades: Grades) -> dict[str, Any]:
    names = ("step_id", "turn", "by", "tokens", "logprob", "value", "visits", "call_id")
    given = [_grade(grade) for grade in grades.get(step["step_id"], ())]
    return known({name: step[name] for name in names} | {"final": step["final"] or None, "grades": given or None})


def own_call(call: Facts) -> dict[str, Any]:
    answered = {"answered_at": timestamp(call["answered_at"]), "params": json.loads(call["params"] or "{}")}
    return known({name: value for name, value in call.items() if name != "response"} | answered)


def grouped(rows: Iterable[Facts], name: str) -> dict[Any, list[Facts]]:
    """Returns rows by their value of a column."""
    found: dict[Any, list[Facts]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def timestamp(seconds: float | None) -> str | None:
    """Returns seconds since 1970 as ISO 8601, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts that are known: documents leave out what would be null."""
    return {name: value for name, value in facts.items() if value is not None}


def _grade(grade: Facts) -> dict[str, Any]:
    return known({name: value for name, value in grade.items() if name != "step_id"})
