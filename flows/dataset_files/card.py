"""The dataset card README.md of an export folder: front matter for a dataset hub, and the origin of the rows."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from redraft.flows.dataset_files.target import Target
from redraft.flows.dataset_files.writer import Spool
from redraft.store.exports.export_file import marked
from redraft.store.json_records import texts
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


@dataclass(frozen=True, slots=True)
class Origins:
    """The origin of the rows of a dataset: the number of rows of each problem, and the units of work that drew them."""

    problems: Counter[str]
    units: set[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of the card other than counts."""

    dataset_id: str
    format: str
    filters: Sequence[Mapping[str, Any]]
    arguments: Mapping[str, Any]
    dropped: Mapping[str, int]
    held_out: int
    command: Sequence[str]
    notes: Sequence[str] = ()


def card(target: Target, output: Spool, origins: Origins, facts: Facts, store: Store, patience: float) -> str:
    """Returns the text of the dataset card."""
    sources, licences = _sources(store, origins, patience)
    licence = next(iter(licences)) if len(licences) == 1 else None
    splits = sorted(output.rows.items())  # train before validation
    front: dict[str, Any] = {
        **({"license": licence} if licence else {}),
        "task_categories": ["text-generation"],
        "tags": ["redraft", facts.format],
        "size_categories": [_size(sum(output.rows.values()))],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split, _ in splits],
            }
        ],
        "dataset_info": {"features": output.columns.features()},
    }
    dropped = [f"| {reason} | {count:,} |" for reason, count in facts.dropped.items()]
    held_out = [f"| held out | {facts.held_out:,} |"] if facts.held_out else []
    lines = [
        "---", *(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items()), "---",
        marked(output.texts), "",
        f"# {target.name}", "",
        f"Rows of format `{facts.format}`, written by redraft {version('redraft')}:", "",
        f"    {shlex.join(facts.command)}", "",
        "| split | rows | problems |", "|---|---|---|",
        *(f"| {split} | {rows:,} | {output.problems[split]:,} |" for split, rows in splits), "",
        "| source of the problems | problems | rows | licence |", "|---|---|---|---|", *sources, "",
        "| drafts by | strategy | units |", "|---|---|---|", *_writers(store, origins, patience), "",
        f"Filters, in order: {_filters(facts.filters)}. Arguments of the format: {_arguments(facts.arguments)}.", "",
        *(["| left out | number |", "|---|---|", *dropped, *held_out, ""] if dropped or held_out else []),
        *(f"- {note}" for note in facts.notes), *([""] if facts.notes else []),
        f"The store knows this data set as `{facts.dataset_id}`. From which draft each row came:", "",
        f"    SELECT * FROM dataset_rows WHERE dataset_id = '{facts.dataset_id}' AND \"row\" IS NOT NULL", "",
        "The column `row` counts from 0 through the files of the training split, and then through those of the"
        " validation split.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _sources(store: Store, origins: Origins, patience: float) -> tuple[list[str], set[str]]:
    """Returns a pair: one line for each source of the problems, and the set of their licences. An unknown licence is
    ""."""
    problems, rows, licences = Counter[str](), Counter[str](), dict[str, set[str]]()
    for part in store.parts(SOURCES, patience=patience):
        for problem_id, source, licence in part:
            if problem_id in origins.problems:
                problems[source] += 1
                rows[source] += origins.problems[problem_id]
                known = licence or (OWN_LICENCE if source == OWN_SOURCE else "")
                licences.setdefault(source, set()).add(known)
    lines = [
        f"| {source} | {count:,} | {rows[source]:,} | {', '.join(sorted(licences[source])) or UNKNOWN} |"
        for source, count in sorted(problems.items())
    ]
    return lines, {licence for each in licences.values() for licence in each}


def _writers(store: Store, origins: Origins, patience: float) -> list[str]:
    """Returns one line for each pair of model and strategy that drew drafts of the rows."""
    units = f"SELECT unnest(from_json({literal(texts(sorted(origins.units)))}, '[\"VARCHAR\"]')) AS unit_id"
    found = store.query(WRITERS.format(units=units), patience=patience).rows
    return [f"| {model} | {strategy} | {count:,} |" for model, strategy, count in found]


def _filters(filters: Sequence[Mapping[str, Any]]) -> str:
    written = (
        f"`{one['name']}`" + (f" ({_arguments({k: v for k, v in one.items() if k != 'name'})})" if len(one) > 1 else "")
        for one in filters
    )
    return ", ".join(written) or "none"


def _arguments(given: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}={value}`" for name, value in given.items()) or "none"


def _size(rows: int) -> str:
    """Returns the hub's size category for a number of rows."""
    if rows < 1000:
        return "n<1K"
    marks = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"]
    place = min(len(str(rows)) - 4, len(marks) - 2)
    return f"{marks[place]}<n<{marks[place + 1]}"


OWN_SOURCE = "builtin"
OWN_LICENCE = "apache-2.0"
"""The licence of the problems that redraft generates itself."""
UNKNOWN = "not known"
SOURCES = "SELECT problem_id, source, json_extract_string(meta, '$.license') FROM problems ORDER BY problem_id"
WRITERS = """
SELECT model, strategy, count(DISTINCT unit_id)
FROM ({units}) JOIN raw.published USING (unit_id) JOIN runs USING (run_id) GROUP BY ALL ORDER BY ALL"""
