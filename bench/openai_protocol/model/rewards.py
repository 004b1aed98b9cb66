"""A reward model in the form in which vLLM serves one: values of steps, of whole texts, of tokens, and of the sign that
it would write.

Like a real reward model, it tokenizes its input and finds the ends of steps by their tokens. The probability that a
step is good is the behaviour's `reward` of the step's text.
"""

import json
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

POOLING, CLASSIFY, EMBEDDINGS, TOKENIZE = "/pooling", "/classify", "/v1/embeddings", "/tokenize"
PATHS = (POOLING, CLASSIFY, EMBEDDINGS, TOKENIZE)

Reward = Callable[[str], float]
Nonsense = Literal["", "count", "nan", "range", "logits", "words"]
"""How the numbers are corrupted: one row too few, a NaN, a number out of range, no activation function, strings instead
of numbers."""


class NoPage(Exception):
    """Raised if this model is not served at a path."""


@dataclass(slots=True)
class Rewards:
    """The values of one reward model. Tokens are remembered by their ids, so that requests may contain ids."""

    tokens: dict[int, str]

    def body(self, path: str, asked: dict[str, Any], reward: Reward, nonsense: Nonsense) -> tuple[bytes, int]:
        """Returns the JSON of a reply, and the number of tokens in the request. Raises NoPage."""
        model = asked.get("model", "")
        match path:
            case "/tokenize":
                ids = self.ids(asked["prompt"])
                data: dict[str, Any] = {"count": len(ids), "max_model_len": 4096, "tokens": ids}
                return json.dumps(data).encode(), 0
            case "/pooling" if isinstance(asked.get("input"), list):
                read = len(asked["input"])
                values = [[value] for value in self._values(asked["input"], reward)]
                one = [{"index": 0, "object": "pooling", "data": spoilt(values, nonsense)}]
            case "/pooling":
                read, rows = self._pooled(asked, reward, nonsense)
                one = [{"index": 0, "object": "pooling", "data": spoilt(rows, nonsense)}]
            case "/v1/embeddings":
                read = len(asked["input"])
                values = spoilt([[value] for value in self._values(asked["input"], reward)], nonsense)
                one = [{"index": 0, "object": "embedding", "embedding": [row[0] for row in values]}]
            case "/classify":
                texts = [asked["input"]] if isinstance(asked.get("input"), str) else asked.get("input")
                texts = texts or ["\n\n".join(message["content"] for message in asked["messages"])]
                read = sum(len(self.ids(text)) for text in texts)
                one = [
                    {"index": index, "label": "LABEL_1", "probs": row, "num_classes": len(row)}
                    for index, row in enumerate(spoilt([pair(reward(_last(text))) for text in texts], nonsense))
                ]
            case _:
                raise NoPage(path)
        usage = {"prompt_tokens": read, "total_tokens": read, "completion_tokens": 0}
        return json.dumps({"id": "1", "object": "list", "model": model, "data": one, "usage": usage}).encode(), read

    def ids(self, text: str) -> list[int]:
        """Returns the tokens of a text: words, single punctuation marks, the tags of steps."""
        found = []
        for token in TOKEN.findall(text):
            number = zlib.crc32(token.encode())
            self.tokens[number] = token
            found.append(number)
        return found

    def _pooled(self, asked: dict[str, Any], reward: Reward, nonsense: Nonsense) -> tuple[int, list[list[float]]]:
        """Returns the number of tokens, and a row for each token that ends a step. The good class is first if the
        request has a text, and last if it has a chat."""
        chat = "messages" in asked
        text = "\n".join(message["content"] for message in asked["messages"]) if chat else asked["input"]
        ids, steps, step = self.ids(text), [], ""
        for number in ids:
            token = self.tokens[number]
            if token == (QWEN if chat else SHEPHERD):
                steps.append(step)
                step = ""
            else:
                step += token
        rows = [pair(reward(step)) for step in steps]
        if nonsense == "logits":
            rows = [[math.log(max(p, 1e-9)) for p in row] for row in rows]
        return len(ids), rows if chat else [row[::-1] for row in rows]

    def _values(self, ids: Sequence[int], reward: Reward) -> list[float]:
        """Returns a logit for each token: the value of the line up to this token."""
        line, values = "", []
        for number in ids:
            line += self.tokens[number]
            p = min(max(reward(line), 1e-9), 1 - 1e-9)
            values.append(math.log(p / (1 - p)))
            line = "" if self.tokens[number] == "\n" else line
        return values


def sign(asked: dict[str, Any], reward: Reward, nonsense: Nonsense) -> bytes:
    """Returns a chat completion of one token, + or -, with the most likely tokens."""
    p = min(max(reward(asked["messages"][-1]["content"]), 1e-9), 1 - 1e-9)
    tops = {"+": math.log(0.9 * p), "-": math.log(0.9 * (1 - p)), "The": math.log(0.09), "I": math.log(0.01)}
    if nonsense == "count":
        del tops["-"]
    elif nonsense in ("words", "logits"):
        tops = {"The": math.log(0.5), "I": math.log(0.4)}
    elif nonsense:
        tops["+"] = math.nan if nonsense == "nan" else 1.5
    listed = [{"token": token, "logprob": log, "bytes": None} for token, log in tops.items()]
    said = {**listed[0], "top_logprobs": listed}
    choice = {"index": 0, "message": {"role": "assistant", "content": listed[0]["token"]}, "finish_reason": "length"}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    return json.dumps({"choices": [{**choice, "logprobs": {"content": [said]}}], "usage": usage}).encode()


def spoilt(rows: list[list[float]], nonsense: Nonsense) -> list[list[Any]]:
    """Returns the rows, corrupted as `nonsense` names."""
    match nonsense:
        case "count":
            return rows[:-1]
        case "nan":
            return [*rows[:-1], [math.nan] * len(rows[-1])]
        case "range":
            return [*rows[:-1], [1.75, *([-0.75] * (len(rows[-1]) - 1))]]
        case "words":
            return [["good"] * len(row) for row in rows]
    return list(rows)


def pair(good: float) -> list[float]:
    """Returns the probabilities of the classes bad and good."""
    return [1 - good, good]


def _last(text: str) -> str:
    return text.rstrip().rsplit("\n\n", 1)[-1]


SHEPHERD, QWEN = "ки", "<extra_0>"
TOKEN = re.compile(rf"{SHEPHERD}|{QWEN}|\w+?(?={SHEPHERD})|\w+|\s|.")
