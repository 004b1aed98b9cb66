"""A run on a model behind a server, through LiteLLM, as a real process."""

import asyncio
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from redraft.store import Store


async def test_what_a_provider_failed_is_counted_and_the_same_command_mends_it(
    openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "sums.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n{"question": "2+2?", "answer": "4"}\n')
    openai_server.write = lambda messages, seed, index: f"It is so.\n\nThe answer is \\boxed{{{2 + 2 * (index % 2)}}}"
    down = openai_protocol.Fault(400, {"error": {"message": "This prompt is not for me."}})
    openai_server.faults = [down]
    model = ("--model", "openai/tiny", "--api-base", openai_server.url)
    job = ("sums.jsonl", *model, "--samples", "2", "--concurrency", "1", "--set", "turns=1")
    code, first = await _generate(tmp_path, *job)
    assert code == 1
    assert list(first["failures"].values()) == [2]
    assert "This prompt is not for me." in next(iter(first["failures"]))
    asked = len(openai_server.requests)
    code, second = await _generate(tmp_path, *job)
    assert (code, second["failures"], second["pass_at_1"], second["trajectories"]) == (0, {}, 0.5, 4)
    assert [request["n"] for request in openai_server.requests[asked:]] == [2]
    with Store(tmp_path / "redraft.duckdb") as store:
        rows = "SELECT model, sum(prompt_tokens) > 0, count(error) FROM calls GROUP BY model"
        assert store.query(rows).rows == [("openai/tiny", True, 1)]
        likely = "SELECT count(value) FROM grades WHERE grader = 'likelihood' AND step_id IS NULL"
        assert store.query(likely).rows == [(4,)]


async def test_what_was_sent_can_be_read_back_word_for_word(openai_server: Any, tmp_path: Path) -> None:
    (tmp_path / "sums.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n{"question": "2+2?", "answer": "4"}\n')
    openai_server.write = lambda messages, seed, index: f"Draft {len(messages)}.\n\nThe answer is \\boxed{{3}}"
    server = ("--model", "tiny", "--api-base", openai_server.url)
    code, _ = await _generate(tmp_path, "sums.jsonl", *server, "--samples", "2", "--set", "feedback=oracle")
    assert code == 0
    with Store(tmp_path / "redraft.duckdb") as store:
        sql = """
            SELECT c.purpose, s.messages, s.prefix FROM calls c JOIN prompts s USING (prompt_hash)
            JOIN problems p USING (problem_id) ORDER BY p.question, c.purpose, c.place, c.first_sample"""
        read = [(purpose, json.loads(messages), prefix) for purpose, messages, prefix in store.query(sql).rows]
        assert store.query("SELECT count(*) FROM calls ANTI JOIN prompts USING (prompt_hash)").rows == [(0,)]
    assert [purpose for purpose, _, _ in read].count("revise") == 8
    assert {prefix for _, _, prefix in read} == {None}
    sent = [request["messages"] for request in openai_server.requests if request.get("max_tokens", 0) > 64]
    assert sorted(map(json.dumps, sent)) == sorted(json.dumps(messages) for _, messages, _ in read)


async def _generate(folder: Path, *arguments: str) -> tuple[int | None, dict[str, Any]]:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "redraft.flows.cli.main", "generate", *arguments, "--json", cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "none"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await run.communicate()
    assert out, error.decode()
    return run.returncode, json.loads(out)
