"""Models by the digests of their files, and the result of a loop as people and programs read it."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from redraft.flows.self_training.models import first_model, is_whole, model_files, model_id
from redraft.flows.self_training.result import SelfTraining, percent
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import HERE
from redraft.llm.scripted import Scripted
from redraft.store.tables.rounds import Estimate, Round, TrainedModel

FIRST = Round(
    loop_id="l", round=0, state="evaluated", method="rft", config={}, run_id="r", accuracy=Estimate(0.5, 0.4, 0.6),
    figures={"heldout": 1200},
)  # fmt: skip
SECOND = Round(
    loop_id="l", round=1, state="evaluated", method="rft", config={}, run_id="r", accuracy=Estimate(0.6, 0.5, 0.7),
    change=Estimate(0.1, 0.05, 0.15), gain=Estimate(0.1, 0.05, 0.15), figures={"heldout": 1200, "rows": 4321},
    decision="go on", reason="accuracy rose: +10.0% [+5.0%, +15.0%]",
)  # fmt: skip
FOUND = SelfTraining("r.duckdb", "r", "l", "rft", "embedded:out", "out", (FIRST, SECOND))


def test_a_model_is_known_by_its_files_and_not_by_their_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder / "inner").mkdir(parents=True)
        (tmp_path / folder / "inner" / "b.bin").write_bytes(b"b")
        (tmp_path / folder / "a.bin").write_bytes(b"a")
    one, two = model_files(tmp_path / "one"), model_files(tmp_path / "two")
    assert one == {"a.bin": sha256(b"a").hexdigest(), "inner/b.bin": sha256(b"b").hexdigest()}
    assert model_id(one) == model_id(two)
    (tmp_path / "two" / "a.bin").write_bytes(b"c")
    assert model_id(one) != model_id(model_files(tmp_path / "two"))


def test_a_model_whose_files_are_others_or_gone_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a")
    made = TrainedModel(loop_id="l", round=1, role="policy", model_id="m", name="n", files=model_files(tmp_path))
    assert is_whole(made, tmp_path)
    (tmp_path / "a.bin").write_bytes(b"b")
    assert not is_whole(made, tmp_path)
    (tmp_path / "a.bin").unlink()
    assert not is_whole(made, tmp_path)
    assert not is_whole(TrainedModel(loop_id="l", round=1, role="policy", model_id="m", name="n"), tmp_path)


def test_the_first_model_is_named_or_has_files(tmp_path: Path) -> None:
    shipped = first_model("embedded")
    assert (shipped.weights, sorted(shipped.files)) == (HERE, ["tokenizer.json", "weights.npz"])
    remote = first_model("openai/mine")
    assert (remote.name, remote.weights, remote.files) == ("openai/mine", None, {})
    assert first_model(Scripted(lambda request, index: "", name="openai/mine")).model_id == remote.model_id
    with pytest.raises(ModelError, match=r"has no weights\.npz\. Name a folder that `redraft train` wrote"):
        first_model(f"embedded:{tmp_path}")


def test_a_loop_is_told_in_lines() -> None:
    assert str(FOUND).splitlines() == [
        "round 0: 50.0% [40.0%, 60.0%] right on 1,200 held-out problems",
        "round 1: 4,321 rows, 60.0% [50.0%, 70.0%] right, 10.0% [5.0%, 15.0%] against round 0; go on: accuracy rose:"
        " +10.0% [+5.0%, +15.0%]",
        "use it with --model embedded:out; loop l of r.duckdb",
    ]
    assert FOUND.one_line() == str(FOUND).splitlines()[1]
    assert FOUND.decision == "go on"
    spent = SelfTraining("r.duckdb", "r", "l", "rft", "embedded", "out", (), "All calls are used up.")
    assert str(spent).startswith("stopped: All calls are used up. The same command goes on from here.\n")
    assert (spent.one_line(), spent.decision) == ("no round is done", "")


def test_a_loop_is_json_and_a_table_in_a_notebook() -> None:
    told = json.loads(FOUND.to_json())
    assert told["rounds"][1]["gain"] == {"mean": 0.1, "low": 0.05, "high": 0.15}
    assert told["model"] == "embedded:out"
    shown = FOUND._repr_html_()
    assert "against the first model" in shown
    assert "60.0% [50.0%, 70.0%]" in shown
    assert percent(Estimate()) == ""
