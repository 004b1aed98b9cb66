"""Process reward models over HTTP, as vLLM serves each family, and a language model that rates steps."""

import json
import math
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest

from redraft.graders.prm import prm
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Stop, Trajectory

QUICK = Limits(tries=1, patience_s=5.0, wait_s=0.01)
FAMILIES = ("math_shepherd", "qwen", "skywork", "rlhflow", "classify", "steps", "value")
LOGITS_OF_STEPS = ("skywork", "steps")
GOOD = {"First.": 0.9, "Second.": 0.5, "Third.": 0.1}


def reward(text: str) -> float:
    """By the last of the known sentences in what was shown of a step."""
    found = [sentence for sentence in GOOD if sentence in text]
    return GOOD[found[-1]] if found else 0.5


def draft(*texts: str, unit: str = "u1") -> Trajectory:
    path = Trajectory(Question("p1", "How many?", unit=unit), stop=Stop.ANSWERED)
    for text in texts:
        path = path.grow(text, 0)
    return path


THREE = draft("First.\n\n", "Second.\n\n", "Third.")


@pytest.fixture
def unasked() -> Scripted:
    """A model that must not be asked."""

    def script(request: Request, index: int) -> str:
        raise AssertionError(request)

    return Scripted(script)


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    server = await openai_protocol.OpenAIServer(reward=reward).start()
    yield server
    await server.stop()


@pytest.fixture
async def client(unasked: Scripted) -> AsyncIterator[Client]:
    client = Client(unasked, journal=Journal(None), limits=QUICK)
    yield client
    await client.close()


@pytest.mark.parametrize("family", FAMILIES)
async def test_each_family_gives_a_value_a_step(family: str, client: Client, server: Any) -> None:
    grader = prm(client, profile=family, model="a/prm", api_base=server.url)
    [grade] = await grader([THREE])
    assert grade.reason is None
    assert grade.steps == pytest.approx((0.9, 0.5, 0.1), abs=1e-9)
    assert grade.value == pytest.approx(0.045)
    assert [detail.p_good for detail in grade.details] == list(grade.steps)
    assert [detail.p_bad for detail in grade.details] == pytest.approx([0.1, 0.5, 0.9])
    assert (grade.grader, grade.grader_model, grade.trajectory_id) == ("prm", "a/prm", "u1:0")


SHOWN = {
    "math_shepherd": {
        "input": "How many? Step 1: First. ки\nStep 2: Second. ки\nStep 3: Third. ки",
        "task": "token_classify",
        "use_activation": True,
    },
    "qwen": {
        "messages": [
            {
                "role": "system",
                "content": "Please reason step by step, and put your final answer within \\boxed{}.",
            },
            {"role": "user", "content": "How many?"},
            {"role": "assistant", "content": "First.<extra_0>Second.<extra_0>Third.<extra_0>"},
        ],
        "task": "token_classify",
        "use_activation": True,
    },
    "classify": {
        "input": ["How many?\n\nFirst.", "How many?\n\nFirst.\n\nSecond.", "How many?\n\nFirst.\n\nSecond.\n\nThird."],
        "use_activation": True,
    },
    "value": {
        "input": [
            "How many?\n\nFirst.\n\n",
            "How many?\n\nFirst.\n\nSecond.\n\n",
            "How many?\n\nFirst.\n\nSecond.\n\nThird.",
        ],
        "use_activation": True,
    },
}


@pytest.mark.parametrize("family", SHOWN)
async def test_what_a_server_is_shown(family: str, client: Client, server: Any) -> None:
    await prm(client, profile=family, model="a/prm", api_base=server.url)([THREE])
    assert server.requests == [{"model": "a/prm", **SHOWN[family]}]


async def test_signs_are_asked_for_step_by_step(client: Client, server: Any) -> None:
    await prm(client, profile="rlhflow", model="a/prm", api_base=server.url)([THREE])
    asked = sorted((body["messages"] for body in server.requests), key=len)
    assert [[message["content"] for message in messages] for messages in asked] == [
        ["How many? First."],
        ["How many? First.", "+", "Second."],
        ["How many? First.", "+", "Second.", "+", "Third."],
    ]
    assert all((body["max_tokens"], body["top_logprobs"]) == (1, 20) for body in server.requests)


async def test_a_step_of_several_lines_has_one_value(client: Client, server: Any) -> None:
    path = draft("Now\nFirst.\n\n", "Step 2: Second.")
    for family in FAMILIES:
        [grade] = await prm(client, profile=family, model="a/prm", api_base=server.url)([path])
        assert grade.steps == pytest.approx((0.9, 0.5)), family
    [text] = {body["input"] for body in server.requests if isinstance(body.get("input"), str)}
    assert text == "How many? Step 1: Now\nFirst. ки\nStep 2: Second. ки"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("nonsense", ["count", "nan", "range", "words"])
async def test_nonsense_leaves_a_draft_ungraded(family: str, nonsense: str, client: Client, server: Any) -> None:
    server.nonsense = nonsense
    [grade] = await prm(client, profile=family, model="a/prm", api_base=server.url)([THREE])
    if family in LOGITS_OF_STEPS and nonsense == "range":  # a logit has no range
        assert grade.value is not None
        return
    assert (grade.value, grade.steps, grade.details, grade.verdict) == (None, (), (), None)
    assert grade.reason


LOGITS = ": does the model's configuration switch its activation off (problem_type)?"


async def test_the_reason_says_what_was_wrong(client: Client, server: Any) -> None:
    grader = prm(client, profile="qwen", model="a/prm", api_base=server.url)
    reasons = {}
    for number, nonsense in enumerate(["count", "nan", "range", "logits", "words"]):
        server.nonsense = nonsense
        [grade] = await grader([draft("First.", "Second.", unit=f"u{number}")])
        reasons[nonsense] = grade.reason
    assert reasons == {
        "count": "1 value for 2 steps",
        "nan": "[nan, nan] are not finite",
        "range": f"[1.75, -0.75] are no probabilities{LOGITS}",
        "logits": f"[{math.log(1 - 0.9)}, {math.log(0.9)}] are no probabilities{LOGITS}",
        "words": "['good', 'good'] is no row of numbers",
    }


async def test_an_error_leaves_the_others_graded(client: Client, server: Any, openai_protocol: ModuleType) -> None:
    server.faults = [openai_protocol.Fault(500), None]
    grader = prm(client, profile="qwen", model="a/prm", api_base=server.url)
    bad, good = await grader([draft("First."), draft("Second.", unit="u2")])
    graded, lost = (good, bad) if bad.value is None else (bad, good)
    assert graded.value is not None
    assert "failed with HTTP 500" in (lost.reason or "")
    server.faults = [openai_protocol.Fault("malformed")]
    [grade] = await grader([draft("Third.", unit="u3")])
    assert grade.value is None
    assert "broken JSON" in (grade.reason or "")


async def test_what_cannot_be_judged_costs_no_call(client: Client, server: Any) -> None:
    grader = prm(client, profile="math_shepherd", model="a/prm", api_base=server.url)
    failed = Trajectory(Question("p1", "How many?", unit="u1"), stop=Stop.FAILED, reason="no answer")
    tagged, empty = draft("It is ки."), draft("")
    asked = Trajectory(Question("p1", "How many ки?", unit="u1"), tagged.steps, stop=Stop.ANSWERED)
    grades = await grader([failed, tagged, asked, empty])
    assert [grade.reason for grade in grades] == [
        "the trajectory failed: no answer",
        "step 1 holds 'ки', which ends a step for this reward model",
        "the question holds 'ки', which ends a step for this reward model",
        "the draft has no text",
    ]
    assert server.requests == []


async def test_what_was_answered_is_not_asked_again(unasked: Scripted, server: Any) -> None:
    journal = Journal(None)
    for _ in range(2):
        client = Client(unasked, journal=journal, limits=QUICK)
        [grade] = await prm(client, profile="qwen", model="a/prm", api_base=server.url, aggregate="minimum")([THREE])
        assert grade.value == pytest.approx(0.1)
        await client.close()
    assert len(server.requests) == 1
    [(call, _)] = journal.calls("u1")
    assert (call.purpose, call.model, call.place) == ("grade", "a/prm", THREE.place)
    assert call.prompt_tokens > 10


async def test_a_server_of_another_kind_is_told_of(client: Client, openai_server: Any) -> None:
    grader = prm(client, profile="qwen", model="a/prm", api_base=openai_server.url)
    with pytest.raises(ModelError, match=r"has no /pooling \(HTTP 404\)\. Start the server with the profile's command"):
        await grader([THREE])


async def test_settings_that_there_are_not(client: Client) -> None:
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"profile": "gpt"}, "no profile 'gpt' of grader 'prm'; there are embedded, judge, math_shepherd"),
        ({"aggregate": "max"}, "no aggregate 'max'; there are product, minimum, last, mean"),
        ({"neutral": "bad"}, "no neutral 'bad'; there are positive, negative"),
        ({"votes": 0}, "votes=0 is too few"),
        ({"profile": "qwen"}, "needs a reward model: set grader.model and grader.api_base"),
    ]
    for settings, words in mistakes:
        with pytest.raises(PartError, match=words):
            prm(client, **settings)
    with pytest.raises(ModelError, match="The address of the reward model a/prm is missing"):
        prm(client, profile="qwen", model="a/prm")


def ratings(*words: str) -> str:
    return json.dumps({"steps": [{"step": n, "reason": "So.", "rating": w} for n, w in enumerate(words, start=1)]})


@pytest.fixture
def judging() -> Callable[..., Client]:
    """A client whose model gives these replies, one a sample."""

    def make(*replies: str) -> Client:
        return Client(Scripted(lambda request, index: replies[index]))

    return make


async def test_a_judge_rates_each_step(judging: Callable[..., Client]) -> None:
    client = judging(f"Let me see.\n```json\n{ratings('good', 'neutral', 'bad')}\n```")
    [grade] = await prm(client, aggregate="mean")([THREE])
    assert grade.steps == (1.0, 1.0, 0.0)
    assert grade.value == pytest.approx(2 / 3)
    [grade] = await prm(client, aggregate="mean", neutral="negative")([THREE])
    assert grade.value == pytest.approx(1 / 3)
    [request, _] = client.model.requests  # type: ignore[attr-defined]
    assert (request.temperature, request.schema["required"]) == (0, ["steps"])
    assert "<step 2>\nSecond.\n</step 2>" in request.messages[0].content


async def test_votes_are_shares_of_the_replies_that_rate_every_step(judging: Callable[..., Client]) -> None:
    replies = (ratings("good", "good", "bad"), "I can't.", ratings("good", "bad", "bad"), ratings("good", "bad"))
    [grade] = await prm(judging(*replies), votes=4)([THREE])
    assert grade.steps == (1.0, 0.5, 0.0)
    assert [detail.n for detail in grade.details] == [2, 2, 2]
    [grade] = await prm(judging(replies[1]))([THREE])
    assert grade.reason == "the judge's reply holds no rating of each of the 3 steps"
