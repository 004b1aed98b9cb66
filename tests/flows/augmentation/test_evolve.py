"""Questions that are made harder or easier until the pass rate falls into a band, and a second model's word."""

import re
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

SAMPLES = 4


class Climber(Scripted):
    """Rewrites a question of difficulty d into one of d + 1 or d - 1, and answers right in SAMPLES - d of its
    samples."""

    def __init__(self) -> None:
        super().__init__(self.write, name="climber")

    def write(self, request: Request, index: int) -> str:
        text = request.messages[-1].content
        difficulty = int(re.findall(r"of difficulty (\d)", text)[0])
        if text.startswith("Solve this problem."):
            return "\\boxed{7}" if index < SAMPLES - difficulty else f"\\boxed{{{100 + index}}}"
        change = 1 if "harder" in text else -1
        return f"What is the riddle of difficulty {difficulty + change}?"


def riddle(difficulty: int, answer: str | None = "7") -> Problem:
    return Problem(f"What is a riddle of difficulty {difficulty}?", answer, source="tests")


async def evolved(tmp_path: Path, problem: Problem, **arguments: Any) -> list[tuple[Any, ...]]:
    store = Store(tmp_path / "redraft.duckdb")
    named = {f"evolve.{name}": value for name, value in arguments.items()}
    settings: dict[str, Any] = {"db": store, "methods": ["evolve"], "samples": SAMPLES}
    await augment([problem], model=Climber(), arguments=named, **settings)
    return store.query("SELECT question, refused, confidence FROM rewrites ORDER BY number").rows


async def test_an_easy_question_gets_harder_until_it_is_in_the_band(tmp_path: Path) -> None:
    assert await evolved(tmp_path, riddle(0), low=0.4, high=0.6) == [
        ("What is the riddle of difficulty 1?", "too easy: pass rate 0.75, not 0.4 to 0.6", 0.75),
        ("What is the riddle of difficulty 2?", None, 0.5),
    ]
    store = Store(tmp_path / "redraft.duckdb")
    told = "SELECT question, answer, (meta ->> 'confidence')::DOUBLE FROM problems WHERE augmentation = 'evolve'"
    assert store.query(told).rows == [("What is the riddle of difficulty 2?", "7", 0.5)]


async def test_a_hard_question_gets_easier(tmp_path: Path) -> None:
    assert await evolved(tmp_path, riddle(4), low=0.5, high=0.75) == [
        ("What is the riddle of difficulty 3?", "too hard: pass rate 0.25, not 0.5 to 0.75", 0.25),
        ("What is the riddle of difficulty 2?", None, 0.5),
    ]


async def test_a_question_in_the_band_is_left(tmp_path: Path) -> None:
    assert await evolved(tmp_path, riddle(2)) == [(None, "in the band already: pass rate 0.50", None)]


async def test_rounds_end_the_evolution_and_each_rewrite_says_why(tmp_path: Path) -> None:
    found = await evolved(tmp_path, riddle(0, None), low=0.4, high=0.6, rounds=1)
    assert found == [("What is the riddle of difficulty 1?", "too easy: pass rate 0.75, not 0.4 to 0.6", 0.75)]


@pytest.mark.parametrize("band", [{"low": 0.8, "high": 0.2}, {"high": 1.5}, {"low": -1.0}])
async def test_a_band_that_is_none_is_refused(tmp_path: Path, band: dict[str, float]) -> None:
    with pytest.raises(PartError, match="are no band: give 0 <= low <= high <= 1"):
        await evolved(tmp_path, riddle(0), **band)


async def test_rounds_are_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="rounds=0 is too few"):
        await evolved(tmp_path, riddle(0), rounds=0)


@pytest.mark.parametrize(
    ("second", "refused"), [("56", None), ("57", "the second model disagrees: 57, not 56"), ("", "the second model")]
)
async def test_a_second_model_confirms_or_refuses(tmp_path: Path, second: str, refused: str | None) -> None:
    def write(request: Request, index: int) -> str:
        return "\\boxed{56}" if request.messages[-1].content.startswith("Solve") else "What is 7 * 8?"

    other = Scripted(lambda request, index: f"\\boxed{{{second}}}" if second else "I do not know.", name="other")
    store = Store(tmp_path / "redraft.duckdb")
    arguments: dict[str, Any] = {"raise_complexity.second": other}
    model = Scripted(write, name="teacher")
    settings: dict[str, Any] = {"db": store, "methods": ["raise_complexity"], "samples": 2}
    await augment([riddle(0)], model=model, arguments=arguments, **settings)
    [(found,)] = store.query("SELECT refused FROM rewrites").rows
    assert found == refused or (refused and found and found.startswith(refused))
    assert len(other.requests) == 1
    assert other.requests[0].temperature == 0
    calls = "SELECT model, count(*) FROM calls GROUP BY ALL ORDER BY ALL"
    assert store.query(calls).rows == [("other", 1), ("teacher", 2)]
