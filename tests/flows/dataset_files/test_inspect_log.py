"""A log is written as its samples come: memory holds no sample, and no summary."""

import json
import tracemalloc
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from redraft.flows.dataset_files.target import Target
from redraft.flows.dataset_files.writer import opened_output

LONG = "x" * 5_000


def row(number: int) -> dict[str, Any]:
    return {
        "id": f"p{number // 4}", "epoch": number % 4 + 1, "input": LONG, "target": "7", "messages": [{}, {}],
        "scores": {"oracle": {"value": "C", "explanation": LONG, "metadata": {"value": 1.0}}},
        "metadata": {"source": "sums", "strategy": "greedy", "run_id": "r", "note": LONG},
        "output": {"model": f"m{number % 2}"}, "model_usage": {"m0": {"input_tokens": 2, "total_cost": 0.5}},
        "started_at": f"2026-01-{number % 9 + 1:02}", "completed_at": f"2026-02-{number % 9 + 1:02}",
        "total_time": 1.0, "uuid": f"u:{number}", "turn_count": 1,
    }  # fmt: skip


def write(file: Path, count: int) -> int:
    """Writes a log, and returns the most memory that this took."""
    tracemalloc.start()
    with opened_output(Target.of(file)) as output:
        for number in range(count):
            sample = row(number)
            output.write(json.dumps(sample).encode(), sample, sample["id"])
        output.complete()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_grows_by_the_names_of_samples_alone(tmp_path: Path) -> None:
    few, many = (write(tmp_path / f"{count}.eval", count) for count in (100, 1_100))
    assert many - few < 1_000 * 2_000, "the archive's list of names; a sample has 20,000 bytes, a summary 3,000"


def test_the_header_sums_what_the_samples_have(tmp_path: Path) -> None:
    write(tmp_path / "a.eval", 8)
    with ZipFile(tmp_path / "a.eval") as archive:
        header, summaries = (json.loads(archive.read(f"{name}.json")) for name in ("header", "summaries"))
    assert header["stats"] == {
        "started_at": "2026-01-01", "completed_at": "2026-02-08",
        "model_usage": {"m0": {"input_tokens": 16, "total_cost": 4.0}},
    }  # fmt: skip
    facts = {name: header["eval"][name] for name in ("created", "task", "solver", "model", "config")}
    assert facts == {
        "created": "2026-01-01", "task": "sums", "solver": "greedy", "model": "m0, m1", "config": {"epochs": 4}
    }  # fmt: skip
    cut = f"{'x' * 1024}..."
    assert summaries[5] == {
        "id": "p1", "epoch": 2, "input": cut, "target": "7", "metadata": {**row(5)["metadata"], "note": cut},
        "scores": {"oracle": {"value": "C", "explanation": cut}}, "model_usage": row(5)["model_usage"],
        "started_at": "2026-01-06", "completed_at": "2026-02-06", "total_time": 1.0, "uuid": "u:5", "turn_count": 1,
        "completed": True, "message_count": 2,
    }  # fmt: skip
