"""The same seed gives the same trajectories, whatever runs beside them and however often a run was killed."""

import asyncio
import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from redraft.agents import build
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Sampling
from redraft.llm.providers.embedded.model import embedded
from redraft.store.journal import Journal
from redraft.store.problems import Keyring, Problem
from redraft.store.sources.wordproblems import problems

PLANS: list[tuple[str, dict[str, Any]]] = [
    ("self_consistency", {"samples": 5, "adaptive": True}),
    ("correct", {"samples": 3, "turns": 3, "feedback": "oracle", "critic": "model"}),
    ("correct", {"samples": 2, "turns": 2, "feedback": "likelihood", "grader": "likelihood", "pick": "best"}),
    ("mcts", {"grader": "likelihood", "iterations": 4, "branch": 2, "parallel": 2, "rollouts": 1}),
    ("rest_mcts", {"grader": "likelihood", "critic": "model", "iterations": 2, "branch": 2}),
    ("particle", {"grader": "likelihood", "n": 3, "iterations": 3}),
    ("debate", {"agents": 3, "rounds": 2}),
    ("token_beam", {"width": 3}),
    ("lookahead", {"grader": "likelihood", "n": 2, "width": 2, "iterations": 3}),
]
NAMES = [
    "adaptive",
    "oracle and critic",
    "likelihood",
    "rounds of a tree",
    "a tree's critic",
    "particles",
    "debate",
    "token beam",
    "rollouts",
]


@pytest.fixture(scope="module")
def asked() -> list[Problem]:
    return list(islice(problems(levels=[1, 2, 3], seed=3), 8))


async def run(asked: list[Problem], plan: tuple[str, dict[str, Any]], journal: Journal, at_once: int) -> dict[str, Any]:
    """Every problem's trajectories by its id, the problems asked in an order of chance, `at_once` calls at a time."""
    strategy, arguments = plan
    keys = Keyring({problem.problem_id: problem.answer for problem in asked})
    client = Client(embedded(), journal=journal, sampling=Sampling(seed=7, max_tokens=120), limits=Limits(at_once))
    agent = build(strategy, client, keys=keys, **arguments)
    shuffled = random.Random(at_once).sample(asked, len(asked))
    solved = await asyncio.gather(*(agent(problem.ask()) for problem in shuffled))
    return {problem.problem_id: trajectories for problem, trajectories in zip(shuffled, solved, strict=True)}


def call_ids(journal: Journal, asked: list[Problem]) -> list[str]:
    return sorted(call.call_id for problem in asked for call, _ in journal.calls(problem.problem_id))


@pytest.mark.parametrize("plan", PLANS, ids=NAMES)
async def test_concurrency_and_a_kill_change_nothing(
    asked: list[Problem], plan: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    alone = await run(asked, plan, Journal(None), at_once=1)
    path = tmp_path / "r.jsonl"
    journal = Journal(path)
    assert await run(asked, plan, journal, at_once=16) == alone
    calls = call_ids(journal, asked)
    journal.close()

    lines = path.read_bytes().splitlines(keepends=True)
    for kept in (len(lines), len(lines) // 2, 3):
        path.write_bytes(b"".join(lines[:kept]) + lines[1][:20])
        journal = Journal(path)
        assert await run(asked, plan, journal, at_once=4) == alone
        assert call_ids(journal, asked) == calls
        journal.close()
