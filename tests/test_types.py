"""A user's type checker sees the true types of the public names, in `.venv` and where the wheel is installed."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

PROGRAM = """\
import asyncio
from collections.abc import Sequence

from redraft.agents import Agent, Critic, Critique, Feedback, Policy, Remark, build, solve
from redraft.flows import Candidate, Filter, Format, Row, Settings, evaluate, export, filter, generate, label
from redraft.flows.generate import generate as generate_by_module
from redraft.graders import Grader, Selector, majority, pass_at_k
from redraft.llm import Budget, Client, Limits, Message, Model, ModelError, Prices, Prompts, Request, Sampling, Scripted
from redraft.store import Grade, Keyring, Kind, Problem, Question, RedraftError, Role, Stop, Store, Trajectory, Verdict
from redraft.store import replace


def shortest(policy: Policy, *, samples: int = 4) -> Agent:
    async def solve_shortly(question: Question) -> list[Trajectory]:
        drafts = await policy(Trajectory(question), samples)
        return [replace(drafts[0], chosen=True), *drafts[1:]]

    return solve_shortly


def brief(per_token: float = 0.01) -> Grader:
    async def grade(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("brief", t.trajectory_id, t.turn, value=-per_token * t.tokens) for t in trajectories]

    return grade


def has(*, word: str) -> Filter:
    def look(candidate: Candidate) -> str | None:
        return None if word in candidate.text else f"no {word!r} in it"

    return look


selector: Selector = majority
agent = build(shortest, Client(Scripted(lambda request, index: "4"), sampling=Sampling(0.5)), samples=2)
reveal_type(agent)
reveal_type(asyncio.run(agent(Problem("2 + 2?", "4").ask())))
reveal_type(asyncio.run(solve("2 + 2?")))
reveal_type(asyncio.run(generate("builtin", limit=1, budget=Budget(tokens=100))))
reveal_type(asyncio.run(generate_by_module("builtin", limit=1)))
reveal_type(asyncio.run(evaluate(strategies=["greedy"], settings=Settings(samples=2))))
reveal_type(Store(":memory:").query("SELECT 1"))
reveal_type(pass_at_k(4, 2, 1))
"""
MISTAKES = """\
from redraft.flows import Genrate, generate
from redraft.store import Problem

Problem(7)
generate("builtin", smaples=2)
"""


@pytest.fixture(params=["the environment of make", "a wheel in a clean environment"])
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter for which the checkers look."""
    if request.param == "the environment of make":
        return BIN / "python"
    installed: Path = request.getfixturevalue("installed")
    return installed / "python"


def mypy(python: Path, folder: Path) -> str:
    """What mypy says of the program in a folder, with strict rules. It reads no configuration of the repository."""
    command = [BIN / "mypy", "--strict", "--python-executable", python, "--cache-dir", folder / "cache", "program.py"]
    return _output(command, folder)


def pyright(python: Path, folder: Path) -> str:
    return _output([BIN / "pyright", "--pythonpath", python, "program.py"], folder)


@pytest.mark.pairs
@pytest.mark.xdist_group("prefect_server")  # beside the other tests of the wheel, which is then built once
@pytest.mark.parametrize("check", [mypy, pyright], ids=lambda check: check.__name__)
def test_checkers_see_the_types(check: Callable[[Path, Path], str], python: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    report = check(python, tmp_path)
    assert re.findall(r"^.*error.*$", report.replace("0 errors", ""), re.MULTILINE) == []
    revealed = re.findall(r"(?:Revealed type is|Type of .* is) \"(.*?)\"", report)
    assert len(revealed) == PROGRAM.count("reveal_type"), report
    assert [kind for kind in revealed if re.search(r"\b(Any|Unknown)\b", kind)] == []
    (tmp_path / "program.py").write_text(MISTAKES)
    wrong = {int(line) for line in re.findall(r"program\.py:(\d+).*error", check(python, tmp_path))}
    assert wrong == {1, 4, 5}


def _output(command: list[str | Path], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr
