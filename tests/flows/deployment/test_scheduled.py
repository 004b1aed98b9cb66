"""The flows on a real Prefect server, shown in their true state. test_schedule.py runs them by deployment."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Store


@pytest.fixture
def python(prefect_server: Mapping[str, str], tmp_path: Path) -> Any:
    """Runs a program that talks to the server, in an empty folder."""

    def run(*arguments: str, cwd: Path = tmp_path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env={**os.environ, **prefect_server}, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


def called(prefect_api: Any, flow: str, sort: str = "START_TIME_ASC") -> list[Any]:
    """The runs of a flow that a program started, as the server has them; those of deployments are no part of them."""
    own = {"deployment_id": {"is_null_": True}}
    return prefect_api("flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "flow_runs": own, "sort": sort})


def test_a_flow_run_shows_its_true_state(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", GENERATE)
    assert done.returncode == 0, done.stderr
    found = called(prefect_api, "generate")
    assert [run["state"]["type"] for run in found] == ["COMPLETED", "FAILED", "FAILED", "COMPLETED"]
    messages = [run["state"]["message"] for run in found]
    assert re.fullmatch(r"5 problems, 5 trajectories: [0-5] right; 5 new, 0 already there", messages[0])
    assert "Nobody answers at http://127.0.0.1:9/v1" in messages[1]
    assert "no strategy 'nope'" in messages[2]
    told = (
        r"5 problems, 4 trajectories: \d right; 4 new, 0 already there\. The flow run's budget of 3 calls is used up\."
    )
    assert re.fullmatch(told, messages[3])
    ids = {"flow_runs": {"id": {"any_": [run["id"] for run in found]}}}
    shards = sorted((task["state"]["type"], task["run_count"]) for task in prefect_api("task_runs/filter", ids))
    assert shards[:5] == [("COMPLETED", 1)] * 5  # 5 problems are three shards of 2
    assert shards[5:] == [("FAILED", 1), ("FAILED", 2)]  # a mistake is not tried again, an absent provider is
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-summary"]}}})
    assert "| problems | 5 |" in artifact["data"]
    assert "budget of 3 calls is used up. Problems that it did not reach" in artifact["data"]
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT count(DISTINCT unit_id) FROM raw.commits WHERE status = 'done'").rows == [(5,)]


def test_annotating_shows_its_true_state_and_judges_what_is_new(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", ANNOTATE)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "annotate", "START_TIME_DESC")
    first, second, dead = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:3]))
    assert first[0] == second[0] == "COMPLETED"
    assert first[1].startswith("2 drafts judged by rollout, 2 with a value")
    assert second[1].startswith("0 drafts judged by rollout, 0 with a value")
    assert "2 were known" in second[1]
    assert dead[0] == "FAILED"
    assert "Nobody answers at http://127.0.0.1:9/v1" in dead[1]
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-annotation"]}}})
    assert artifact["data"].startswith("0 drafts judged by rollout")
    with Store(tmp_path / "judged.duckdb") as store:
        grades = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(grades).rows == [(2,)]


def test_augmenting_shows_its_true_state_and_makes_what_is_missing(
    prefect_api: Any, python: Any, tmp_path: Path
) -> None:
    done = python("-c", AUGMENT)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "augment", "START_TIME_DESC")
    first, second, few, dead = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:4]))
    assert first[0] == second[0] == "COMPLETED"
    assert re.match(r"fobar: \d+ of \d+ rewrites accepted", first[1])
    assert "3 problems done before, none left" in second[1]
    assert few[0] == "FAILED"
    assert "Too few accepted: 0, and min_accepted is 1" in few[1]
    assert dead[0] == "FAILED"
    assert "Nobody answers at http://127.0.0.1:9/v1" in dead[1]
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-augment"]}}})
    assert "no new rewrite accepted" in artifact["data"]
    with Store(tmp_path / "made.duckdb") as store:
        assert store.query("SELECT count(DISTINCT parent_id) FROM rewrites").rows == [(3,)]


def test_self_training_shows_its_true_state_and_goes_on(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", SELF_TRAIN)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "self_train", "START_TIME_DESC")
    spent, ended, small = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:3]))
    assert spent[0] == "FAILED"
    assert "budget of 3 calls is used up" in spent[1]
    assert ended[0] == "COMPLETED"
    assert re.match(r"round 1: \d+ rows, ", ended[1])
    assert small[0] == "FAILED"
    assert small[1].startswith("Too small a gain: ")
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-self-train"]}}})
    assert "round 0: " in artifact["data"]
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT round, state FROM rounds ORDER BY round").rows == [
            (0, "evaluated"),
            (1, "evaluated"),
        ]


def test_a_run_goes_on_if_the_server_takes_no_artifact(python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    done = python("-c", NOTED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "on\n"
    told = r"WARNING .*Prefect's server takes no artifact 'redraft-summary' \(.+\): the results are stored"
    assert re.search(told, done.stderr), done.stderr


def until_stored(db: Path, units: int) -> None:
    """Returns when the store has so many units."""
    with Store(db) as store:
        while store.query("SELECT count(*) FROM raw.commits").rows < [(units,)]:
            time.sleep(0.2)


async def test_a_run_goes_on_while_prefects_server_is_gone(
    prefect: Any, prefect_api: Any, openai_server: Any, tmp_path: Path
) -> None:
    """The server is killed in the midst of a run and started again: the run ends, and each call was made once."""
    held = asyncio.Event()
    asked = Counter[str]()

    async def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        asked[messages[0]["content"]] += 1
        if len(asked) > 4:  # in the third of ten shards
            first.set()
            await held.wait()
        return "\\boxed{4}"

    first = asyncio.Event()
    openai_server.write = write
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GONE, openai_server.url, cwd=tmp_path, env={**os.environ, **prefect.env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    await first.wait()
    prefect.stop(at_once=True)
    held.set()
    await asyncio.to_thread(until_stored, tmp_path / "redraft.duckdb", 6)  # shards are done without the server
    await asyncio.to_thread(prefect.start)
    out, _ = await program.communicate()
    assert program.returncode == 0, out.decode()
    assert set(asked.values()) == {1}
    assert len(asked) == 20
    [run] = called(prefect_api, "generate", "START_TIME_DESC")[:1]
    assert (run["state"]["type"], run["state"]["message"]) == (
        "COMPLETED",
        "20 problems, 20 trajectories: 0 right; 20 new, 0 already there",
    )


async def test_prefect_gets_no_key_no_password_and_no_question(
    prefect_server: Mapping[str, str], prefect_api: Any, openai_server: Any, tmp_path: Path
) -> None:
    """Neither in its database nor in a log, although a provider and a user's own parts repeat what they were given."""
    key, wrong, password = "sk-okapi-8d5f2c11a90b47e3", "sk-tapir-61c0e9b7d2f84a35", "Passw0rd-zebra"
    asked = [f"Wombatina has {n} purple lemurs in each of 13 zeppelins. How many has she?" for n in (4, 5)]
    rows = [json.dumps({"question": text, "answer": str(13 * n)}) for n, text in enumerate(asked, 4)]
    (tmp_path / "problems.jsonl").write_text("\n".join(rows))
    (tmp_path / "mine.py").write_text(MINE)

    def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        if " 5 purple" in messages[0]["content"]:
            raise BadRequest(f"this prompt is refused: {messages[0]['content']}")
        return "\\boxed{52}"

    BadRequest = sys.modules["openai_protocol.prompts"].BadRequest
    openai_server.write, openai_server.key = write, key
    names = {"OPENAI_API_KEY": key, "WRONG_KEY": wrong, "PREFECT_LOGGING_TO_API_ENABLED": "true"}
    own = {"ADDRESS": openai_server.url, "SECRET_ADDRESS": f"{openai_server.url}?token={password}"}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SECRETS, cwd=tmp_path, env={**os.environ, **prefect_server, **names, **own},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await program.communicate()
    told = out.decode()
    assert program.returncode == 0, told
    states = json.loads(told.splitlines()[-1])
    assert [state[0] for state in states] == ["FAILED"] * 7, told
    refused, refused_key, strategy, grader, where, augmented, known = (message for _, message in states)
    assert refused.startswith("2 trajectories failed: 2 x ")
    assert "rejects the request to mock (this prompt is refused: ***)" in refused
    assert "refuses the key for mock (Incorrect API key provided: ***)" in refused_key
    assert re.fullmatch(
        r"strategy 'mine.py:boom' failed on problem \w+: ValueError: \*\*\* \(mine.py, line 7\)", strategy
    )
    assert grader == "grader 'mine.py:grader' failed: ValueError: *** (mine.py, line 13)"
    assert where == "where='question::INT = 1': ***"
    assert "rejects the request to mock (this prompt is refused: ***)" in augmented
    assert "api_base: an address with a password or a key in it" in known

    home = Path(prefect_server["PREFECT_HOME"])
    with closing(sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True)) as database:
        kept = "\n".join(database.iterdump())
    assert "this prompt is refused" in kept  # in the state of a run and in its log
    assert prefect_api("logs/filter", {"logs": {"level": {"ge_": 40}}})
    for text in (kept, told, (home / "server.log").read_text(errors="replace")):
        assert not [word for word in ("okapi", "tapir", password, "Wombatina", "purple lemurs") if word in text]


NOTED = """
import asyncio, os

os.environ["PREFECT_API_URL"] = "http://127.0.0.1:9/api"  # where nobody answers
from redraft.flows.deployment.flow import noted

asyncio.run(noted("5 problems", "redraft-summary", "replicate 1"))
print("on")
"""

GONE = """
import asyncio, sys
from redraft.flows import scheduled

scheduled.SHARD = 2
given = {"strategy": "best_of_n", "samples": 1, "limit": 20, "model": "mock", "api_base": sys.argv[1]}
asyncio.run(scheduled.generate("builtin:levels=1", **given, return_state=True))
"""

MINE = """
from redraft.agents import Agent, Policy
from redraft.graders import Grader

def boom(policy: Policy) -> Agent:
    async def solve(question):
        raise ValueError(f"I cannot solve {question.text}")
    return solve

def grader() -> Grader:
    async def grade(trajectories):
        [path, *_] = trajectories
        raise ValueError(f"I cannot grade {path.question.text}")
    return grade
"""

SECRETS = """
import asyncio, json, os
from prefect.blocks.system import Secret
from redraft.flows import scheduled

async def main():
    await Secret(value=os.environ["SECRET_ADDRESS"]).save("kept")
    states = []

    async def run(flow, **named):
        state = await flow(**named, retries=0, return_state=True)
        states.append((state.type.value, state.message))

    asked = {"source": "problems.jsonl", "model": "mock", "api_base": "secret:kept"}
    asked |= {"samples": 2, "strategy": "best_of_n"}
    plain = asked | {"api_base": "env:ADDRESS"}
    await run(scheduled.generate, **asked, db="one.duckdb")
    right, os.environ["OPENAI_API_KEY"] = os.environ["OPENAI_API_KEY"], os.environ["WRONG_KEY"]
    await run(scheduled.generate, **plain, db="two.duckdb")
    os.environ["OPENAI_API_KEY"] = right
    del plain["samples"]
    await run(scheduled.generate, **plain | {"strategy": "mine.py:boom"}, db="three.duckdb")
    await run(scheduled.annotate, db="one.duckdb", grader="mine.py:grader")
    await run(scheduled.annotate, db="one.duckdb", grader="mine.py:grader", where="question::INT = 1")
    del plain["strategy"]
    await run(scheduled.augment, **plain, db="four.duckdb", methods=["rephrase"])
    await run(scheduled.generate, **plain | {"api_base": os.environ["SECRET_ADDRESS"]}, db="five.duckdb")
    print(json.dumps(states))

asyncio.run(main())
"""

SELF_TRAIN = """
import asyncio
from redraft.flows import scheduled

async def main():
    line = "sh -c 'cp -r {base} {out} && rm -rf {out}/training'"
    trainer = {"trainer.command": line, "trainer.model": "embedded:{out}"}
    given = {"trainer": "command", "arguments": trainer, "limit": 3, "samples": 2, "heldout_limit": 3}
    for more in ({"budget": {"calls": 3}}, {}, {"min_gain": 0.5}):
        await scheduled.self_train(**given | more, return_state=True)

asyncio.run(main())
"""

AUGMENT = """
import asyncio
from redraft.flows import scheduled

async def main():
    given = {"source": "builtin:levels=1", "limit": 3, "db": "made.duckdb", "methods": ["fobar"], "samples": 2}
    nobody = {"model": "openai/nobody", "api_base": "http://127.0.0.1:9/v1", "retries": 0}
    for more in ({}, {}, {"min_accepted": 1}, nobody):
        await scheduled.augment(**given | more, return_state=True)

asyncio.run(main())
"""

ANNOTATE = """
import asyncio
from redraft.flows import scheduled
from redraft.flows.generate import generate

async def main():
    await generate("builtin:levels=1", db="judged.duckdb", samples=1, limit=2, strategy="best_of_n")
    given = {"db": "judged.duckdb", "arguments": {"grader.rollouts": 2}, "return_state": True}
    nobody = {"model": "openai/nobody", "api_base": "http://127.0.0.1:9/v1", "retries": 0}
    for more in ({}, {}, {**nobody, "grader": "prm", "arguments": {"grader.profile": "judge"}}):
        await scheduled.annotate(**given | more)

asyncio.run(main())
"""

GENERATE = """
import asyncio
from redraft.flows import scheduled

scheduled.SHARD = 2
AGAIN = {"retries": 1, "retry_delay_s": 0}

async def run(**given):
    await scheduled.generate("builtin:levels=1", samples=1, max_tokens=60, return_state=True, **given)

async def main():
    await run(limit=5)
    await run(limit=2, model="openai/nobody", api_base="http://127.0.0.1:9/v1", db="dead.duckdb", **AGAIN)
    await run(limit=2, strategy="nope")
    await run(limit=5, strategy="best_of_n", budget={"calls": 3}, problem_budget={"tokens": 900}, db="some.duckdb")

asyncio.run(main())
"""
