from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from redraft.store import Grade, Question, Role, Stop, Store, Trajectory, Verdict
from redraft.store.calls import Call, Choices
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
VERDICTS = {True: Verdict.RIGHT, False: Verdict.WRONG, None: Verdict.UNDECIDED}

Draft = tuple[str | None, bool | None]
"""The answer of a draft, and what the oracle says of it."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "redraft.duckdb")


@pytest.fixture
def make_unit() -> Callable[..., Unit]:
    """A unit whose samples each have the given drafts; `scores` are by grader, sample and turn."""

    def make(
        samples: Sequence[Sequence[Draft]],
        *,
        problem_id: str = "p",
        recipe: str = "r",
        attempt: int = 1,
        scores: dict[str, Sequence[Sequence[float | None]]] | None = None,
        calls: Sequence[tuple[Call, Choices]] = (),
        failed: Sequence[int] = (),
        texts: Sequence[str] = (),
    ) -> Unit:
        unit = unit_id(recipe, problem_id, "")
        words = texts or ["The same text."] * len(samples)
        paths = [path(unit, problem_id, n, drafts, words[n]) for n, drafts in enumerate(samples)]
        grades = [
            Grade("oracle", path.trajectory_id, turn, None, VERDICTS[correct])
            for path, drafts in zip(paths, samples, strict=True)
            for turn, (_, correct) in enumerate(drafts, start=1)
        ]
        for grader, values in (scores or {}).items():
            grades += [
                Grade(grader, path.trajectory_id, turn, value, reason=None if value is not None else "no idea")
                for path, row in zip(paths, values, strict=True)
                for turn, value in enumerate(row, start=1)
            ]
        ended = tuple(
            path if number not in failed else Trajectory(path.question, path.steps, number, stop=Stop.FAILED)
            for number, path in enumerate(paths)
        )
        status = "failed" if failed else "done"
        return Unit(
            unit,
            "run",
            recipe,
            problem_id,
            "",
            attempt,
            len(samples),
            status,
            ended,
            tuple(grades),
            tuple(calls),
            NOON,
            NOON,
        )

    return make


def path(unit: str, problem_id: str, number: int, drafts: Sequence[Draft], text: str) -> Trajectory:
    grown = Trajectory(Question(problem_id, "What?", unit=unit), sample=number, role=Role.SAMPLE)
    for turn, (answer, _) in enumerate(drafts, start=1):
        grown = grown.respond("Try again.", "oracle") if turn > 1 else grown
        grown = grown.grow(text, number if turn == 1 else 0, tokens=3, final=True)
        grown = Trajectory(
            grown.question, grown.steps, number, stop=Stop.ANSWERED, stops=grown.stops, answer=answer,
            answers=grown.answers,
        )  # fmt: skip
    return grown


@pytest.fixture
def make_call() -> Callable[..., Call]:
    """A call of unit `unit`: its first sample at the root."""

    def make(unit: str = "u", first: int = 0, **facts: object) -> Call:
        given = {
            "call_id": f"{unit}-{first}", "unit": unit, "problem_id": "p", "purpose": "propose", "place": f"{unit}/",
            "first": first, "n": 1, "model": "embedded", "prompt_hash": "h", "params": {"temperature": 1.0},
        }  # fmt: skip
        return Call(**{**given, **facts})  # type: ignore[arg-type]

    return make
