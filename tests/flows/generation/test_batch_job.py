"""`generate --batch`: stopped while it waits, the same command goes on from the batch that is out."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from redraft.store.tables.store import Store


async def test_a_stopped_batch_is_waited_for_by_the_same_command(
    tmp_path: Path, openai_protocol: Any, redraft: Any
) -> None:
    server = await openai_protocol.OpenAIServer(lambda messages, seed, index: f"The answer is {seed % 3}").start()
    server.batch_s = 12.0
    job = (
        "generate", "builtin:levels=1", "--model", "openai/tiny", "--api-base", server.url, "--batch",
        "--strategy", "best_of_n", "--samples", "4", "--limit", "10", "--json",
    )  # fmt: skip
    command = [sys.executable, "-m", "redraft.flows.cli.main", *job]
    stopped = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stderr=subprocess.PIPE)
    assert stopped.stderr
    said: list[str] = []
    while not any("Sent to openai as batch" in line for line in said):
        said.append((await stopped.stderr.readline()).decode())
        assert said[-1], said
    stopped.send_signal(signal.SIGINT)
    said += (await stopped.stderr.read()).decode().splitlines()
    assert await stopped.wait() == 130
    assert any("Calls still in batches at openai: 10. The same command goes on from them." in told for told in said)

    again = await asyncio.to_thread(lambda: redraft(*job, timeout=300))
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/batches") as reply:
        batches = (await reply.json())["data"]
    await server.stop()

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trajectories"] == 40
    assert [batch["request_counts"]["total"] for batch in batches] == [10]  # a problem's four samples in one call
    store = Store(tmp_path / "redraft.duckdb")
    assert store.query("SELECT count(*), sum(n), count(error) FROM calls").rows == [(10, 40, 0)]
    assert not list(Path(f"{store.path}.journal").glob("**/*.jsonl"))
