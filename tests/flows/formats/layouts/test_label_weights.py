"""The weights of KTO's labels: by them the rule of 1:1 to 4:3 holds, and without need there are none."""

from pathlib import Path

import pytest

from redraft.flows.export import export
from redraft.flows.formats.layouts.layout import Exported, label_weights
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store


def exported(right: int, wrong: int) -> Exported:
    return Exported("set", "kto", "jsonl", ["set.jsonl"], labels=(right, wrong))


@pytest.mark.parametrize("right", range(0, 60, 7))
@pytest.mark.parametrize("wrong", range(0, 60, 7))
def test_the_rule_holds_with_the_weights(right: int, wrong: int) -> None:
    weights = label_weights(exported(right, wrong))
    if not right or not wrong:
        assert weights is None
        return
    desirable, undesirable = weights or (1.0, 1.0)
    assert wrong * undesirable <= right * desirable <= wrong * undesirable * 4 / 3 * (1 + 1e-12)
    assert min(desirable, undesirable) == 1.0
    assert (weights is None) == (wrong <= right <= wrong * 4 / 3)


@pytest.mark.parametrize(
    ("trainer", "file", "lines"),
    [
        ("trl", "rows.trl.yaml", ["desirable_weight: 1.5", "undesirable_weight: 1.0"]),
        ("ms-swift", "rows.ms-swift.yaml", ["desirable_weight: 1.5", "undesirable_weight: 1.0"]),
        ("llama-factory", "rows.llama-factory.yaml", ["kto_chosen_weight: 1.5", "kto_rejected_weight: 1.0"]),
    ],
)
async def test_the_configuration_has_the_weights(tmp_path: Path, trainer: str, file: str, lines: list[str]) -> None:
    store = Store(tmp_path / "r.duckdb")
    drafts = ["1 * 1 = 1\n#### 1", "2 - 1 = 1\n#### 1", "#### 2", "#### 3", "#### 4"]
    model = Scripted(lambda request, index: drafts[index])
    await generate([Problem("1 * 1?", "1")], db=store, model=model, strategy="best_of_n", samples=5)
    await export(tmp_path / "rows.jsonl", db=store, format="kto", trainer=trainer)
    told = (tmp_path / file).read_text().splitlines()
    assert [line for line in told if "_weight" in line] == lines
