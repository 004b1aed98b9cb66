"""Debate and token beams as runs: what the store and its views hold of them, and debate beside self-consistency."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.evaluate import evaluate
from redraft.flows.generate import generate
from redraft.flows.settings import Settings
from redraft.llm.client.client import Client
from redraft.llm.model import Request, Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.scripted import Scripted
from redraft.store.problems import Problem
from redraft.store.tables.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "a.duckdb"


async def test_a_debates_turns_are_those_of_a_correction(db: Path) -> None:
    model = debater(lambda writer, number: "5" if writer < number else "3")
    found = await generate([Problem("2+3?", "5")], db=db, model=model, strategy="debate", samples=2)
    assert (found.problems, found.trajectories, found.feedback) == (1, 3, "peers")
    with Store(db) as store:
        turns = store.query("SELECT turn, correct, wrong_to_right FROM corrections ORDER BY turn").rows
        assert turns == [(1, 0, 0), (2, 1, 1), (3, 2, 1)]
        said = store.query('SELECT DISTINCT "by" FROM steps ORDER BY 1').rows
        assert said == [("model",), ("peers",)]
        feedback = store.query("SELECT count(*) FROM turns WHERE feedback LIKE '%Solution 2:%<<<%>>>%'").rows
        assert feedback == [(6,)]
        assert store.query("SELECT answer, chosen FROM trajectories ORDER BY sample").rows == [
            ("5", True), ("5", False), ("3", False),
        ]  # fmt: skip
        assert store.query("SELECT purpose, sum(n) FROM calls GROUP BY ALL ORDER BY 1").rows == [
            ("propose", 3), ("revise", 6),
        ]  # fmt: skip
    asked = len(model.requests)
    await generate([Problem("2+3?", "5")], db=db, model=model, strategy="debate", samples=2)
    assert len(model.requests) == asked


async def test_a_debate_is_held_against_as_many_votes_as_it_made_calls(db: Path) -> None:
    """Nine drafts of one length: so many tokens pay for nine votes."""
    model = debater(lambda writer, number: "5" if writer != 1 else "3")
    asked = [Problem(f"{a}+{5 - a}?", "5") for a in range(4)]
    found = await evaluate(
        asked, strategies=["debate"], models=[model], db=db, settings=Settings(samples=2), baseline=16
    )
    [method] = found.methods
    assert (method.feedback, method.in_turns, method.trajectories) == ("peers", False, 12)
    row = method.last
    assert row is not None
    assert row.cost.calls == 9
    assert row.accuracy.estimate == 1.0
    equal = row.equal_cost
    assert equal is not None
    assert equal.k == pytest.approx(9.0)
    assert not equal.short


def debater(answer: Callable[[int, int], str]) -> Scripted:
    """Writes what a writer answers in a round (0 is its first draft), ever in as many words; for a vote each sample is
    a writer of its own."""

    def script(request: Request, index: int) -> str:
        number = len(request.messages) // 2
        writer = index if number == 0 else int(request.messages[1].content.split()[1])
        return f"Writer {writer} says this.\n\nThe answer is \\boxed{{{answer(writer, number)}}}"

    return Scripted(script)


async def test_the_likeliest_drafts_are_no_samples(db: Path) -> None:
    found = await generate("builtin", db=db, strategy="token_beam", arguments={"width": 3}, limit=2)
    assert (found.problems, found.trajectories) == (2, 6)
    with Store(db) as store:
        assert store.query("SELECT role, count(*) FROM trajectories GROUP BY ALL").rows == [("search", 6)]
        assert store.query("SELECT count(*) FROM pass_at_k").rows == [(0,)]
        assert store.query("SELECT params->>'length_penalty', n FROM calls").rows == [("1.0", 3)] * 2
        assert store.query("SELECT count(*) FROM trajectories WHERE chosen").rows == [(2,)]


async def test_a_run_says_how_it_truncated(db: Path) -> None:
    await generate("builtin", db=db, strategy="self_consistency", samples=2, limit=1, top_p=0.9, top_k=20)
    with Store(db) as store:
        config = "SELECT config->>'top_p', config->>'top_k', config->>'min_p' FROM runs"
        assert store.query(config).rows == [("0.9", "20", None)]
        assert store.query("SELECT params->>'top_p', params->>'top_k' FROM calls").rows == [("0.9", "20")]


async def test_a_mistake_in_a_setting_of_drawing_is_one_line(mistake: Any, tmp_path: Path) -> None:
    assert "top-p" in mistake("generate", "--top-p", "1.5")
    assert "min-p" in mistake("evaluate", "--min-p", "1")
    assert "top-k" in mistake("annotate", "--top-k", "0")
    assert "min-p" in mistake("solve", "1+1?", env={"REDRAFT_MIN_P": "x"})
    (tmp_path / "redraft.toml").write_text("top-k = -3\n")
    assert "top-k" in mistake("generate")


def test_only_who_shows_drafts_to_peers_has_the_wording_in_its_recipe() -> None:
    from redraft.flows.generation.recipe import recipe
    from redraft.flows.generation.strategy import find_strategy

    def of(strategy: str, prompts: Prompts, **arguments: Any) -> str:
        client = Client(Scripted(lambda request, index: ""), sampling=Sampling(), prompts=prompts)
        given: dict[str, Any] = {"grader": None, "critic": None, "measures": (), "problem_budget": {}}
        return recipe(client, find_strategy(strategy), arguments=arguments, **given)

    own = Prompts(templates={"peers": "{solutions}"})
    assert of("correct", own) == of("correct", Prompts())
    assert of("debate", own) != of("debate", Prompts())
    assert of("correct", own, feedback="peers") != of("correct", Prompts(), feedback="peers")
