"""A loop that is killed at random instants ends with the rows and the weights of one that nobody disturbed."""

import asyncio
import json
import random
import shlex
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from redraft.llm.providers.embedded.export import export_folder
from redraft.store import Store

NUDGE = Path(__file__).with_name("nudge.py")
NUDGING = (
    "--trainer", "command", "--set", "trainer.model=embedded:{out}", "--set",
    f"trainer.command={sys.executable} {NUDGE} {{rows}} {{base}} {{out}} 0.2",
)  # fmt: skip
TUNING = ("--trainer", "embedded", "--set", "trainer.epochs=10")
"""A trainer without PyTorch; and with it, for more than 20 steps."""
TABLES = (
    "SELECT round, state, accuracy, accuracy_lo, change, change_hi, gain, decision, reason, policy_after FROM rounds",
    "SELECT round, role, model_id, parent_id, rows_sha256, files FROM models",
    "SELECT problem_id, sample, text, correct, recipe, replicate FROM samples",
    "SELECT * EXCLUDE noted_at FROM collapse",
    "SELECT * EXCLUDE noted_at FROM alarms",
)


async def start(folder: Path, *more: str) -> asyncio.subprocess.Process:
    sizes = ("--limit", "20", "--samples", "3", "--heldout-limit", "10")
    command = ["self-train", "--method", "mended", *sizes, "--json", *more]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "redraft.flows.cli.main", *command, cwd=folder, stdout=pipe, stderr=pipe
    )


async def whole(folder: Path, *more: str) -> dict[str, str]:
    """Runs the command to its end, and returns the digests of all files of its rounds."""
    process = await start(folder, *more)
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    made = folder / json.loads(out)["folder"]
    files = sorted(file for file in made.rglob("*") if file.is_file())
    return {str(file.relative_to(made)): sha256(file.read_bytes()).hexdigest() for file in files}


def kept(folder: Path) -> list[object]:
    with Store(folder / "redraft.duckdb") as store:
        return [store.query(f"{table} ORDER BY ALL").rows for table in TABLES]


async def killed(folder: Path, kills: int, seconds: float, *more: str) -> int:
    """Kills the command at random instants of a run that takes `seconds`. Returns how many kills met it alive."""
    rng, met = random.Random(7), 0
    for _ in range(kills):
        process = await start(folder, *more)
        try:
            await asyncio.wait_for(process.communicate(), rng.uniform(0.2, 0.8) * seconds)
        except TimeoutError:
            process.kill()
            await process.communicate()
            met += 1
    return met


async def compare(tmp_path: Path, kills: int, *more: str, file: str = "weights.npz") -> None:
    left, right = tmp_path / "whole", tmp_path / "killed"
    left.mkdir()
    right.mkdir()
    begun = time.monotonic()
    expected = await whole(left, *more)
    met = await killed(right, kills, time.monotonic() - begun, *more)
    assert met >= 1
    assert await whole(right, *more) == expected
    assert {"round-1/rows.jsonl", f"round-1/policy/{file}"} <= expected.keys()
    assert kept(right) == kept(left)


async def test_the_rows_and_weights_are_those_of_an_undisturbed_loop(tmp_path: Path) -> None:
    await compare(tmp_path, 5, *NUDGING, "--rounds", "2", "--all-rounds")


@pytest.mark.train
async def test_so_are_the_weights_that_pytorch_trains(tmp_path: Path) -> None:
    await compare(tmp_path, 20, *TUNING)
    with Store(tmp_path / "killed" / "redraft.duckdb") as store:
        steps = "SELECT (figures->>'steps')::INT FROM models WHERE round = 1"
        assert store.query(steps).rows[0][0] >= 20


@pytest.mark.train
async def test_so_are_the_weights_that_trl_trains_while_servers_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`transformers serve` draws alike only one call at a time. PyTorch has one thread, here as in the other tests."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "hf"
    export_folder(folder)
    serve = shlex.join([str(Path(sys.executable).with_name("transformers")), "serve"])
    serving = f"server.command={serve} {{model}} --port {{port}} --device cpu --dtype float32"
    model = ("--model", str(folder), "--prompts", str(folder / "prompts.toml"), "--max-tokens", "120")
    sizes = ("--limit", "5", "--heldout-limit", "3", "--heldout-samples", "2", "--concurrency", "1")
    train = ("--trainer", "trl", "--set", "trainer.steps=20", "--server", "command", "--set", serving)
    await compare(tmp_path, 3, *model, *sizes, *train, file="model.safetensors")
    left = await asyncio.create_subprocess_exec("pgrep", "-f", f"serve {tmp_path}", stdout=asyncio.subprocess.PIPE)
    assert (await left.communicate())[0] == b""
