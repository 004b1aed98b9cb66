"""A run in one's own words, as a real process on a real server."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.llm.prompts.templates import TEMPLATES
from redraft.store import Store

OWN = """
system = "Be brief."
[templates]
solve = "Solve: {question}"
judge = "Is it right or wrong?"
finished = "Is it finished? yes or no"
[[examples]]
question = "1+1?"
solution = "#### 2"
"""
CHAT = """
chat_template = '{{ bos_token }}{% for m in messages %}[{{ m.content }}]{% endfor %}'
bos_token = '<s>'
[templates]
solve = 'Solve: {question}'
"""
REMARK = "There may be an error in the solution. Check it and solve the problem again."


async def test_a_run_says_what_its_file_says_and_a_changed_file_is_another_run(
    openai_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "sums.jsonl").write_text('{"question": "2+2?", "answer": "4"}\n')
    (tmp_path / "own.toml").write_text(OWN)
    openai_server.write = lambda messages, seed, index: "yes, and it is wrong\n#### 5"
    arguments = ("--samples", "1", "--critic", "model", "--set", "turns=2", "--set", "feedback=none")

    def asked() -> list[Any]:
        return [body["messages"] for body in openai_server.requests if "2+2?" in str(body["messages"])]

    async def generate(prompts: str) -> None:
        await _generate(tmp_path, openai_server.url, *arguments, "--prompts", prompts)

    await generate("own.toml")
    opening = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Solve: 1+1?"},
        {"role": "assistant", "content": "#### 2"},
        {"role": "user", "content": "Solve: 2+2?"},
    ]
    draft = {"role": "assistant", "content": "yes, and it is wrong\n#### 5"}
    said = ["Is it finished? yes or no", "Is it right or wrong?", REMARK]
    assert asked() == [opening, *([*opening, draft, {"role": "user", "content": text}] for text in said)]

    (tmp_path / "moved").mkdir()
    (tmp_path / "own.toml").rename(tmp_path / "moved" / "same.toml")
    await generate("moved/same.toml")
    assert len(asked()) == 4
    (tmp_path / "moved" / "same.toml").write_text(OWN.replace("#### 2", "#### two"))
    await generate("moved/same.toml")
    assert len(asked()) == 8
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT count(DISTINCT recipe) FROM runs").rows == [(2,)]
        assert store.query("SELECT count(DISTINCT prompt_hash), count(*) FROM calls").rows == [(8, 8)]


async def test_a_chat_template_reaches_the_server_as_raw_completions(openai_server: Any, tmp_path: Path) -> None:
    (tmp_path / "sums.jsonl").write_text('{"question": "2+2?", "answer": "4"}\n')
    (tmp_path / "own.toml").write_text(CHAT)
    openai_server.write = lambda messages, seed, index: "#### 4"
    done = await _generate(tmp_path, openai_server.url, "--strategy", "greedy", "--prompts", "own.toml")
    assert done["pass_at_1"] == 1
    assert openai_server.requests[-1]["prompt"] == "<s>[Solve: 2+2?]"


def test_mistakes_in_a_file_are_told_before_anything_is_asked(mistake: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[templates]\nslove = "{question}"')
    assert mistake("generate", "--prompts", "own.toml").endswith(
        f"own.toml: no template 'slove'; there are {', '.join(TEMPLATES)}. Did you mean 'solve'? (it is --prompts on"
        " the command line)"
    )
    (tmp_path / "own.toml").write_text(OWN)
    assert "embedded was trained on forms of its own" in mistake("generate", "--limit", "1", "--prompts", "own.toml")


async def _generate(folder: Path, url: str, *arguments: str) -> dict[str, Any]:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "redraft.flows.cli.main", "generate", "sums.jsonl", "--model", "tiny", "--api-base", url,
        *arguments, "--json", cwd=folder, env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await run.communicate()
    assert run.returncode == 0, error.decode()
    return json.loads(out)
