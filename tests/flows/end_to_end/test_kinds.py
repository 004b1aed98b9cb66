"""The examples of docs/kinds.md, run on a real HTTP server whose model writes good, wrong and malicious answers."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from openai_protocol.model.scripted import scripted
from redraft.flows.generate import generate
from redraft.store import Store

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
ROWS = {kind: [*map(json.loads, (EXAMPLES / f"{kind}.jsonl").open())] for kind in ("choice", "code", "rubric")}
SECRET = "a secret of the machine"


def fenced(code: str) -> str:
    return f"Here it is.\n\n```python\n{code}\n```"


async def test_multiple_choice_is_counted_by_letters(openai_server: Any, tmp_path: Path) -> None:
    def spelled(row: dict[str, Any]) -> list[str]:
        right, wrong = row["answer"], "ABCD"[("ABCD".index(row["answer"]) + 1) % 4]
        text = row["choices"]["ABCD".index(right)]
        return [
            f"I know.\n\nThe answer is \\boxed{{({right.lower()})}}",
            f"The answer is {right}) {text}.",
            f"The answer is \\boxed{{\\text{{{wrong}}}}}",
        ]

    openai_server.write = scripted({row["question"]: spelled(row) for row in ROWS["choice"]})
    summary = await generate(
        EXAMPLES / "choice.jsonl", db=tmp_path / "r.duckdb", model="tiny", api_base=openai_server.url,
        strategy="self_consistency", samples=3,
    )  # fmt: skip
    assert summary.trajectories == 30
    assert summary.pass_at_1 == pytest.approx(2 / 3)
    with Store(tmp_path / "r.duckdb") as store:
        chosen = "SELECT count(*), count(*) FILTER (correct) FROM trajectories WHERE chosen"
        assert store.query(chosen).rows == [(10, 10)]
    [asked] = [r for r in openai_server.requests if ROWS["choice"][0]["question"] in str(r["messages"])]
    assert "\nA) 51\nB) 57\nC) 61\nD) 63\n" in asked["messages"][0]["content"]


async def test_good_wrong_and_malicious_programs_are_told_apart(openai_server: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    bad = [
        "def nothing():\n    pass",
        f"print(open({str(secret)!r}).read())",
        f"import os\nos.remove({str(secret)!r})",
        "import os\nos.kill(os.getppid(), 9)",
        "raise SystemExit(0)",
        "x = [0] * 10 ** 12",
        "class Any:\n    def __eq__(self, other):\n        return True",
        "while True:\n    pass",
    ]
    openai_server.write = scripted(
        {
            row["question"]: [fenced(row["canonical_solution"]), fenced(bad[number % len(bad)])]
            for number, row in enumerate(ROWS["code"][:8])
        }
    )
    begun = time.monotonic()
    summary = await generate(
        EXAMPLES / "code.jsonl", db=tmp_path / "r.duckdb", model="tiny", api_base=openai_server.url,
        arguments={"turns": 1}, samples=2, limit=8,
    )  # fmt: skip
    assert time.monotonic() - begun < 60
    assert summary.pass_at_1 == 0.625  # two bad programs use what only the sandbox lacks: undecided, and left out
    assert secret.read_text() == SECRET
    with Store(tmp_path / "r.duckdb") as store:
        sql = "SELECT sample, count(*), count(*) FILTER (correct) FROM trajectories GROUP BY ALL ORDER BY ALL"
        assert store.query(sql).rows == [(0, 8, 8), (1, 8, 0)]
        leaked = f"SELECT count(*) FROM grades WHERE contains(coalesce(reason, ''), '{SECRET}')"
        assert store.query(leaked).rows == [(0,)]
        assert store.query("SELECT count(*) FROM trajectories WHERE oracle_used").rows == [(0,)]


async def test_reflexion_mends_programs_without_the_tests_that_decide(openai_server: Any, tmp_path: Path) -> None:
    row = ROWS["code"][0]
    openai_server.write = scripted(
        {
            "Write no program yet": ["I returned nothing."],
            "I returned nothing.": [fenced(row["canonical_solution"])],
            row["question"]: [fenced("def add_up(numbers):\n    return None")],
        }
    )
    summary = await generate(
        EXAMPLES / "code.jsonl", db=tmp_path / "r.duckdb", model="tiny", api_base=openai_server.url,
        arguments={"feedback": "tests", "turns": 3}, samples=1, limit=1,
    )  # fmt: skip
    assert summary.trajectories == 1
    with Store(tmp_path / "r.duckdb") as store:
        assert store.query("SELECT turn, correct FROM turns ORDER BY turn").rows == [(1, False), (2, True)]
        assert store.query("SELECT oracle_used FROM trajectories").rows == [(False,)]
    hidden = row["tests"][-1]
    assert hidden not in str([request["messages"] for request in openai_server.requests])


async def test_a_judge_decides_about_free_text_and_the_best_is_chosen(openai_server: Any, tmp_path: Path) -> None:
    def said(score: float, verdict: str) -> str:
        return json.dumps({"reason": "So it is.", "score": score, "verdict": verdict})

    judgements = {
        "<<<\nGood text.\n>>>": [said(1.0, "right")],
        "<<<\nBad text.\n>>>": [said(0.25, "wrong")],
        "<<<\nOdd text.\n>>>": ["no JSON"],
    }
    openai_server.structured = "ignore"
    openai_server.write = scripted(
        {**judgements, **{row["question"]: ["Bad text.", "Good text.", "Odd text."] for row in ROWS["rubric"]}}
    )
    summary = await generate(
        EXAMPLES / "rubric.jsonl", db=tmp_path / "r.duckdb", model="tiny", api_base=openai_server.url,
        strategy="best_of_n", grader="judge", samples=3, limit=4,
    )  # fmt: skip
    assert summary.trajectories == 12
    with Store(tmp_path / "r.duckdb") as store:
        graded = """
            SELECT grader, verdict, value, count(*) FROM grades WHERE grader IN ('judge', 'oracle') GROUP BY ALL
            ORDER BY ALL"""
        assert store.query(graded).rows == [
            ("judge", "right", 1.0, 4), ("judge", "undecided", None, 4), ("judge", "wrong", 0.25, 4),
            ("oracle", "right", 1.0, 4), ("oracle", "undecided", None, 4), ("oracle", "wrong", 0.0, 4),
        ]  # fmt: skip
        assert store.query("SELECT DISTINCT answer FROM trajectories WHERE chosen").rows == [("Good text.",)]
        assert store.query("SELECT count(*) FROM calls WHERE purpose = 'grade'").rows == [(12,)]
        assert store.query("SELECT count(*) FROM trajectories WHERE NOT oracle_used").rows == [(0,)]
    writers = [r for r in openai_server.requests if "<<<" not in str(r["messages"])]
    assert ROWS["rubric"][0]["rubric"][0] not in str([r["messages"] for r in writers])


async def test_free_text_without_a_judge_is_judged_by_its_own_writer(openai_server: Any, tmp_path: Path) -> None:
    verdict = '{"reason": "", "score": 0.5, "verdict": "right"}'
    openai_server.write = scripted({"<<<": [verdict]}, otherwise="A text.")
    await generate(
        EXAMPLES / "rubric.jsonl", db=tmp_path / "r.duckdb", model="tiny", api_base=openai_server.url,
        strategy="greedy", limit=2,
    )  # fmt: skip
    with Store(tmp_path / "r.duckdb") as store:
        assert store.query("SELECT correct, oracle_used FROM trajectories").rows == [(True, False)] * 2
