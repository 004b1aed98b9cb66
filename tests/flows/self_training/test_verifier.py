"""Loops that train a verifier beside the policy: its rows, its place, its judgements, and what a repetition does."""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from redraft.flows.self_training.result import SelfTraining
from redraft.store import Store

Loop = Callable[..., Awaitable[SelfTraining]]
GRADED = """
SELECT g.grader_model, count(*), bool_and(g.value BETWEEN 0 AND 1) FROM grades g JOIN samples s USING (trajectory_id)
WHERE g.grader = 'implicit' AND s.recipe = '{recipe}' GROUP BY ALL"""
SEARCHED = """
SELECT DISTINCT g.grader_model FROM grades g JOIN samples s USING (trajectory_id)
WHERE g.grader = 'implicit' AND s.recipe = '{recipe}' AND s.replicate = '{replicate}'"""
SEARCHING = """
strategy = "best_of_n"
samples = 2

[policy]
format = "sft"
filters = ["correct"]

[verifier]
format = "dpo"
grader = "implicit"
searches = true

[verifier.judges]
model = "{verifier}"
reference = "{base}"
beta = 0.5
"""


def digests(folder: Path) -> dict[str, str]:
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


async def test_a_verifier_learns_pooled_pairs_and_judges_the_samples_on_held_out_problems(
    loop: Loop, tmp_path: Path
) -> None:
    found = await loop(method="v_star", rounds=2, all_rounds=True, samples=4)
    store, folder = Store(tmp_path / "r.duckdb"), tmp_path / found.folder
    models = [(one.round, one.role) for one in store.models(found.loop_id)]
    assert models == [(0, "policy"), (1, "policy"), (1, "verifier"), (2, "policy"), (2, "verifier")]
    base = store.models(found.loop_id)[0].model_id
    pairs: list[list[dict[str, Any]]] = []
    for one in store.models(found.loop_id)[2::2]:
        assert (one.parent_id, one.settings["loss"]) == (base, "dpo")
        file = Path(one.rows_file or "")
        pairs.append([json.loads(line) for line in file.read_text().splitlines()])
        assert sha256(file.read_bytes()).hexdigest() == one.rows_sha256
        assert one.files == digests(folder / f"round-{one.round}" / "verifier")
        kept = f"SELECT count(DISTINCT \"row\") FROM dataset_rows WHERE dataset_id = '{one.dataset_id}'"
        assert store.query(kept).rows == [(len(pairs[-1]),)]
        graded = store.query(GRADED.format(recipe=found.rounds[one.round].evaluation_recipe)).rows
        assert graded == [(one.name, 40, True)]
    assert len(pairs[1]) > len(pairs[0]) > 0  # of both rounds
    assert all({"prompt", "chosen", "rejected"} <= row.keys() for row in pairs[0])
    gap = "SELECT round, since FROM collapse WHERE indicator = 'verifier_gap' ORDER BY round"
    assert store.query(gap).rows == [(1, None), (2, 1)]
    tested = {alarm for (alarm,) in store.query("SELECT alarm FROM alarms WHERE round = 2").rows}
    assert tested >= {"narrowing", "references", "verifier_gap"}


async def test_a_verifier_whose_files_are_gone_is_trained_again_to_the_same_bits(loop: Loop, tmp_path: Path) -> None:
    found = await loop(method="v_star", samples=4)
    folder = tmp_path / found.folder / "round-1" / "verifier"
    before = digests(folder)
    (folder / "weights.npz").write_bytes(b"half")
    again = await loop(method="v_star", samples=4)
    assert digests(folder) == before
    assert again.rounds[1].accuracy == found.rounds[1].accuracy
    assert again.model in ("embedded", f"embedded:{found.folder}/round-1/policy")


async def test_the_verifier_of_a_round_judges_what_the_next_round_draws(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SEARCHING)
    found = await loop(method="own.toml", rounds=2, all_rounds=True, samples=3)
    store = Store(tmp_path / "r.duckdb")
    first, second = (
        store.query(SEARCHED.format(recipe=one.generation_recipe, replicate=one.generation_replicate)).rows
        for one in found.rounds[1:]
    )
    assert (first, second) == ([], [(f"embedded:{found.folder}/round-1/verifier",)])
