"""Training examples for the embedded model: conversations whose last message is the target, each with a weight. Also
judged solutions, for its reward model."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from redraft.llm.model import Message, UnsupportedRequest
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.store.errors import RedraftError, SourceError
from redraft.store.sources.files import rows


class ExampleError(RedraftError):
    """Raised for a row that is not a training example. The message names the position of the row and the remedy."""


@dataclass(frozen=True, slots=True)
class Example:
    """A training example. `texts` are the texts of a conversation with alternating roles, the user's first; the last
    one is the target. Only the ratios of weights matter; an example with weight 0 has no effect. `steps` are pairs
    (text, factor): the texts joined are the target, and each factor multiplies the weight of its text's tokens. Without
    `steps`, all tokens have the weight `weight`."""

    texts: tuple[str, ...]
    weight: float = 1.0
    steps: tuple[tuple[str, float], ...] = ()

    @property
    def mean_weight(self) -> float:
        """Returns the mean weight of the target's characters."""
        if not self.steps:
            return self.weight
        factors = math.fsum(len(text) * factor for text, factor in self.steps)
        return self.weight * factors / max(1, sum(len(text) for text, _ in self.steps))


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """The result of a fine-tuning. The losses are means over the first and the last tenth of the training steps, in
    nats per token."""

    folder: str
    lessons: int
    left_out: int  # rows that are longer than the context, or have weight 0
    steps: int
    first_loss: float
    last_loss: float
    held_out: int = 0  # rows of held-out problems, which are left out


def parse_example(row: Mapping[str, Any], place: str) -> Example:
    """Returns the example in a row of an export. The row has `prompt` and `completion`, or `messages`, and optionally a
    `weight`. It may also have `steps`, whose texts joined are the completion, with `step_weights`.

    A question whose first line names none of the model's tasks becomes a `solve` prompt. Raises ExampleError.
    """
    weight = row.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
        raise ExampleError(f"{place}: weight {weight!r} is no number from 0 on: mend the row, or export it anew")
    first, *others, answer = _messages(row, place)
    asked = first.content
    if asked.split("\n")[0] not in prompt_formats.MARKS:
        asked = prompt_formats.TEMPLATES["solve"].replace("{question}", asked)
    try:
        prompt_formats.check([Message("user", asked), *others])
    except UnsupportedRequest as error:
        raise ExampleError(f"{place}: {error}") from error
    texts = (asked, *(message.content for message in others), answer.content)
    return Example(texts, float(weight), _steps(row, answer.content, place))


def normalize_weights(weights: Sequence[float]) -> list[float]:
    """Scales weights to mean 1, so that a replayed row has the weight of an average row. Raises ExampleError if all
    weights are 0."""
    mean = math.fsum(weights) / max(1, len(weights))
    if not mean:
        raise ExampleError("no row has a weight above 0: there is nothing to learn from; export other rows")
    return [weight / mean for weight in weights]


def _steps(row: Mapping[str, Any], answer: str, place: str) -> tuple[tuple[str, float], ...]:
    """Returns pairs (text, weight) of the steps of a row; an empty tuple if it has no `step_weights`. Raises
    ExampleError."""
    texts, weights = row.get("steps"), row.get("step_weights")
    if weights is None:
        return ()
    if not isinstance(texts, list) or not isinstance(weights, list) or len(texts) != len(weights):
        raise ExampleError(f"{place}: step_weights need as many steps: export it with --format step_weights")
    if not all(not isinstance(one, bool) and isinstance(one, int | float) and 0 <= one < math.inf for one in weights):
        raise ExampleError(f"{place}: step_weights {weights!r:.80} are no numbers from 0 on: export the row anew")
    if "".join(map(str, texts)) != answer:
        raise ExampleError(f"{place}: its steps together are not its completion: export it with --format step_weights")
    return tuple((text, float(weight)) for text, weight in zip(texts, weights, strict=True))


def _messages(row: Mapping[str, Any], place: str) -> list[Message]:
    parts = [row["messages"]] if "messages" in row else [row.get("prompt"), row.get("completion")]
    given = [message for part in parts for message in _part(part)]
    found = [Message(one["role"], one["content"]) for one in given if _is_message(one)]
    if len(found) < 2 or len(found) != len(given) or found[-1].role != "assistant":
        raise ExampleError(
            f"{place}: no messages that end in an assistant's: export it with --format rise, sft or messages"
        )
    return found


def _part(part: Any) -> Iterable[Any]:
    return part if isinstance(part, list) else [None]


def _is_message(one: Any) -> bool:
    return isinstance(one, Mapping) and all(isinstance(one.get(key), str) for key in ("role", "content"))


class Judged(NamedTuple):
    """A question, the steps of a solution, and the value of each step in [0, 1], or None for a step without a value."""

    question: str
    steps: tuple[str, ...]
    values: tuple[float | None, ...]


def read_judged(file: Path) -> list[Judged]:
    """Returns the solutions in a file of rows of the format `prm` (`prompt`, `completions`, `labels`) or `value`
    (`question`, `solution`, `value`). Raises ExampleError and SourceError."""
    found: list[Judged] = []
    for place, row in rows(file):
        if isinstance(row, SourceError):
            raise ExampleError(f"{file}, {place}: {row}")
        found.append(_judged(row, f"{file}, {place}"))
    return found


def _judged(row: Mapping[str, Any], place: str) -> Judged:
    if {"prompt", "completions", "labels"} <= row.keys():
        question, steps, values = row["prompt"], row["completions"], row["labels"]
    elif {"question", "solution", "value"} <= row.keys():
        steps = str(row["solution"]).strip().split("\n")
        question, values = row["question"], [*[None] * (len(steps) - 1), row["value"]]
    else:
        raise ExampleError(f"{place}: no judged solution: export it with --format prm or value")
    if len(steps) != len(values) or not all(value is None or 0 <= value <= 1 for value in values):
        raise ExampleError(f"{place}: {len(steps)} steps and values {values!r}: each step needs a value from 0 to 1")
    return Judged(question, tuple(steps), tuple(None if value is None else float(value) for value in values))
