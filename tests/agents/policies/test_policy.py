"""The policy: what is asked, and how what comes back becomes steps."""

import pytest
from msgspec.structs import replace

from redraft.agents.policies.policy import stepwise, whole
from redraft.agents.policies.step_reader import split_steps
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message, ModelError, Request, Sampling
from redraft.llm.prompts.templates import SOLVE, SOLVE_CHOICE
from redraft.llm.scripted import Scripted
from redraft.store.digest import digest
from redraft.store.problems import Kind, Question
from redraft.store.trajectory import Role, Step, Stop, Trajectory

QUESTION = Question("p", "How many {legs} have 2 cats?", unit="u")
TOLD = "The answer is wrong. Solve the problem again."


def fails(request: Request, index: int) -> str:
    raise ModelError("The line is dead.", cure="Try again.")


async def test_a_draft_becomes_steps_with_their_own_tokens_and_log_probabilities() -> None:
    text = "A cat has 4.\n\nTwo have 8.\n\nThe answer is \\boxed{8}"
    offsets = (0, 12, 14, 19, 25, 27)
    choice = Choice(text, Finish.END, 6, (-1.0, -0.5, -0.25, -0.125, -2.0, -3.0), offsets)
    client = Client(Scripted(lambda request, index: choice))

    [trajectory] = await whole(client)(Trajectory(QUESTION), 1)

    call = trajectory.steps[0].call_id
    key = digest(QUESTION.text, "model", "A cat has 4.\n\n")
    second = digest(key, "model", "Two have 8.\n\n")
    third = digest(second, "model", "The answer is \\boxed{8}")
    assert trajectory == Trajectory(
        QUESTION,
        (
            Step("u/0", None, key, 1, 1, "model", "A cat has 4.\n\n", False, 2, -1.5, call_id=call),
            Step("u/0.0", "u/0", second, 2, 1, "model", "Two have 8.\n\n", False, 3, -2.375, call_id=call),
            Step("u/0.0.0", "u/0.0", third, 3, 1, "model", "The answer is \\boxed{8}", True, 1, -3.0, call_id=call),
        ),
        stop=Stop.ANSWERED,
        answer="8",
    )
    assert trajectory.text() == text


async def test_samples_are_numbered_from_first_and_hang_side_by_side() -> None:
    client = Client(Scripted(lambda request, index: f"#### {index}"))

    trajectories = await whole(client)(Trajectory(QUESTION), 3, first=4)

    assert [(t.sample, t.trajectory_id, t.place, t.answer) for t in trajectories] == [
        (4, "u:4", "u/4", "0"),
        (5, "u:5", "u/5", "1"),
        (6, "u:6", "u/6", "2"),
    ]


async def test_without_log_probabilities_the_tokens_are_shared_by_length() -> None:
    choice = Choice("aaaa\n\nbb\n\ncc", Finish.END, 6)
    [trajectory] = await whole(Client(Scripted(lambda request, index: choice)))(Trajectory(QUESTION), 1)
    assert [(step.text, step.tokens, step.logprob) for step in trajectory.steps] == [
        ("aaaa\n\n", 3, None),
        ("bb\n\n", 2, None),
        ("cc", 1, None),
    ]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a\n\nb", ["a\n\n", "b"]),
        ("a\n\n\n\nb\n\n", ["a\n\n\n\n", "b\n\n"]),
        ("\n\na\n\nb", ["\n\na\n\n", "b"]),
        ("a\n\n \n\nb", ["a\n\n \n\n", "b"]),
        ("only", ["only"]),
        ("", []),
        ("\n\n", ["\n\n"]),
    ],
)
def test_text_is_split_after_separators_and_nothing_is_lost(text: str, pieces: list[str]) -> None:
    assert split_steps(text, "\n\n") == pieces
    assert "".join(pieces) == text


async def test_a_draft_without_blank_lines_is_split_into_lines() -> None:
    client = Client(Scripted(lambda request, index: "4+4=8\n#### 8"))
    [trajectory] = await whole(client)(Trajectory(QUESTION), 1)
    assert [step.text for step in trajectory.steps] == ["4+4=8\n", "#### 8"]


@pytest.mark.parametrize(
    ("choice", "stop", "answer", "steps"),
    [
        (Choice("4+4=8\n#### 8", Finish.LENGTH, 5), Stop.LENGTH, None, 2),
        (Choice(" \n", Finish.END, 1), Stop.DEAD_END, None, 0),
        (Choice("", Finish.LENGTH, 9), Stop.LENGTH, None, 0),
        (Choice("I do not know.", Finish.END, 4), Stop.ANSWERED, None, 1),
    ],
)
async def test_a_draft_says_how_it_ended(choice: Choice, stop: Stop, answer: str | None, steps: int) -> None:
    [trajectory] = await whole(Client(Scripted(lambda request, index: choice)))(Trajectory(QUESTION), 1)
    assert (trajectory.stop, trajectory.answer, len(trajectory.steps)) == (stop, answer, steps)
    assert [step.final for step in trajectory.steps] == [False] * (steps - 1) + [stop is Stop.ANSWERED] * bool(steps)


async def test_a_failed_call_is_a_failed_path_a_sample() -> None:
    trajectories = await whole(Client(Scripted(fails)))(Trajectory(QUESTION), 2)
    assert trajectories == [
        Trajectory(QUESTION, sample=sample, stop=Stop.FAILED, reason="The line is dead. Try again.")
        for sample in (0, 1)
    ]


async def test_a_turn_is_asked_for_with_every_draft_and_remark_before_it() -> None:
    model = Scripted(lambda request, index: f"#### {len(request.messages)}")
    propose = whole(Client(model))
    [first] = await propose(Trajectory(QUESTION), 1)
    [second] = await propose(first.respond(TOLD, "oracle"), 1)
    [third] = await propose(second.respond("Still wrong.", "ann"), 1)

    question = SOLVE.replace("{question}", QUESTION.text)
    assert "{legs}" in question
    assert model.requests[-1].messages == (
        Message("user", question),
        Message("assistant", "#### 1"),
        Message("user", TOLD),
        Message("assistant", "#### 3"),
        Message("user", "Still wrong."),
    )
    assert [(step.step_id, step.turn, step.by, step.text) for step in third.steps] == [
        ("u/0", 1, "model", "#### 1"),
        ("u/0.0", 2, "oracle", TOLD),
        ("u/0.0.0", 2, "model", "#### 3"),
        ("u/0.0.0.0", 3, "ann", "Still wrong."),
        ("u/0.0.0.0.0", 3, "model", "#### 5"),
    ]
    assert (third.answers, third.answer) == (("1", "3"), "5")


async def test_the_models_own_wording_and_separator_come_first() -> None:
    model = Scripted(lambda request, index: "a\nb\n\nc", templates={"solve": "solve\n{question}", "separator": "\n"})
    [trajectory] = await whole(Client(model))(Trajectory(QUESTION), 1)
    assert model.requests[0].messages == (Message("user", "solve\nHow many {legs} have 2 cats?"),)
    assert [step.text for step in trajectory.steps] == ["a\n", "b\n\n", "c"]


async def test_a_choice_is_asked_for_as_a_letter() -> None:
    model = Scripted(lambda request, index: "The answer is \\boxed{B}")
    [trajectory] = await whole(Client(model))(Trajectory(replace(QUESTION, kind=Kind.CHOICE)), 1)
    assert model.requests[0].messages[0].content == SOLVE_CHOICE.replace("{question}", QUESTION.text)
    assert trajectory.answer == "B"


async def test_steps_are_written_one_at_a_time_from_the_draft_so_far() -> None:
    parts = {"": ("A cat has 4.", Finish.STOP), "A cat has 4.\n\n": ("The answer is \\boxed{8}", Finish.END)}
    model = Scripted(lambda request, index: Choice(parts[request.prefix][0], parts[request.prefix][1], 3))
    propose = stepwise(Client(model, sampling=Sampling(max_tokens=10)))

    [first] = await propose(Trajectory(QUESTION, role=Role.SEARCH), 1)
    [second] = await propose(first, 1, first=2)

    assert (first.stop, first.text()) == (None, "A cat has 4.\n\n")
    assert (second.stop, second.answer, second.place) == (Stop.ANSWERED, "8", "u/0.2")
    assert [step.final for step in second.steps] == [False, True]
    assert [(request.prefix, request.stop, request.max_tokens) for request in model.requests] == [
        ("", ("\n\n",), 10),
        ("A cat has 4.\n\n", ("\n\n",), 7),
    ]


async def test_a_model_that_ends_where_it_was_continued_has_finished_the_draft() -> None:
    model = Scripted(lambda request, index: Choice("" if request.prefix else "#### 8", Finish.END, 1))
    done = Trajectory(QUESTION).grow("4+4=8\n#### 8\n\n", 0)
    [trajectory] = await stepwise(Client(model))(done, 1)
    assert (trajectory.stop, trajectory.answer, trajectory.steps[-1].text, trajectory.steps[-1].final) == (
        Stop.ANSWERED,
        "8",
        "",
        True,
    )


async def test_a_draft_that_has_used_up_its_tokens_ends_without_a_call() -> None:
    model = Scripted(fails)
    long = Trajectory(QUESTION).grow("and so on", 0, tokens=10)
    assert await stepwise(Client(model, sampling=Sampling(max_tokens=10)))(long, 1) == [replace(long, stop=Stop.LENGTH)]
    assert model.requests == []
