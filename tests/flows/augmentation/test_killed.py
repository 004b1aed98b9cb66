"""MetaMath's four kinds, asked of the mock server, in a process that is killed again and again.
`bench/scale/augment.py` does the same over all training questions of GSM8K."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hidden_numbers import backward_questions
from redraft.store import Store

PROGRAM = Path(__file__).parents[1] / "augment_run.py"
METHODS = ("rephrase", "fobar", "self_verification", "answers")
QUESTIONS = [
    (f"{name} buys {a} boxes with {b} pens each in 20{c}. Each pen costs ${d}.50. How much does {name} pay?", a * b * d)
    for name in ("Ann", "Ben", "Cara")
    for a, b, c, d in ((3, 12, 10, 2), (7, 4, 19, 5), (16, 5, 21, 9))
]
KILLS = 10
WIDTH = 8  # calls in flight


def write(messages: Sequence[dict[str, Any]], seed: int, sample: int) -> str:
    """Rewrites and states as it is asked; its answers are right now and then."""
    text = str(messages[-1]["content"])
    if text.startswith("Rephrase"):
        return "Here is the question:\nTell me: " + text.split("\n\n", 1)[1]
    if text.endswith("Statement:"):
        asked, answer = text.split("\nQuestion: ")[-1].split("\n")[:2]
        return f"What is asked for ({asked.strip('?')}) is {answer.removeprefix('Answer: ')}."
    return f"\\boxed{{{seed % 8}}}"


async def run(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )


def made(db: Path) -> list[list[tuple[Any, ...]]]:
    with Store(db) as store:
        return [
            store.query(f"SELECT {columns} FROM {table} ORDER BY ALL").rows
            for columns, table in (
                ("parent_id, augmentation, number, question, answer, refused, answers, agreed", "rewrites"),
                ("problem_id, question, answer, parent_id, augmentation", "problems"),
                ("problem_id, sample, answer, correct", "samples"),
            )
        ]


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    file = tmp_path / "gsm8k_train.jsonl"
    file.write_text("\n".join(json.dumps({"question": q, "answer": f"So.\n#### {a}"}) for q, a in QUESTIONS))
    return file


async def test_a_run_that_is_killed_ten_times_makes_the_same_and_asks_nothing_twice(
    openai_protocol: ModuleType, problems: Path, tmp_path: Path
) -> None:
    server = await openai_protocol.OpenAIServer().start()
    server.write = write
    try:
        whole = await run(str(tmp_path / "whole.duckdb"), server.url, str(problems), ",".join(METHODS))
        _, errors = await whole.communicate()
        assert whole.returncode == 0, errors.decode()
        calls = len(server.requests)
        server.requests.clear()
        server.latency_ms = 5.0
        arguments = (str(tmp_path / "killed.duckdb"), server.url, str(problems), ",".join(METHODS))
        rng, seen = random.Random(1), 0
        for _ in range(KILLS):
            process = await run(*arguments)
            seen += rng.randint(2, calls // (KILLS + 2))
            while len(server.requests) < seen and process.returncode is None:  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.005)
            if process.returncode is None:
                process.kill()
            await process.wait()
            seen = len(server.requests)
        last = await run(*arguments)
        _, errors = await last.communicate()
        assert last.returncode == 0, errors.decode()
        asked = len(server.requests)
    finally:
        await server.stop()
    assert made(tmp_path / "killed.duckdb") == made(tmp_path / "whole.duckdb")
    assert calls <= asked <= calls + KILLS * WIDTH
    rewrites, _, samples = made(tmp_path / "whole.duckdb")
    expected = [made for question, answer in QUESTIONS for made in backward_questions(question, str(answer))]
    assert sorted((row[3], row[4]) for row in rewrites if row[1] == "fobar") == sorted(expected)
    hidden, kinds = len(expected), [row[1] for row in rewrites]
    assert {kind: kinds.count(kind) for kind in METHODS} == {
        "rephrase": len(QUESTIONS), "fobar": hidden, "self_verification": hidden, "answers": len(QUESTIONS)
    }  # fmt: skip
    assert hidden == 3 * len(QUESTIONS)
    assert len(samples) >= 2 * len(QUESTIONS)
