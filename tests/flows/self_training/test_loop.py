"""Rounds of self-training with a trainer that really writes models: what is recorded, and what a repetition does."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.self_training.result import SelfTraining
from redraft.flows.self_training.training_lock import training_lock
from redraft.flows.self_training.training_method import MethodError
from redraft.flows.trainers.trainer import Trained, Trainer, TrainingError, TrainingTask
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import HERE
from redraft.store import Store
from redraft.store.errors import PartError, RedraftError

Loop = Callable[..., Awaitable[SelfTraining]]
CALLS = """
SELECT count(DISTINCT c.call_id), count(DISTINCT t.trajectory_id)
FROM models m JOIN dataset_rows d USING (dataset_id) JOIN samples t USING (trajectory_id) JOIN calls c USING (unit_id)
WHERE m.files->>'$."weights.npz"' = '{digest}' AND d."row" IS NOT NULL AND c.error IS NULL"""
"""The walk from a weight file to the calls that made its rows."""
SHARE = """
SELECT avg(share) FROM (SELECT avg(correct::INT) AS share FROM samples WHERE recipe = '{recipe}' GROUP BY problem_id)"""


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


async def test_a_round_is_recorded_so_that_sql_leads_from_weights_to_calls(loop: Loop, tmp_path: Path) -> None:
    found = await loop(method="rft")
    first, second = found.rounds
    folder = tmp_path / found.folder / "round-1"
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    store = Store(tmp_path / "r.duckdb")
    assert (first.state, second.state, second.figures["rows"]) == ("evaluated", "evaluated", len(rows))
    [(calls, trajectories)] = store.query(CALLS.format(digest=digest(folder / "policy" / "weights.npz"))).rows
    assert trajectories == len(rows) > 5
    told = "SELECT count(*) FROM calls WHERE recipe = '{}' AND replicate = '{}'"
    [(drawn_calls,)] = store.query(told.format(second.generation_recipe, second.generation_replicate)).rows
    assert 0 < calls <= drawn_calls
    base, made = store.models(found.loop_id)
    assert base.files == {name: digest(HERE / name) for name in ("weights.npz", "tokenizer.json")}
    assert made.files == {name: digest(folder / "policy" / name) for name in ("weights.npz", "tokenizer.json")}
    assert (made.parent_id, made.dataset_id, made.rows_sha256) == (
        base.model_id, second.dataset_id, digest(folder / "rows.jsonl")
    )  # fmt: skip
    assert (second.policy_before, second.policy_after) == (base.model_id, made.model_id)
    drawn = "SELECT count(*) FROM samples WHERE recipe = '{}' AND replicate = '{}'"
    for recipe, replicate, count in (
        (second.generation_recipe, second.generation_replicate, 30),
        (second.evaluation_recipe, second.evaluation_replicate, 40),
        (first.evaluation_recipe, first.evaluation_replicate, 40),
    ):
        assert store.query(drawn.format(recipe, replicate)).rows == [(count,)]
    for one in found.rounds:
        mean = SHARE.format(recipe=one.evaluation_recipe)
        assert store.query(mean).rows == [(pytest.approx(one.accuracy.mean),)]
    assert second.change == second.gain
    assert second.change.mean == pytest.approx((second.accuracy.mean or 0) - (first.accuracy.mean or 0))
    assert store.query("SELECT stage, status FROM runs WHERE stage = 'self-train'").rows == [("self-train", "finished")]


async def test_the_same_command_does_nothing_again_and_more_rounds_go_on(loop: Loop, tmp_path: Path) -> None:
    once = await loop()
    store = Store(tmp_path / "r.duckdb")
    counted = "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM raw.rounds), (SELECT count(*) FROM datasets)"
    before = store.query(counted).rows
    again = await loop()
    assert again.rounds == once.rounds
    assert store.query(counted).rows == before
    more = await loop(rounds=2, all_rounds=True)
    assert more.rounds[:2] == once.rounds
    assert [one.round for one in more.rounds] == [0, 1, 2]
    kept = once.rounds[1].policy_after if (once.rounds[1].change.high or 0) >= 0 else once.rounds[0].policy_after
    assert more.rounds[2].policy_before == kept


async def test_a_model_whose_files_are_gone_is_trained_again_to_the_same_bits(loop: Loop, tmp_path: Path) -> None:
    found = await loop()
    folder = tmp_path / found.folder / "round-1"
    before = {file.name: digest(file) for file in sorted((folder / "policy").iterdir())}
    (folder / "policy" / "weights.npz").write_bytes(b"half")
    assert (await loop()).rounds[1].accuracy == found.rounds[1].accuracy
    assert {file.name: digest(file) for file in sorted((folder / "policy").iterdir())} == before


async def test_the_budget_holds_over_all_parts_of_the_rounds(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    whole = await loop()
    monkeypatch.chdir(tmp_path)
    [(all_calls,)] = Store(tmp_path / "whole" / "r.duckdb").query("SELECT count(*) FROM calls").rows
    spent, most, found = 0, all_calls // 3 + 1, None
    while found is None or found.spent:
        found = await loop(budget=Budget(calls=most))
        [(calls,)] = Store(tmp_path / "r.duckdb").query("SELECT count(*) FROM calls").rows
        assert spent < calls <= spent + most
        spent = calls
    assert spent == all_calls
    assert found.rounds[1].accuracy == whole.rounds[1].accuracy


async def test_a_trainer_that_fails_is_one_line_and_the_same_command_goes_on(
    loop: Loop, tmp_path: Path, nudging: dict[str, Any]
) -> None:
    script, flag = tmp_path / "train.sh", tmp_path / "flag"
    script.write_text(f'test -e {flag} && exec "$@"\necho out of memory\nexit 3\n')
    line = f"sh {script} {nudging['arguments']['trainer.command']}"
    arguments = {**nudging["arguments"], "trainer.command": line}
    with pytest.raises(TrainingError, match="the trainer sh ended with exit code 3: out of memory: mend it"):
        await loop(arguments=arguments)
    store = Store(tmp_path / "r.duckdb")
    assert store.query("SELECT round, state FROM rounds ORDER BY round").rows == [(0, "evaluated"), (1, "exported")]
    [(calls,)] = store.query("SELECT count(*) FROM calls").rows
    flag.touch()
    found = await loop(arguments=arguments)
    assert found.rounds[1].state == "evaluated"
    after = f"SELECT count(*) FROM calls WHERE recipe <> '{found.rounds[1].evaluation_recipe}'"
    assert store.query(after).rows == [(calls,)]


def filling(*, flag: str) -> Trainer:
    """A trainer in this process that writes to a full disk until there is a file `flag`."""

    async def trainer(task: TrainingTask) -> Trained:
        task.out.mkdir(parents=True)
        with full_disk(1 << 30 if Path(flag).exists() else 300_000):
            for name in ("weights.npz", "tokenizer.json"):
                (task.out / name).write_bytes((HERE / name).read_bytes())
        return Trained(f"embedded:{task.out}")

    return trainer


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("own", [True, False])
async def test_a_disk_that_is_full_in_training_is_one_line_and_the_same_command_goes_on(
    loop: Loop, tmp_path: Path, nudging: dict[str, Any], own: bool
) -> None:
    flag, script = tmp_path / "flag", tmp_path / "train.sh"
    if own:
        given = {"trainer": filling, "arguments": {"trainer.flag": str(flag)}}
        says = r"File too large: mend this, and the same command goes on; the rounds before are as they were"
    else:
        script.write_text(f'test -e {flag} || ulimit -f 300\nexec "$@"\n')
        line = f"sh {script} {nudging['arguments']['trainer.command']}"
        given = {"arguments": {**nudging["arguments"], "trainer.command": line}}
        says = r"the trainer sh ended with exit code 1: .*File too large.*: mend it, and the same command goes on"
    with pytest.raises(TrainingError, match=says) as told:
        await loop(**given)
    assert "\n" not in str(told.value)
    store = Store(tmp_path / "r.duckdb")
    assert store.query("SELECT round, state FROM rounds ORDER BY round").rows == [(0, "evaluated"), (1, "exported")]
    assert store.query("SELECT max(round) FROM models").rows == [(0,)]
    flag.touch()
    assert (await loop(**given)).rounds[1].state == "evaluated"


async def test_a_program_that_a_killed_command_left_is_waited_for(tmp_path: Path) -> None:
    """The program holds the lock that it inherited after the process that began it is gone."""
    begin = (
        "import os, subprocess, sys\n"
        "from asyncio import run\n"
        "from pathlib import Path\n"
        "from redraft.flows.self_training.training_lock import training_lock\n"
        "async def main():\n"
        "    async with training_lock(Path(sys.argv[1]), print) as lock:\n"
        "        subprocess.Popen(['sleep', '1.5'], pass_fds=[lock], stdout=subprocess.DEVNULL)\n"
        "        os.kill(os.getpid(), 9)\n"
        "run(main())\n"
    )
    folder, said = tmp_path / "round-1", list[str]()
    command = [sys.executable, "-c", begin, folder]
    assert (await asyncio.to_thread(subprocess.run, command, check=False)).returncode == -9
    begun = time.monotonic()
    async with training_lock(folder, said.append):
        assert time.monotonic() - begun > 0.5
    assert said == [f"waiting for the end of another training in {folder}"]
    async with training_lock(folder, said.append):
        assert len(said) == 1


@pytest.mark.parametrize(
    ("given", "error", "line"),
    [
        (
            {"method": "rest_me"},
            MethodError,
            "no method 'rest_me'; there are distilled_search, .* Did you mean 'rest_em'",
        ),
        ({"model": "embedded:nowhere"}, ModelError, r"nowhere has no weights.npz. Name a folder"),
        ({"trainer": "embeded"}, PartError, "no model trainer 'embeded'; there are command, embedded"),
        ({"arguments": {}}, PartError, "needs its argument 'command': give it with --set trainer.command"),
        (
            {"arguments": {"trainer.command": "train {row}"}},
            PartError,
            r"\{row\}.* is no place; there are rows, base, out, loss, seed",
        ),
    ],
)
async def test_a_mistake_is_one_line_before_a_model_is_asked(
    loop: Loop, tmp_path: Path, given: dict[str, Any], error: type[RedraftError], line: str
) -> None:
    with pytest.raises(error, match=line) as told:
        await loop(**given)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "r.duckdb").exists()


async def test_a_model_that_cannot_judge_its_drafts_is_told_before_rows_are_made(loop: Loop, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"embedded gave none of \d+ drafts a value as grader 'prm' \(.+\): choose a"
    ):
        await loop(method="self_rewarding", limit=2, samples=2, heldout_limit=2)
    assert Store(tmp_path / "r.duckdb").query("SELECT count(*) FROM datasets").rows == [(0,)]


async def test_a_round_without_a_row_says_what_dropped_them(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text('[policy]\nformat = "sft"\nfilters = ["length least=1000"]\n')
    with pytest.raises(RedraftError, match="no row to write: 0 kept"):
        await loop(method="none.toml")
    assert Store(tmp_path / "r.duckdb").query("SELECT state FROM rounds WHERE round = 1").rows == [("generated",)]
