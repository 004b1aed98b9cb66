"""Code that the formats of complete trajectories share: the parts of a unit's tree that one document of another program
contains, and the data that redraft adds under its own key."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.tables.reading.units import Facts, UnitFacts

OWN = "redraft"
"""The key for data for which the other program's format has no field."""
Way = Sequence[Facts]
"""The steps of a path from a first step to a leaf."""
Grades = Mapping[str | None, Sequence[Facts]]
"""Grades by the id of the step that they grade. Grades of whole drafts have the key None."""


class UnitTree(NamedTuple):
    """A unit, indexed for fast access: steps and calls by id, drafts and grades by trajectory, and calls by step id
    (`asked`). Each row is indexed once, however many trajectories there are."""

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
        """Returns the steps of a trajectory, from the first step to its leaf."""
        way: list[Facts] = []
        leaf = self.drafts[trajectory_id][-1]["end_step_id"]
        while leaf is not None and (step := self.steps.get(leaf)):
            way.append(step)
            leaf = step["parent_id"]
        return way[::-1]

    def calls_of(self, shown: str, way: Way) -> list[Facts]:
        """Returns the calls of a document, in the order of their replies. For a search these are all calls of the unit.
        Otherwise these are the calls that wrote one of its steps, or that were made about one of its steps."""
        if any(draft["role"] == "search" for draft in self.drafts[shown]):
            return self.facts.calls
        wrote = (self.calls[step["call_id"]] for step in way if step["call_id"] in self.calls)
        found = {call["call_id"]: call for call in wrote}
        found |= {call["call_id"]: call for step in way for call in self.asked.get(step["step_id"], ())}
        return sorted(found.values(), key=lambda call: (call["answered_at"] or 0.0, call["call_id"]))

    def grades_of(self, trajectory_ids: Iterable[str]) -> Grades:
        """Returns the grades of these trajectories by step id. Trajectories that share a step may each have a grade of
        the step."""
        return grouped((grade for each in trajectory_ids for grade in self.grades.get(each, ())), "step_id")


def documents(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Yields lists of the candidates that one document contains. A sample has a document of its own, and a search has
    one document. The first candidate is the one whose steps the document shows."""
    searched = sorted((each for each in candidates if each.role == "search"), key=lambda each: not each.chosen)
    if searched:
        yield searched
    yield from ([each] for each in candidates if each.role != "search")


def choices_of(call: Facts) -> list[dict[str, Any]]:
    """Returns the choices of a call, each with `text`, `finish` and `tokens`, and with `thinking`, `logprobs` and
    `offsets` if the model returned them."""
    return json.loads(call["response"] or "[]")


def choice_of(steps: Way, call: Facts) -> Mapping[str, Any]:
    """Returns the choice of a call that wrote exactly these steps, or an empty mapping if no choice did. The separator
    at the end of a step is a stop string, which is not part of the text of a choice."""
    text = "".join(step["text"] for step in steps).rstrip()
    return next((choice for choice in choices_of(call) if choice.get("text", "").rstrip() == text), {})


def own_problem(problem: Facts) -> dict[str, Any]:
    return known({**problem, "meta": json.loads(problem["meta"] or "{}") or None})


def own_trajectory(drafts: Sequence[Facts], grades: Iterable[Facts]) -> dict[str, Any]:
    """Returns a trajectory as JSON data: its facts, its drafts, and the grades of whole drafts."""
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
    """Returns a dict that groups rows by their value of the column `name`."""
    found: dict[Any, list[Facts]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def timestamp(seconds: float | None) -> str | None:
    """Returns a time in seconds since 1970 as an ISO 8601 string in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts that are not None, because documents leave out null values."""
    return {name: value for name, value in facts.items() if value is not None}


def _grade(grade: Facts) -> dict[str, Any]:
    return known({name: value for name, value in grade.items() if name != "step_id"})
