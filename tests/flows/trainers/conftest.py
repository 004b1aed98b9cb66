"""What the tests of the trainer `trl` share: the embedded model as transformers loads it, rows, and trainings."""

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.hugging_face.settings import TrlSettings, TrlTask
from redraft.llm.providers.embedded.export import export_folder
from redraft.store.sources.wordproblems import problems

Row = dict[str, Any]


@pytest.fixture(autouse=True)
def _one_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch has one thread, here and in the programs that train: several wait for each other on a busy machine, and
    another number gives other bits."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if request.node.get_closest_marker("train"):
        import_module("torch").set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a Hugging Face folder."""
    folder = tmp_path_factory.mktemp("published") / "tiny"
    export_folder(folder)
    return folder


@pytest.fixture
def make_task(tmp_path: Path, tiny: Path) -> Callable[..., TrlTask]:
    """`make_task("dpo", rows, beta=0.5)`: a task on these rows that begins with the embedded model."""

    def make(loss: str, rows: Sequence[Row], *, base: Path | str = tiny, seed: int = 3, **settings: Any) -> TrlTask:
        file = tmp_path / f"{loss}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out = tmp_path / "out" / loss
        return TrlTask(rows=file, base=str(base), out=out, loss=loss, seed=seed, settings=TrlSettings(**settings))

    return make


def asked(question: str) -> list[Row]:
    return [{"role": "user", "content": f"solve\n{question}"}]


def said(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]


QUESTIONS = [f"Ann has {number} apples and buys {number + 2} more. How many apples has Ann?" for number in range(3, 11)]


@pytest.fixture
def sft_rows() -> list[Row]:
    """Right answers of different lengths and weights."""
    texts = [f"{n} + {n + 2} = {2 * n + 2}\n#### {2 * n + 2}" if n % 2 else f"#### {2 * n + 2}" for n in range(3, 11)]
    return [
        {"prompt": asked(question), "completion": said(text), "weight": 0.5 + number}
        for number, (question, text) in enumerate(zip(QUESTIONS, texts, strict=True))
    ]


@pytest.fixture
def dpo_rows() -> list[Row]:
    return [
        {"prompt": asked(question), "chosen": said(f"#### {2 * n + 2}"), "rejected": said(f"{n} + 1 = 2\n#### {n}")}
        for n, question in enumerate(QUESTIONS, start=3)
    ]


@pytest.fixture
def kto_rows() -> list[Row]:
    """Three right answers to five wrong ones."""
    return [
        {"prompt": asked(question), "completion": said(f"#### {2 * n + 2 if n < 6 else n}"), "label": n < 6}
        for n, question in enumerate(QUESTIONS, start=3)
    ]


@pytest.fixture
def prompt_rows() -> list[Row]:
    """Problems that the embedded model solves now and then."""
    found = islice(problems(levels=(2, 3), seed=5), 8)
    return [{"prompt": asked(problem.question), "answer": problem.answer, "kind": "math"} for problem in found]


@pytest.fixture
def prm_rows() -> list[Row]:
    return [
        {"prompt": question, "completions": [f"{n} + {n + 2} = {2 * n + 2}", f"#### {n}"], "labels": [True, 0.25]}
        for n, question in enumerate(QUESTIONS, start=3)
    ]


@pytest.fixture
def value_rows() -> list[Row]:
    return [
        {"question": question, "solution": f"{n} + {n + 2} = {2 * n + 2}", "value": n / 10}
        for n, question in enumerate(QUESTIONS, start=3)
    ]
