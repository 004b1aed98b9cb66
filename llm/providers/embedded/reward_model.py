"""The embedded process reward model: returns the probability that a line is right, given that the lines before it are.

Its network starts from the policy's weights and is trained further to tell right lines from wrong ones
(`training/train_reward_model.py`). At the last token of a line, a head with 64 hidden units reads the state of the
network and the log-probability that the network assigns to the line.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.network import CONTEXT, Network, normalize, unpack
from redraft.llm.providers.embedded.one_thread import one_thread
from redraft.llm.providers.embedded.prompt_cache import Floats, Prompt
from redraft.llm.providers.embedded.prompts import ASSISTANT, TEMPLATES, USER
from redraft.llm.providers.embedded.vocabulary import Vocabulary

HERE = Path(__file__).parent
WEIGHTS = "prm.npz"
QUESTIONS = 64  # size of the cache; each question takes 0.5 MB
LEAST = np.float32(-20)  # lower log-probabilities are raised to this value


def scoring_prefix(question: str) -> str:
    """Returns the text before the lines to judge, which is the policy's prompt for the question."""
    return f"{USER}{TEMPLATES['solve'].replace('{question}', question)}{ASSISTANT}"


class ProcessRewardModel:
    """A reward model for solutions of the built-in word problems, whoever wrote them. Its values for other problems are
    meaningless."""

    name = "embedded-prm"

    def __init__(self, weights: Path) -> None:
        try:
            with np.load(weights) as packed:
                arrays = unpack(packed)
            self._network = Network(arrays)
            self._vocabulary = Vocabulary(weights.with_name("tokenizer.json"))
            self._head = Head(arrays)
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(
                f"The embedded reward model's weights in {weights} cannot be read: {error}.",
                cure="Install redraft anew, or train them with `make train-prm`.",
                fatal=True,
            ) from error
        self._lock = threading.Lock()
        self._read = lru_cache(QUESTIONS)(self._question)

    def score(self, question: str, steps: Sequence[str]) -> list[float]:
        """Returns a probability for each step: the product over the step's lines of the probability that the line is
        right, given that the lines before it are. Raises ModelError if question and solution have more than 1,024
        tokens. Thread-safe."""
        lines = [step.split("\n") for step in steps]
        written = [self._vocabulary.encode(f"{line}\n") for step in lines for line in step]
        tokens = np.array([token for line in written for token in line], np.int64)
        with self._lock, one_thread():
            values = self._values(self._read(question), tokens, np.cumsum([len(line) for line in written]) - 1)
        firsts = np.cumsum([0, *(len(step) for step in lines)])[:-1]
        return [float(value) for value in np.multiply.reduceat(values, firsts)]

    def _question(self, question: str) -> "CachedQuestion":
        """Returns a question after the network has read it. The result is cached for all drafts of the question."""
        tokens = np.array(self._vocabulary.encode(scoring_prefix(question)), np.int64)
        _check_size(len(tokens))
        states, prompt = self._network.states(tokens, last=True)
        return CachedQuestion(prompt, self._network.logits(states))

    def _values(
        self, read: "CachedQuestion", tokens: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Returns the probability of each line. `ends` has the index of each line's last token."""
        _check_size(read.prompt.length + len(tokens))
        states, _ = self._network.states(tokens, read.prompt)
        logits = np.concatenate([read.logits, self._network.logits(states[:-1])]).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        drawn = np.take_along_axis(logits, tokens[:, None], axis=1)[:, 0]
        logprobs = drawn - np.log(np.exp(logits).sum(axis=1))
        lines = np.add.reduceat(logprobs, np.array([0, *(ends[:-1] + 1)]))
        line_logits = self._head(normalize(states[ends].T[None])[0].T * self._network.norm, lines.astype(np.float32))
        return 1 / (1 + np.exp(-line_logits.astype(np.float64)))


@dataclass(frozen=True, slots=True)
class CachedQuestion:
    """A question that the network has read, and the logits of the next token."""

    prompt: Prompt
    logits: Floats  # (1, vocabulary)


def _check_size(size: int) -> None:
    if size > CONTEXT:
        raise ModelError(
            f"A draft of {size:,} tokens is too long for the embedded reward model, which reads {CONTEXT:,}."
        )


class Head:
    """Maps the states (lines, WIDTH) and the log-probabilities (lines,) of lines to logits (lines,)."""

    def __init__(self, arrays: dict[str, Floats]) -> None:
        self.hidden, self.hidden_bias = arrays["hidden.weight"], arrays["hidden.bias"]
        self.value, self.value_bias = arrays["value.weight"][0], arrays["value.bias"]

    def __call__(self, states: Floats, logprobs: Floats) -> Floats:
        features = np.column_stack([states, np.maximum(logprobs, LEAST), np.exp(logprobs)])
        inside = features @ self.hidden.T + self.hidden_bias
        logits: Floats = _gelu(inside) @ self.value + self.value_bias
        return logits


def _gelu(x: Floats) -> Floats:
    """Returns GELU (Hendrycks and Gimpel 2016), in the approximation with tanh."""
    inside = np.float32((2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * x**3)
    return (x * (1 + np.tanh(inside)) / 2).astype(np.float32)


def reward_folder(model: str | None) -> Path | None:
    """Returns the FOLDER of a name `embedded:FOLDER` if it contains a trained reward model; otherwise None."""
    kind, colon, folder = (model or "").partition(":")
    found = Path(folder).expanduser() if kind == "embedded" and colon else None
    return found if found and (found / WEIGHTS).is_file() else None


def embedded_reward_model(folder: Path | None = None) -> ProcessRewardModel:
    """Returns the reward model in `folder`, or the included reward model if `folder` is None. Raises ModelError."""
    return _read_model((folder or HERE) / WEIGHTS, f"embedded:{folder}" if folder else ProcessRewardModel.name)


@cache
def _read_model(weights: Path, name: str) -> ProcessRewardModel:
    model = ProcessRewardModel(weights)
    model.name = name
    return model
