"""Writes the samples of the format `inspect_ai` as an Inspect log: a zip file with a JSON file for each sample."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from redraft.flows.dataset_files.inspect_statistics import ScorerMeans
from redraft.flows.formats.trajectories.inspect_calls import add_usage
from redraft.store.digest import digest

VERSION = 2  # the version of the log's layout
LONG = 1024  # the limit of a text in a summary, in characters
ENCODER = json.JSONEncoder(ensure_ascii=False)
BORN = (1980, 1, 1, 0, 0, 0)
"""The timestamp of every file in the archive, so that the same samples give the same bytes."""
NAMES = ("source", "strategy", "run_id")
"""Keys of the samples' metadata whose values are also written to the log's header."""


class InspectLog:
    """An Output that writes samples one by one. The summaries of samples are buffered in a temporary file, because the
    log has them in a single file."""

    def __init__(self, archive: ZipFile, spool: BinaryIO) -> None:
        self.texts: dict[str, str | None] = {}
        self._archive, self._spool = archive, spool
        self._problems: list[str] = []
        self._means = ScorerMeans()
        self._usage: dict[str, dict[str, Any]] = {}
        self._names: dict[str, dict[str, None]] = {name: {} for name in ("model", *NAMES)}  # in order
        self._samples = self._epochs = 0
        self._times: tuple[str, str] | None = None

    def write(self, line: bytes, row: Mapping[str, Any], problem_id: str) -> None:
        self._archive.writestr(_entry(f"samples/{row['id']}_epoch_{row['epoch']}.json"), line)
        self._spool.write(b",\n" if self._samples else b"[")
        self._spool.write(ENCODER.encode(_summary(row)).encode())
        if not self._problems or self._problems[-1] != problem_id:  # rows are grouped by problem
            self._problems.append(problem_id)
        self._means.see(problem_id, row["scores"])
        add_usage(self._usage, row["model_usage"])
        for name, seen in self._names.items():
            seen[str(row["output"]["model"] if name == "model" else row["metadata"].get(name, ""))] = None
        begin, end = self._times or (row["started_at"], row["completed_at"])
        self._times = min(begin, row["started_at"]), max(end, row["completed_at"])
        self._samples += 1
        self._epochs = max(self._epochs, row["epoch"])

    def complete(self) -> None:
        self._spool.write(b"]")
        self._spool.seek(0)
        with self._archive.open(_entry("summaries.json"), "w", force_zip64=True) as file:
            shutil.copyfileobj(self._spool, file)
        header = self._header()
        start = {name: header[name] for name in ("version", "eval", "plan")}
        for name, content in (("_journal/start.json", start), ("header.json", header)):
            self._archive.writestr(_entry(name), ENCODER.encode(content))

    def _header(self) -> dict[str, Any]:
        began, ended = self._times or ("", "")
        task, solver, model = (", ".join(filter(None, self._names[name])) for name in ("source", "strategy", "model"))
        log_id = digest("inspect", sorted(self._names["run_id"]), self._samples, began, ended)
        scores = self._means.results()
        return {
            "version": VERSION,
            "status": "success",
            "eval": {
                "eval_id": log_id, "run_id": log_id, "task_id": log_id, "created": began, "task": task or "redraft",
                "task_version": 0, "task_attribs": {}, "task_args": {}, "task_args_passed": {},
                "solver": solver or None, "tags": ["redraft"],
                "dataset": {"name": task or None, "samples": len(self._problems), "sample_ids": self._problems,
                            "shuffled": False},
                "model": model, "model_generate_config": {}, "model_args": {},
                "config": {"epochs": self._epochs}, "packages": {"redraft": version("redraft")},
                "metadata": {"runs": sorted(filter(None, self._names["run_id"]))},
                "scorers": self._means.scorers(),
            },
            "plan": {"name": "plan", "steps": [{"solver": solver or "unknown", "params": {}}], "config": {}},
            "results": {"total_samples": self._samples, "completed_samples": self._samples, "scores": scores},
            "stats": {"started_at": began, "completed_at": ended, "model_usage": self._usage},
        }  # fmt: skip


@contextmanager
def inspect_log(new: Path) -> Iterator[InspectLog]:
    """Yields the Output of a new log file."""
    with (
        new.open("wb") as stream,
        ZipFile(stream, "w", ZIP_DEFLATED) as archive,
        TemporaryFile(dir=new.parent) as spool,
    ):
        yield InspectLog(archive, spool)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, BORN)
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o600 << 16
    return entry


SUMMARY = ("id", "epoch", "metadata", "model_usage", "started_at", "completed_at", "total_time", "uuid", "turn_count")


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts about a sample that Inspect's list of samples shows. Long texts are cut."""
    scores = {
        name: {key: _cut(value) for key, value in score.items() if key != "metadata"}
        for name, score in row["scores"].items()
    }
    facts = {name: row[name] for name in SUMMARY}
    facts["metadata"] = {name: _cut(value) for name, value in row["metadata"].items()}
    more = {"scores": scores, "completed": True, "message_count": len(row["messages"])}
    return {**facts, "input": _cut(row["input"]), "target": _cut(row["target"]), **more}


def _cut(value: Any) -> Any:
    return f"{value[:LONG]}..." if isinstance(value, str) and len(value) > LONG else value
