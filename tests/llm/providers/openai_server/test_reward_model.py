"""Replies of reward models' servers, side by side. Each becomes values, a grade with a reason, or one clear error."""

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from redraft.graders.orm import orm
from redraft.graders.prm import prm
from redraft.llm.client.client import Client
from redraft.llm.limits import TIMEOUT_CURE, Limits
from redraft.llm.model import ModelError
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory

Start = Callable[..., Awaitable[Any]]
STEPS = ("First.", "Second.", "Third.")
THREE = Trajectory(Question("p1", "How many?", unit="u1"), stop=Stop.ANSWERED)
for _text in STEPS:
    THREE = THREE.grow(_text, 0)
GOOD = [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]  # for math_shepherd, whose good class is the first


def rows(data: Any) -> dict[str, Any]:
    """A reply of /pooling."""
    return {"object": "list", "data": [{"index": 0, "object": "pooling", "data": data}], "usage": {"prompt_tokens": 9}}


def classes(*probs: Any) -> dict[str, Any]:
    """A reply of /classify."""
    return {"data": [{"index": index, "probs": row} for index, row in enumerate(probs)]}


def vllm(status: int, message: str, kind: str = "BadRequestError") -> tuple[int, dict[str, Any]]:
    """An error as vLLM words it."""
    return status, {"error": {"message": message, "type": kind, "param": None, "code": status}}


def signs(**tops: Any) -> dict[str, Any]:
    """A reply of the chat endpoint, with the log-probabilities of its first token."""
    listed = [{"token": token, "logprob": log} for token, log in tops.items()]
    return {"choices": [{"logprobs": {"content": [{"token": "+", "top_logprobs": listed}]}}]}


def raw(reply: Any) -> bytes:
    """JSON as Python writes it: with NaN."""
    return json.dumps(reply).encode()


async def slow(path: str, body: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(3)
    return rows(GOOD)


async def graded(start: Start, profile: str, reply: Any, limits: Limits = Limits(tries=1)) -> Grade | ModelError:  # noqa: B008
    """The grade of three steps if a server replies so, or the error that ends the run. `orm` is a grader."""
    server = await start(reply if callable(reply) else lambda path, body: reply)
    client = Client(Scripted(lambda request, index: ""), limits=limits)
    try:
        if profile == "orm":
            grader = orm(client, profile="classify", model="a/prm", api_base=server.url)
        else:
            grader = prm(client, profile=profile, model="a/prm", api_base=server.url)
        [grade] = await grader([THREE])
    except ModelError as error:
        return error
    finally:
        await client.close()
    return grade


LOGITS = ": does the model's configuration switch its activation off (problem_type)?"
COMMAND = "Start the server with the profile's command (docs/graders.md), or choose another profile."
NO_TAG = (
    """ in the draft: set --pooler-config '{"step_tag_id": NUMBER}' of the server to the token's number, or choose"""
)
UNFIT = "{url} does not take a draft as this profile sends it "
LENGTH = "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input tokens."
TEMPLATE = "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template."
TASK = "Unsupported task: 'token_classify' Supported tasks: ['classify'] (parameter=task)"
NO_API = "The model does not support Classification API"
THIRDS = [0.2, 0.3, 0.5]

TABLE: dict[str, tuple[str, Any, Any]] = {
    # as many rows as steps
    "a row a step": ("math_shepherd", rows(GOOD), (0.9, 0.5, 0.1)),
    "good is the second": ("qwen", rows(GOOD), (0.1, 0.5, 0.9)),
    "one class": ("classify", classes([0.2], [0.3], [0.4]), (0.2, 0.3, 0.4)),
    "two classes": ("classify", classes([0.8, 0.2], [0.7, 0.3], [0.6, 0.4]), (0.2, 0.3, 0.4)),
    "three classes": ("classify", classes(THIRDS, THIRDS, THIRDS), (0.8, 0.8, 0.8)),
    "in another order": ("classify", {"data": classes([0.2], [0.3], [0.4])["data"][::-1]}, (0.2, 0.3, 0.4)),
    "half precision": ("math_shepherd", rows([[0.5, 0.485], *GOOD[1:]]), (0.5, 0.5, 0.1)),
    "usage without sense": ("math_shepherd", rows(GOOD) | {"usage": {"prompt_tokens": "x"}}, (0.9, 0.5, 0.1)),
    "signs": ("rlhflow", signs(**{"+": math.log(0.6), "-": math.log(0.2)}), (0.75, 0.75, 0.75)),
    "a rounded sign": ("rlhflow", signs(**{"+": 1e-7, "-": -50.0}), (1.0, 1.0, 1.0)),
    # other numbers of rows, or of columns
    "too few rows": ("math_shepherd", rows(GOOD[:1]), "1 value for 3 steps"),
    "too many rows": ("math_shepherd", rows([*GOOD, GOOD[0]]), "4 values for 3 steps"),
    "too few texts": ("classify", classes([0.2], [0.3]), "2 values for 3 steps"),
    "no tag": ("math_shepherd", rows([]), f"the server finds no token 'ки'{NO_TAG}"),
    "no tag of Qwen's": ("qwen", rows([]), f"the server finds no token '<extra_0>'{NO_TAG}"),
    "nested deeper": ("math_shepherd", rows([GOOD]), "[[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]] is no row of numbers"),
    "not nested": ("math_shepherd", rows([0.9, 0.5, 0.1]), "a row of 1 numbers where 2 are expected"),
    "one column": ("math_shepherd", rows([[0.2]] * 3), "a row of 1 numbers where 2 are expected"),
    "three columns": ("math_shepherd", rows([THIRDS] * 3), "a row of 3 numbers where 2 are expected"),
    "hidden states": ("qwen", rows([[0.1] * 4096] * 3), "a row of 4096 numbers where 2 are expected"),
    "four classes": ("classify", classes(*[[0.25] * 4] * 3), "a row of 4 numbers where 1 or 2 or 3 are expected"),
    "mixed classes": ("classify", classes([0.2, 0.8], THIRDS, [0.4]), "the rows of the reply have different numbers"),
    "no row at all": ("orm", {"data": []}, "0 values for one draft"),
    "rows for one draft": ("orm", classes([0.4], [0.3]), "2 values for one draft"),
    "tokens without values": (
        "skywork",
        lambda path, body: {"tokens": [1, 2]} if path == "/tokenize" else rows([[0.1]]),
        "{url} was sent 14 tokens and returned 1 of their values. " + COMMAND,
    ),
    # values that are no probabilities
    "sum is not 1": ("math_shepherd", rows([[0.2, 0.3]] * 3), "[0.2, 0.3] do not sum to 1" + LOGITS),
    "outside of [0, 1]": ("qwen", rows([[1.75, -0.75]] * 3), "[1.75, -0.75] are no probabilities" + LOGITS),
    "one logit": ("classify", classes([2.2], [0.3], [0.4]), "[2.2] are no probabilities" + LOGITS),
    "one logit of a draft": ("orm", classes([2.2]), "[2.2] are no probabilities" + LOGITS),
    "NaN": ("math_shepherd", raw(rows([[math.nan, 0.3]] * 3)), "[nan, 0.3] are not finite"),
    "infinite": ("orm", b'{"data": [{"probs": [1e999]}]}', "[inf] are not finite"),
    "null": ("math_shepherd", rows([[None, 0.3]] * 3), "[None, 0.3] is no row of numbers"),
    "null for a row": ("math_shepherd", rows([None] * 3), "[None] is no row of numbers"),
    "strings": ("math_shepherd", rows([["a", "b"]] * 3), "['a', 'b'] is no row of numbers"),
    "numbers for rows": ("classify", classes(0.2, 0.3, 0.4), "0.2 is no row of numbers"),
    "NaN for a logit": (
        "skywork",
        lambda path, body: {"tokens": [1]} if path == "/tokenize" else raw(rows([[math.nan]] * 7)),
        "[nan] is no logit",
    ),
    "no sign": ("rlhflow", signs(The=-0.1), "the reply to step 1 is neither + nor -"),
    "a string for a sign": ("rlhflow", signs(**{"+": "x"}), "the reply to step 1 is neither + nor -"),
    # JSON that is no reply of a reward model
    "data is empty": ("math_shepherd", {"data": []}, '{url} answered without numbers ({"data": []}). ' + COMMAND),
    "data is a number": ("math_shepherd", {"data": 3}, '{url} answered without numbers ({"data": 3}). ' + COMMAND),
    "data has lists": ("math_shepherd", {"data": [[0.1]]}, "{url} answered without numbers"),
    "data is null": ("math_shepherd", rows(None), "{url} answered without numbers"),
    "base64": ("math_shepherd", rows("AAAA"), "{url} answered without numbers"),
    "two items": ("math_shepherd", {"data": rows(GOOD)["data"] * 2}, "{url} answered without numbers"),
    "another index": ("classify", {"data": [{"index": None}, {"index": "2"}]}, "{url} answered without numbers"),
    "no probabilities": ("classify", {"data": [{"index": 0}]}, "{url} answered without numbers"),
    "a list": ("qwen", [1], "{url} answered without numbers ([1])"),
    "nothing but null": ("qwen", b"null", "{url} answered without numbers (null)"),
    "no choices": ("rlhflow", {"choices": []}, "{url} answered without numbers"),
    "no log-probabilities": ("rlhflow", {"choices": [{"logprobs": None}]}, "{url} answered without numbers"),
    "a token that is null": (
        "rlhflow",
        {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": None, "logprob": -1}]}]}}]},
        "{url} answered without numbers",
    ),
    "no tokens": ("skywork", {"tokens": []}, '{url} answered without numbers ({"tokens": []})'),
    # errors
    "an error inside": ("qwen", {"error": {"message": "out of memory"}}, "{url} failed with HTTP 500 (out of memory)."),
    "a text inside": ("qwen", {"error": "boom"}, "{url} failed with HTTP 500 (boom). Try again later."),
    "an object error": ("qwen", {"object": "error", "message": LENGTH, "code": 400}, "The draft is too long for a/prm"),
    "too long": (
        "qwen",
        vllm(400, LENGTH),
        f"The draft is too long for a/prm ({LENGTH}). Shorter drafts help, or a larger --max-model-len of the server.",
    ),
    "another 400": ("qwen", vllm(400, "No."), "{url} rejects the request to a/prm (No.)."),
    "another task": ("qwen", vllm(400, TASK), ModelError(f"{UNFIT}({TASK}). {COMMAND}")),
    "another API": ("classify", vllm(501, NO_API), ModelError(f"{UNFIT}({NO_API}). {COMMAND}")),
    "no chat template": (
        "qwen",
        vllm(400, TEMPLATE),
        ModelError(f"{UNFIT}({TEMPLATE}). Start the server with --chat-template FILE, or choose another profile."),
    ),
    "no route": ("qwen", (404, {"detail": "Not Found"}), ModelError("{url} has no /pooling (HTTP 404). " + COMMAND)),
    "no model": (
        "qwen",
        vllm(404, "The model `a/prm` does not exist."),
        ModelError(
            "{url} has no model 'a/prm' (The model `a/prm` does not exist.). Check the grader's model and api_base."
        ),
    ),
    "HTML": (
        "qwen",
        b"<html><body>Welcome</body></html>",
        "{url} answered with a web page, not with JSON (Welcome). Check the grader's api_base.",
    ),
    "HTML of a gateway": ("qwen", (502, b"<html>Bad gateway</html>"), "{url} failed with HTTP 502 (Bad gateway)."),
    "an empty body": ("qwen", b"", "{url} answered with nothing. Try again later."),
    "half a body": ("qwen", b'{"data": [{"da', "{url} answered with broken JSON"),
}
"""A profile, a reply, and what it becomes: values of steps, the beginning of a grade's reason, or of an error that ends
the run."""


@pytest.mark.parametrize("name", TABLE)
async def test_what_a_reply_becomes(name: str, speaks: Start) -> None:
    profile, reply, expected = TABLE[name]
    found = await graded(speaks, profile, reply)
    if isinstance(expected, ModelError):
        assert isinstance(found, ModelError)
        assert found.fatal
        assert without_port(str(found)) == str(expected)
        return
    assert isinstance(found, Grade)
    if isinstance(expected, str):
        assert (found.value, found.steps, found.details) == (None, (), ())
        assert without_port(found.reason or "").startswith(expected)
        return
    assert found.reason is None
    assert found.steps == pytest.approx(expected, abs=1e-9)
    assert found.value == pytest.approx(math.prod(expected))


def without_port(words: str) -> str:
    """The words with "{url}" for the server's address, which differs from run to run."""
    return re.sub(r"http://127\.0\.0\.1:\d+/v1", "{url}", words)


async def test_a_slow_reply_has_no_value(speaks: Start) -> None:
    found = await graded(speaks, "qwen", slow, Limits(tries=1, timeout_s=0.3))
    assert isinstance(found, Grade)
    assert without_port(found.reason or "") == f"{{url}} gave no answer in 0.3 s. {TIMEOUT_CURE}"


async def test_a_fault_is_asked_again_and_what_cannot_change_is_not(speaks: Start) -> None:
    """A server that is busy once, and one that never has numbers."""
    counts = []
    for first in (vllm(503, "busy"), {"error": {"message": "busy"}}, b"<html></html>", {"data": []}):
        replies = [first, rows(GOOD)]
        found = await graded(speaks, "math_shepherd", lambda path, body, replies=replies: replies.pop(0), RETRYING)
        assert isinstance(found, Grade)
        counts.append((found.value is not None, len(replies)))
    assert counts == [(True, 0), (True, 0), (True, 0), (False, 1)]


RETRYING = Limits(tries=2, wait_s=0.01)


async def test_each_profile_says_what_it_expects(speaks: Start) -> None:
    """Logits or probabilities, so that the server cannot return the other."""
    asked: dict[str, set[Any]] = {}
    for profile in ("qwen", "math_shepherd", "classify", "orm", "skywork", "rlhflow", "steps", "value"):

        def answer(path: str, body: dict[str, Any], profile: str = profile) -> Any:
            if path != "/tokenize":
                asked.setdefault(profile, set()).add((path, body.get("task"), body.get("use_activation")))
            return {"tokens": [1]}

        await graded(speaks, profile, answer)
    assert asked == {
        "qwen": {("/pooling", "token_classify", True)},
        "math_shepherd": {("/pooling", "token_classify", True)},
        "classify": {("/classify", None, True)},
        "orm": {("/classify", None, True)},
        "skywork": {("/pooling", "token_classify", False)},
        "steps": {("/pooling", "token_classify", False)},
        "value": {("/classify", None, True)},
        "rlhflow": {("/v1/chat/completions", None, None)},
    }


async def test_a_plugin_without_pooling_is_asked_for_embeddings(speaks: Start) -> None:
    """It is found out once, and unknown settings are not sent to it."""
    asked = []

    def answer(path: str, body: dict[str, Any]) -> Any:
        asked.append((path, sorted(body)))
        if path == "/tokenize":
            return {"tokens": [len(body["prompt"])]}
        if path == "/pooling":
            return 404, {"detail": "Not Found"}
        return {"data": [{"index": 0, "embedding": [token / 10 for token in body["input"]]}]}

    found = await graded(speaks, "skywork", answer)
    assert isinstance(found, Grade)
    assert found.steps == pytest.approx([1 / (1 + math.exp(-0.1))] * 3)  # of the token that ends a line
    assert asked[-2:] == [
        ("/pooling", ["input", "model", "task", "use_activation"]),
        ("/v1/embeddings", ["input", "model"]),
    ]
