"""Rounds and models in the store: what is written is read back, and the last state of a round counts."""

from dataclasses import replace

from redraft.store import Store
from redraft.store.tables.rounds import Estimate, Round, TrainedModel

FIRST = Round(loop_id="l", round=1, state="generated", method="rft", config={"samples": 2}, run_id="r1")
LAST = replace(
    FIRST, state="evaluated", run_id="r2", generation_recipe="g", generation_replicate="p", generation_runs=("a", "b"),
    dataset_id="d", policy_before="m0", policy_after="m1", evaluation_recipe="e", evaluation_replicate="h",
    evaluation_runs=("c",), accuracy=Estimate(0.5, 0.4, 0.6), change=Estimate(0.1, 0.0, 0.2),
    gain=Estimate(0.1, 0.0, 0.2), figures={"rows": 3}, decision="go on", reason="it rose",
)  # fmt: skip
MODEL = TrainedModel(
    loop_id="l", round=1, role="policy", model_id="m1", name="embedded:out", parent_id="m0", dataset_id="d",
    rows_file="rows.jsonl", rows_sha256="0a", trainer="embedded", settings={"epochs": 1},
    files={"weights.npz": "1b"}, figures={"steps": 20}, run_id="r2",
)  # fmt: skip


def test_the_last_state_of_a_round_counts(store: Store) -> None:
    store.note_round(replace(FIRST, round=2))
    store.note_round(FIRST)
    store.note_round(LAST)
    store.note_round(replace(FIRST, loop_id="other"))
    assert store.rounds("l") == [LAST, replace(FIRST, round=2)]
    told = "SELECT round, state, accuracy, change_lo, gain_hi, decision FROM rounds WHERE loop_id = 'l' ORDER BY round"
    assert store.query(told).rows == [(1, "evaluated", 0.5, 0.0, 0.2, "go on"), (2, "generated", *[None] * 4)]
    assert store.query("SELECT count(*) FROM raw.rounds").rows == [(4,)]


def test_a_model_that_is_trained_again_counts_once(store: Store) -> None:
    store.note_model(replace(MODEL, model_id="before"))
    store.note_model(MODEL)
    assert store.models("l") == [MODEL]
    assert store.query("SELECT model_id, parent_id, files->>'$.\"weights.npz\"' FROM models").rows == [
        ("m1", "m0", "1b")
    ]


def test_a_store_with_rounds_is_no_unused_one(store: Store) -> None:
    store.note_round(FIRST)
    store.remove_if_unused()
    assert store.rounds("l") == [FIRST]
