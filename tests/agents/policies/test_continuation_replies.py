"""Replies that hold the next part of a draft, in whatever form: what is read out of them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.agents.policies.continuation import next_step, rest_of_draft, unescape
from redraft.agents.policies.policy import stepwise
from redraft.agents.policies.step_reader import Continuation
from redraft.llm.capabilities import EVERYTHING, Continuing
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish
from redraft.llm.scripted import Scripted
from redraft.store.problems import Kind, Question
from redraft.store.trajectory import Stop, Trajectory

QUESTION = Question("p", "How many legs have 2 cats?", unit="u")
CHAT_ONLY = replace(EVERYTHING, continuing=Continuing.NONE)


@pytest.mark.parametrize(
    ("draft", "reply", "text"),
    [
        ("A cat has", "4 legs.", " 4 legs."),
        ("A cat has", " 4 legs.", " 4 legs."),
        ("A cat has 4 legs.\n\n", "\n\nSo 8.", "So 8."),
        ("A cat has 4 legs.\n\n", "A cat has 4 legs. So 8.", "So 8."),
        ("A cat has 4 legs", "A cat  has 4\nlegs, so 8.", " A cat  has 4\nlegs, so 8."),
        ("So\n\n", "So\n\n8.", "8."),
        ("So\n\n", "So 8.", "So 8."),
    ],
)
def test_the_rest_is_joined_to_the_draft_and_a_repetition_is_cut_off(draft: str, reply: str, text: str) -> None:
    part = rest_of_draft(Choice(reply, Finish.END, 3), draft)
    assert (part.text, part.ended) == (text, True)
    assert part.places is None or len(part.places) == len(text) + 1


REPLIES = {
    "cut off": (Choice('{"step": "A cat has \\"4', Finish.LENGTH, 9), 'A cat has "4', Stop.LENGTH, None),
    "cut off in a backslash": (Choice('{"step": "It is \\', Finish.LENGTH, 9), "It is ", Stop.LENGTH, None),
    "cut off before": (Choice('{"st', Finish.LENGTH, 9), '{"st', Stop.LENGTH, None),
    "whole at the limit": (
        Choice('{"step": "#### 8", "final": true}', Finish.LENGTH, 9), "#### 8", Stop.ANSWERED, "8",
    ),
    "nothing more": (Choice('{"step": "", "final": true}', Finish.END, 9), "", Stop.ANSWERED, "4"),
    "only the end": (Choice('{"final": true}', Finish.END, 9), "", Stop.ANSWERED, "4"),
    "no step": (Choice('{"text": "So 8."}', Finish.END, 9), None, Stop.DEAD_END, None),
    "an empty step": (Choice('{"step": " ", "final": false}', Finish.END, 9), None, Stop.DEAD_END, None),
    "an empty reply": (Choice("", Finish.END, 0), None, Stop.DEAD_END, None),
    "a text that marks an answer": (Choice("The answer is \\boxed{8}", Finish.END, 9), "The answer is \\boxed{8}",
                                    Stop.ANSWERED, "8"),
    "a set": (Choice("{1, 2} has 2 members.", Finish.END, 9), "{1, 2} has 2 members.\n\n", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("choice", "text", "stop", "answer"), REPLIES.values(), ids=REPLIES)
async def test_what_comes_is_read_kindly(choice: Choice, text: str | None, stop: Stop, answer: str | None) -> None:
    half = Trajectory(QUESTION).grow("So it has 4.\n\n", 0, tokens=3)
    [trajectory] = await stepwise(Client(Scripted(lambda request, index: choice, capabilities=CHAT_ONLY)))(half, 1)
    assert (trajectory.stop, trajectory.answer) == (stop, answer)
    added = [(step.text, step.tokens, step.final) for step in trajectory.steps[1:]]
    assert added == ([] if text is None else [(text, 9, stop is Stop.ANSWERED)])


def reply(*tokens: tuple[str, float]) -> Choice:
    """A reply of these tokens, with their log-probabilities."""
    offsets, text = [], ""
    for token, _ in tokens:
        offsets.append(len(text))
        text += token
    return Choice(text, Finish.END, len(tokens), tuple(p for _, p in tokens), tuple(offsets))


@pytest.mark.parametrize(
    ("choice", "steps"),
    [
        (reply(('{"step": "', -9), ("So", -1), (" 8.", -0.5), ('", "final": false}', -9)), [("So 8.\n\n", 4, -1.5)]),
        (reply(('{"step": "', -9), ("So", -1), (' 8."', -0.5), (', "final": false}', -9)), [("So 8.\n\n", 4, None)]),
        (reply(('{"step": "So', -9), (" 8.", -0.5), ('", "final": false}', -9)), [("So 8.\n\n", 3, None)]),
        (
            reply(('{"step": "', -9), ("\\\\boxed{8}", -1), ("\\n\\n", -2), ("ok", -4), ('", "final": true}', -9)),
            [("\\boxed{8}\n\n", 4, -3), ("ok", 1, -4)],
        ),
        (
            reply(('{"step": "', -9), ("a", -1), (".\\n\\nb", -2), ('", "final": true}', -9)),
            [("a.\n\n", 3, None), ("b", 1, None)],
        ),
        (reply(('{"step": "', -9), ("Hm.", -1), ("\\n", -2), ("b", -4), ('"}', -9)), [("b\n\n", 5, -4)]),
        (reply(("So", -1), (" 8.", -0.5)), [("So 8.\n\n", 2, -1.5)]),
        (reply(('{"step": "', -9), ('", "final": true}', -9)), [("", 2, None)]),
    ],
)
async def test_a_steps_log_probability_is_that_of_its_own_tokens_or_none(
    choice: Choice, steps: list[tuple[str, int, float | None]]
) -> None:
    half = Trajectory(QUESTION).grow("Hm.\n\n", 0)
    [trajectory] = await stepwise(Client(Scripted(lambda request, index: choice, capabilities=CHAT_ONLY)))(half, 1)
    assert [(step.text, step.tokens, step.logprob) for step in trajectory.steps[1:]] == steps


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"\frac{1}{2} \times \boxed{3}", r"\frac{1}{2} \times \boxed{3}"),
        (r"\\frac{1}{2}\nso", "\\frac{1}{2}\nso"),
        (r"x \neq 3 \( y \)", r"x \neq 3 \( y \)"),
        (r"so\nu = 3\n\tand", "so\nu = 3\n\tand"),
        (r"\(u\)\nThen \nu", "\\(u\\)\nThen \\nu"),
        (r"\u00e9 \ud83d\ude00 \ud83d \underline{x}", "é 😀 \ufffd \\underline{x}"),
        (r"a\/b \right) \"q\"", 'a/b \\right) "q"'),
        ("a\nb", "a\nb"),
    ],
)
def test_latex_survives_single_backslashes(raw: str, text: str) -> None:
    assert unescape(raw)[0] == text


@given(st.text(st.sampled_from('\\"{}n\nufrtb$: é😀'), max_size=60), st.booleans())
def test_a_step_in_proper_json_is_read_exactly(text: str, final: bool) -> None:
    said = json.dumps({"step": text, "final": final})
    part = next_step(Choice(said, Finish.END, 1), "What a draft.\n\n", Kind.MATH, "\n\n")
    text = text.lstrip("\n")
    assert (part.text, part.ended) == (text if final or not text.strip() else closed(text), final)


def closed(text: str) -> str:
    return text if text.endswith("\n\n") else f"{text.rstrip()}\n\n"


@given(st.text('ab \n"\\{}', max_size=30), st.text('ab \n"\\{}:,stepfinal', max_size=60), st.sampled_from(Finish))
def test_any_reply_gives_a_part_whose_places_fit(draft: str, text: str, finish: Finish) -> None:
    for said in (text, f'{{"step": "{text}', f'{{"step": "{text}", "final": false}}'):
        for part in (
            next_step(Choice(said, finish, 1), draft, Kind.MATH, "\n\n"),
            rest_of_draft(Choice(said, finish, 1), draft),
        ):
            assert isinstance(part, Continuation)
            places = part.places if part.places is not None else range(len(part.text) + 1)
            assert len(places) == len(part.text) + 1
            assert list(places) == sorted(places)
            assert not places or places[-1] <= len(said)
