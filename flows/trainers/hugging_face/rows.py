"""Reads and validates the rows of an export, and converts their questions to the prompts that the model is asked."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.flows.trainers.hugging_face.settings import DRAWING, TrlTask
from redraft.flows.trainers.trainer import TrainingError
from redraft.llm.prompts.prompts import Prompts
from redraft.store.errors import SourceError
from redraft.store.problems import Kind
from redraft.store.sources.files import rows

Row = dict[str, Any]

COLUMNS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sft": (("prompt", "completion"), "sft, rise, mended, messages or step_weights"),
    "dpo": (("prompt", "chosen", "rejected"), "dpo or best_worst"),
    "kto": (("prompt", "completion", "label"), "kto"),
    "grpo": (("prompt",), "prompts"),
    "score": (("prompt",), "prompts"),
    "prm": (("prompt", "completions", "labels"), "prm"),
    "value": (("question", "solution", "value"), "value"),
}
"""The columns that each loss requires, and the formats that have these columns."""
ANSWERS = ("completion", "chosen", "rejected")
PLAIN = ("prm", "value")
"""The losses whose rows are not conversations with the model."""


def read_rows(task: TrlTask) -> list[Row]:
    """Returns the rows of a task. A row of messages is converted to `prompt` and `completion`, which is the last
    message. Raises TrainingError, which names the row."""
    found: list[Row] = []
    for place, row in rows(task.rows):
        if isinstance(row, SourceError):
            raise TrainingError(f"{task.rows}, {place}: {row}")
        try:
            found.append(_row(row, task.loss))
        except ValueError as error:
            raise TrainingError(f"{task.rows}, {place}: {error}") from error
    _check_alike(found, task.rows)
    if task.loss in PLAIN or task.prompts is None:
        return found
    return [{**row, "prompt": worded(row, task.prompts)} for row in found]


def _asked(row: Row) -> str:
    """Returns the question of a row, without a prompt template."""
    prompt = row["prompt"]
    return prompt.strip() if isinstance(prompt, str) else next(o["content"] for o in prompt if o["role"] == "user")


def worded(row: Row, prompts: Prompts) -> Any:
    """Returns the prompt of a row in the form in which the model is asked: the messages at the beginning of every
    conversation, and the question in the prompt template of its kind. A prompt that is a string is returned
    unchanged."""
    prompt = row["prompt"]
    if isinstance(prompt, str):
        return prompt
    first, *others = prompt
    asked = prompts.ask(first["content"], Kind(row.get("kind") or Kind.MATH), {})
    opening = [{"role": one.role, "content": one.content} for one in (*prompts.opening({}), asked)]
    return [*opening, *others]


def _row(row: Any, loss: str) -> Row:
    """Returns a row after its columns were validated. Raises ValueError."""
    columns, formats = COLUMNS[loss]
    row = dict(row) if isinstance(row, Mapping) else {}
    if loss == "sft" and isinstance(row.get("messages"), list) and row["messages"]:
        *asked, answered = row.pop("messages")
        row |= {"prompt": asked, "completion": [answered]}
    if missing := [name for name in columns if row.get(name) is None]:
        raise ValueError(f"no column {missing[0]!r}: export the rows with --format {formats}")
    if loss == "prm":
        _check_steps(row)
    elif loss == "value":
        _check_number("value", row["value"], 1)
    else:
        for name in ("prompt", *(name for name in ANSWERS if name in columns)):
            _check_text(name, row[name], role="assistant" if name in ANSWERS else "user")
    Kind(row.get("kind") or Kind.MATH)
    if loss in DRAWING:
        answer = row.get("answer")
        row |= {"question": _asked(row), "answer": None if answer is None else str(answer), "kind": row.get("kind")}
    if loss == "sft":
        row.setdefault("weight", 1.0)
        _check_number("weight", row["weight"], math.inf)
        _check_step_weights(row)
    if loss == "kto" and not isinstance(row["label"], bool):
        raise ValueError(f"label {row['label']!r:.80} is neither true nor false")
    return row


def _check_text(name: str, value: Any, role: str) -> None:
    """Raises ValueError unless a column is a string, or a list of messages whose last one has this role."""
    if isinstance(value, str):
        return
    if not isinstance(value, list) or not value or not all(_is_message(one) for one in value):
        raise ValueError(f"column {name!r} is neither a text nor a list of messages: {value!r:.80}")
    if value[-1]["role"] != role:
        raise ValueError(f"column {name!r} ends in a message of {value[-1]['role']!r}, and not of the {role}")


def _is_message(one: Any) -> bool:
    return isinstance(one, Mapping) and all(isinstance(one.get(key), str) for key in ("role", "content"))


def _check_steps(row: Row) -> None:
    steps, labels = row["completions"], row["labels"]
    if not isinstance(steps, list) or not isinstance(labels, list) or not steps or len(steps) != len(labels):
        raise ValueError("completions and labels have to be lists of the same length: a label for each step")
    for label in labels:
        _check_number("label", float(label) if isinstance(label, bool) else label, 1)
    if not isinstance(row["prompt"], str) or not all(isinstance(step, str) for step in steps):
        raise ValueError("prompt and completions have to be texts")


def _check_step_weights(row: Row) -> None:
    """Raises ValueError unless a row has a weight for each step, and its steps, joined, are the answer. A row without
    step weights gets empty lists."""
    steps, weights = row.setdefault("steps", []), row.setdefault("step_weights", [])
    if not weights:
        row["steps"] = []
        return
    if not isinstance(steps, list) or not isinstance(weights, list) or len(steps) != len(weights):
        raise ValueError("step_weights need as many steps: export the rows with --format step_weights")
    for weight in weights:
        _check_number("step_weights", weight, math.inf)
    answer = row["completion"]
    if "".join(map(str, steps)) != (answer if isinstance(answer, str) else answer[-1]["content"]):
        raise ValueError("its steps together are not its completion: export the rows with --format step_weights")


def _check_number(name: str, value: Any, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or math.isinf(value):
        limits = "from 0 to 1" if most == 1 else "from 0 on"
        raise ValueError(f"{name} {value!r:.80} is no number {limits}: mend the row, or export it anew")


def _check_alike(found: list[Row], file: Path) -> None:
    """Raises TrainingError if there is no row, or if some rows have messages and others have strings."""
    if not found:
        raise TrainingError(f"{file} has no row to learn from: export other rows")
    for name in ("prompt", *ANSWERS):
        if len({isinstance(row[name], str) for row in found if name in row}) > 1:
            raise TrainingError(f"{file}: column {name!r} is a text in some rows and messages in others")


def oracle_used(found: Iterable[Row]) -> bool:
    """Returns True if the answer key was read to write or to choose the content of any row."""
    return any(row.get("oracle_used") is True for row in found)
