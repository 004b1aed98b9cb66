"""Methods that carry a reward model's judgement over into the policy: what a training begins with, and tiny rounds."""

import json
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from redraft.flows.self_training.result import SelfTraining
from redraft.store import Store

Loop = Callable[..., Awaitable[SelfTraining]]
FROM_VERIFIER = """
samples = 4

[policy]
filters = ["correct"]
start = "verifier"

[verifier]
format = "dpo"
start = "policy"
grader = "implicit"

[verifier.judges]
model = "{verifier}"
reference = "{base}"
"""
"""A verifier that needs no PyTorch."""
NOTING = """
import json, runpy, sys
rows, base, out, trunk = sys.argv[1:5]
with open("trained.jsonl", "a") as file:
    file.write(json.dumps([base, out, trunk]) + "\\n")
sys.argv = [{nudge!r}, rows, base, out]
runpy.run_path({nudge!r}, run_name="__main__")
"""


async def test_a_policy_begins_with_the_verifier_of_its_round_and_the_verifier_with_the_policy_that_drew(
    loop: Loop, tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text(FROM_VERIFIER)
    nudge = str(Path(__file__).with_name("nudge.py"))
    (tmp_path / "train.py").write_text(NOTING.format(nudge=nudge).replace("\\\\n", "\\n"))
    line = f"{shlex.quote(sys.executable)} train.py {{rows}} {{base}} {{out}} {{trunk}}"
    arguments = {"trainer.command": line, "trainer.model": "embedded:{out}"}
    given = {"method": "own.toml", "samples": 4, "arguments": arguments, "all_rounds": True}
    found = await loop(**given, rounds=2)
    store, folder = Store(tmp_path / "r.duckdb"), Path(found.folder)
    noted = [json.loads(text) for text in (tmp_path / "trained.jsonl").read_text().splitlines()]
    first, second = (folder / f"round-{number}" for number in (1, 2))
    taken = [one.change.high is not None and one.change.high < 0 for one in found.rounds]
    drew = noted[0][0] if taken[1] else str(first / "policy")
    assert noted == [
        [noted[0][0], str(first / "verifier"), ""],
        [noted[0][0], str(first / "policy"), str(first / "verifier")],
        [drew, str(second / "verifier"), ""],
        [drew, str(second / "policy"), str(second / "verifier")],
    ]
    made = {(one.round, one.role): one for one in store.models(found.loop_id)}
    for number in (1, 2):
        policy, verifier = made[number, "policy"], made[number, "verifier"]
        assert policy.settings["trunk"] == verifier.model_id
        assert policy.parent_id == verifier.parent_id == found.rounds[number].policy_before
        assert "trunk" not in verifier.settings
    assert (await loop(**given, rounds=2)).rounds == found.rounds
    assert len((tmp_path / "trained.jsonl").read_text().splitlines()) == 4


@pytest.mark.train
@pytest.mark.parametrize("method", ["step_weighted", "from_reward_model", "distilled_search"])
async def test_a_tiny_round_of_each_method(loop: Loop, tmp_path: Path, method: str) -> None:
    sizes = {"limit": 8, "samples": 1 if method == "distilled_search" else 2, "heldout_limit": 4}
    found = await loop(method=method, trainer="embedded", arguments={}, **sizes)
    folder, figures = tmp_path / found.folder / "round-1", found.rounds[1].figures
    assert figures["rows"] == len((folder / "rows.jsonl").read_text().splitlines()) > 0
    assert (figures["training"]["lessons"], figures["training"]["left_out"]) == (figures["rows"], 0)
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    with Store(tmp_path / "r.duckdb") as store:
        assert store.query("SELECT count(*) FROM samples WHERE oracle_used").rows == [(0,)]
    if method == "step_weighted":
        assert all(np.all(np.diff(row["step_weights"]) <= 0) for row in rows)
    if method == "from_reward_model":
        assert (folder / "verifier" / "prm.npz").is_file()
    if method == "distilled_search":
        assert len(rows) <= 8
