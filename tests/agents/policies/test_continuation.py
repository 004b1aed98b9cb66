"""Going on from a half-written draft: the same steps from a model that can, and from one that is asked in words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from redraft.agents import build
from redraft.agents.policies.continuation import STEP_SCHEMA
from redraft.agents.policies.policy import Policy, by_steps, stepwise, whole
from redraft.llm.capabilities import EVERYTHING, Capabilities, Continuing
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message, ModelError, Request, Sampling
from redraft.llm.prompts.templates import NEXT_STEP, REST, SOLVE, fill
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Role, Stop, Trajectory

QUESTION = Question("p", "How many legs have 2 cats?", unit="u")
STEPS = ("A cat has \\frac{8}{2} legs.\n\n", 'So "two" have 8,\nnot 9.\n\n', "The answer is \\boxed{8}")
TEXT = "".join(STEPS)
CHAT_ONLY = replace(EVERYTHING, continuing=Continuing.NONE)

Form = Callable[[str, bool], str]
"""From a step and whether it is the last one to a reply."""


def plain(step: str, final: bool) -> str:
    return json.dumps({"step": step.removesuffix("\n\n"), "final": final})


def native(request: Request, index: int) -> Choice:
    """Goes on from the prefix to the next stop string."""
    left = TEXT.removeprefix(request.prefix)
    step, mark, _ = left.partition(request.stop[0]) if request.stop else (left, "", "")
    return Choice(step, Finish.STOP if mark else Finish.END, 5)


def chat_only(form: Form) -> Callable[[Request, int], Choice]:
    """Writes from the beginning, or the next step in this form when it is shown a draft and asked for it."""

    def write(request: Request, index: int) -> Choice:
        assert request.prefix == ""
        if request.messages[-1].content != NEXT_STEP:
            return native(request, index)
        left = TEXT.removeprefix(request.messages[-2].content)
        step, mark, _ = left.partition("\n\n")
        return Choice(form(step + mark, not mark), Finish.END, 5)

    return write


async def written(policy: Policy, trajectory: Trajectory | None = None, most: int = 10) -> Trajectory:
    """A trajectory, proposed to its end."""
    trajectory = trajectory or Trajectory(QUESTION)
    for _ in range(most):
        if trajectory.stop is None:
            [trajectory] = await policy(trajectory, 1)
    return trajectory


def bare(trajectory: Trajectory) -> Trajectory:
    """A trajectory without what depends on the form of its calls."""
    return structs.replace(
        trajectory,
        steps=tuple(structs.replace(step, tokens=0, logprob=None, call_id=None) for step in trajectory.steps),
    )


FORMS: dict[str, Form] = {
    "as asked": plain,
    "in a code fence": lambda step, final: f"```json\n{plain(step, final)}\n```",
    "among words": lambda step, final: f"Sure! Here it is: {plain(step, final)} I hope {{that}} helps.",
    "spaced": lambda step, final: json.dumps({"final": final, "step": "\n" + step}, indent=2),
    "single backslashes": lambda step, final: plain(step, final).replace("\\\\", "\\"),
    "bare quotes": lambda step, final: plain(step, final).replace('\\"', '"'),
    "bare line breaks": lambda step, final: plain(step, final).replace("\\n", "\n"),
    "the draft repeated": lambda step, final: plain(TEXT[: TEXT.index(step)] + step, final),
    "without JSON": lambda step, final: step,
    "without JSON in a fence": lambda step, final: f"```\n{step}\n```",
    "without a last word": lambda step, final: json.dumps({"step": step}),
    "all that is left at once": lambda step, final: plain(TEXT[TEXT.index(step) :], True),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_steps_are_the_same_whether_a_model_goes_on_or_is_asked_in_words(form: Form) -> None:
    expected = await written(stepwise(Client(Scripted(native))))
    model = Scripted(chat_only(form), capabilities=CHAT_ONLY)
    trajectory = await written(stepwise(Client(model)))

    assert bare(trajectory) == bare(expected)
    assert [step.text for step in trajectory.steps] == list(STEPS)
    assert (trajectory.stop, trajectory.answer) == (Stop.ANSWERED, "8")
    assert [step.final for step in trajectory.steps] == [False, False, True]


@pytest.mark.parametrize(("script", "continuing"), [(native, Continuing.NATIVE), (chat_only(plain), Continuing.NONE)])
async def test_strategies_get_whole_drafts_by_steps(script: Any, continuing: Continuing) -> None:
    model = Scripted(script, capabilities=replace(EVERYTHING, continuing=continuing))
    client = Client(model)
    trajectories = await build("self_consistency", client, policy="by_steps", samples=2)(QUESTION)
    expected = await written(stepwise(Client(Scripted(native))))
    assert [(t.sample, t.text(), t.stop, t.answer) for t in trajectories] == [
        (sample, expected.text(), Stop.ANSWERED, "8") for sample in (0, 1)
    ]
    assert bare(structs.replace(trajectories[0], chosen=False, score=None)) == bare(expected)
    assert [request.n for request in model.requests] == [2, 1, 1, 1, 1]


async def test_an_endless_draft_ends_even_where_no_tokens_are_counted() -> None:
    model = Scripted(lambda request, index: Choice("And so on.", Finish.STOP, 0))
    [trajectory] = await by_steps(Client(model, sampling=Sampling(max_tokens=20)))(Trajectory(QUESTION), 1)
    assert (trajectory.stop, len(trajectory.steps)) == (Stop.LENGTH, 20)


async def test_the_next_step_is_asked_for_after_the_draft_as_json_of_a_strict_schema() -> None:
    model = Scripted(chat_only(plain), capabilities=CHAT_ONLY)
    client = Client(model, sampling=Sampling(max_tokens=12, temperature=0.5))
    trajectory = await written(stepwise(client))

    asked = Message("user", fill(SOLVE, question=QUESTION.text))
    first, second, third = model.requests
    assert (first.messages, first.stop, first.schema, first.max_tokens) == ((asked,), ("\n\n",), None, 12)
    assert (second.messages, second.stop, second.schema, second.max_tokens) == (
        (asked, Message("assistant", STEPS[0]), Message("user", NEXT_STEP)), (), STEP_SCHEMA, 7,
    )  # fmt: skip
    assert (third.messages[1:], third.max_tokens) == (
        (Message("assistant", STEPS[0] + STEPS[1]), Message("user", NEXT_STEP)), 2,
    )  # fmt: skip
    assert {request.temperature for request in model.requests} == {0.5}
    assert [(step.tokens, step.logprob) for step in trajectory.steps] == [(5, None)] * 3


@pytest.mark.parametrize("structured", ["honour", "ignore", "reject"])
async def test_over_http_it_is_the_same_however_the_server_takes_the_schema(
    openai_server: Any, structured: str
) -> None:
    def write(messages: Sequence[dict[str, Any]], seed: int, index: int) -> str:
        if messages[-1]["content"] != NEXT_STEP:
            return TEXT
        left = TEXT.removeprefix(messages[-2]["content"])
        step, mark, _ = left.partition("\n\n")
        return plain(step, not mark) if structured != "ignore" else f"Of course:\n{plain(step, not mark)}"

    openai_server.write, openai_server.structured, openai_server.continues = write, structured, "none"
    journal = Journal(None)
    client = Client(route("tiny", openai_server.url), journal=journal, sampling=Sampling(max_tokens=500))
    try:
        trajectory = await written(stepwise(client))
    finally:
        await client.close()

    assert bare(trajectory) == bare(await written(stepwise(Client(Scripted(native)))))
    entries = [entry for entry in openai_server.record.entries if entry.status == 200]
    asked = [entry.body for entry in entries if entry.body["messages"][-1]["content"] == NEXT_STEP]
    schemas = [body.get("response_format", {}).get("json_schema", {}).get("schema") for body in asked]
    assert schemas == [None if structured == "reject" else STEP_SCHEMA] * 2
    calls = [call for call, _ in journal.calls("u")]
    assert [call.error for call in calls] == [None] * 3
    assert [step.tokens for step in trajectory.steps][1:] == [call.completion_tokens for call in calls][1:]


@pytest.mark.parametrize("continues", ["flag", "trailing", "none"])
async def test_over_http_it_is_the_same_however_the_server_goes_on(openai_server: Any, continues: str) -> None:
    def write(messages: Sequence[dict[str, Any]], seed: int, index: int) -> str:
        last = messages[-1]["content"]
        if last == NEXT_STEP:
            left = TEXT.removeprefix(messages[-2]["content"])
            step, mark, _ = left.partition("\n\n")
            return plain(step, not mark)
        counting = messages[-1]["role"] == "assistant" and continues != "none" and not TEXT.startswith(last)
        return f"{last}0 11 12" if counting else TEXT  # what it can do is found out by numbers

    openai_server.write, openai_server.continues = write, continues
    client = Client(route("tiny", openai_server.url), sampling=Sampling(max_tokens=500))
    try:
        assert await client.continues() is (continues != "none")
        trajectory = await written(stepwise(client))
    finally:
        await client.close()
    assert bare(trajectory) == bare(await written(stepwise(Client(Scripted(native)))))
    asked = [body for body in openai_server.requests if body["messages"][-1]["content"] == NEXT_STEP]
    assert len(asked) == (2 if continues == "none" else 0)


async def test_whole_drafts_are_written_to_their_end_by_a_model_that_is_asked_in_words() -> None:
    def script(request: Request, index: int) -> Choice:
        draft, asked = request.messages[-2:]
        assert (request.prefix, request.schema, asked) == ("", None, Message("user", REST))
        return Choice(TEXT.removeprefix(draft.content), Finish.END, 9)

    half = Trajectory(QUESTION).grow(STEPS[0], 0, tokens=3)
    asked = await written(whole(Client(Scripted(script, capabilities=CHAT_ONLY))), half)
    assert bare(asked) == bare(await written(whole(Client(Scripted(native))), half))
    assert (asked.text(), asked.answer, asked.draft()[-1].final) == (TEXT, "8", True)


async def test_several_next_steps_are_siblings_and_each_failure_is_its_own() -> None:
    def script(request: Request, index: int) -> str:
        if index == 1:
            return "{}"
        return plain(f"It may be {index}.", False)

    half = Trajectory(QUESTION, role=Role.SEARCH).grow("Hm.\n\n", 0, tokens=3)
    trajectories = await stepwise(Client(Scripted(script, capabilities=CHAT_ONLY)))(half, 3, first=4)
    assert [(trajectory.place, trajectory.text(), trajectory.stop) for trajectory in trajectories] == [
        ("u/0.4", "Hm.\n\nIt may be 0.\n\n", None),
        ("u/0", "Hm.\n\n", Stop.DEAD_END),
        ("u/0.6", "Hm.\n\nIt may be 2.\n\n", None),
    ]


async def test_an_endless_draft_ends_at_the_limit_of_tokens() -> None:
    model = Scripted(lambda request, index: Choice(plain("And so on.", False), Finish.END, 4), capabilities=CHAT_ONLY)
    half = Trajectory(QUESTION).grow("Hm.\n\n", 0, tokens=1)
    trajectory = await written(stepwise(Client(model, sampling=Sampling(max_tokens=30))), half, most=100)
    assert (trajectory.stop, len(trajectory.steps), len(model.requests)) == (Stop.LENGTH, 9, 8)


async def test_what_a_model_can_do_is_only_asked_for_a_half_written_draft_and_may_fail() -> None:
    class Unknown(Scripted):
        fatal = False

        async def probe(self) -> Capabilities:
            raise ModelError("Nobody answers.", fatal=self.fatal)

    model = Unknown(native)
    [trajectory] = await stepwise(Client(model))(Trajectory(QUESTION), 1)
    assert trajectory.text() == STEPS[0]
    assert (
        await stepwise(Client(model))(trajectory, 2)
        == [structs.replace(trajectory, stop=Stop.FAILED, reason="Nobody answers.")] * 2
    )
    model.fatal = True
    with pytest.raises(ModelError, match="Nobody answers"):
        await stepwise(Client(model))(trajectory, 1)
