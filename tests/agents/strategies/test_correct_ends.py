"""What ends a trajectory of correction, what is picked in the end, and how much of it a redraft's writer is shown."""

from collections.abc import Sequence
from typing import Any

import pytest

from redraft.agents import build
from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.feedback import Remark
from redraft.agents.feedback.none import none as no_feedback
from redraft.agents.policies.policy import by_steps, stepwise, whole
from redraft.agents.strategies.correct import correct
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def model(*turns: str) -> Scripted:
    """Turn t gives sample s the draft turns[t - 1].split()[s], "!" being a call that fails. Each draft names its
    sample."""

    def script(request: Request, index: int) -> str:
        turn = len(request.messages) // 2
        sample = index if turn == 0 else int(request.messages[1].content.split()[1])
        draft = turns[turn].split()[sample]
        if draft == "!":
            raise ModelError("The line is dead.")
        return f"sample {sample}\n#### {draft}"

    return Scripted(script)


async def by_answer(trajectories: Sequence[Trajectory]) -> list[Grade]:
    return [Grade("by_answer", t.trajectory_id, t.turn, value=float(t.answer or -1)) for t in trajectories]


async def solved(*turns: str, **arguments: Any) -> list[Trajectory]:
    parts = {"feedback": no_feedback(), "critic": no_critic(), "samples": len(turns[0].split()), "turns": len(turns)}
    return await correct(whole(Client(model(*turns))), **{**parts, **arguments})(QUESTION)


async def test_a_grade_that_reaches_the_threshold_ends_a_trajectory() -> None:
    trajectories = await solved("5 2", "_ 3", "_ 4", grader=by_answer, threshold=3)
    assert [(t.sample, t.turn, t.answer, t.stop, t.reason) for t in trajectories] == [
        (0, 1, "5", Stop.THRESHOLD, "Its grade of 5 reaches the threshold of 3."),
        (1, 2, "3", Stop.THRESHOLD, "Its grade of 3 reaches the threshold of 3."),
    ]


async def test_two_turns_with_the_same_answer_end_a_trajectory() -> None:
    trajectories = await solved("5 2 8", "5.0 3 ?", "_ 2 ?", agree=True)
    assert [
        (p.sample, p.turn, p.stop, p.reason) for p in sorted(trajectories, key=lambda trajectory: trajectory.sample)
    ] == [
        (0, 2, Stop.AGREED, "Two drafts in turn give the answer 5.0."),
        (1, 3, Stop.ANSWERED, "The limit of turns=3 is reached."),
        (2, 3, Stop.ANSWERED, "The limit of turns=3 is reached."),
    ]


async def test_two_turns_without_an_answer_do_not_agree() -> None:
    scripted = Scripted(lambda request, index: "I do not know.")
    agent = correct(whole(Client(scripted)), feedback=no_feedback(), critic=no_critic(), agree=True)
    [trajectory] = await agent(QUESTION)
    assert (trajectory.turn, trajectory.answer, trajectory.stop, trajectory.reason) == (
        3,
        None,
        Stop.ANSWERED,
        "The limit of turns=3 is reached.",
    )


async def test_the_reason_names_the_feedback_that_has_nothing_to_say() -> None:
    agent = build("correct", Client(model("8")), feedback="oracle", keys=Keyring({"p": "8"}), samples=1)
    [trajectory] = await agent(QUESTION)
    assert (trajectory.stop, trajectory.reason) == (Stop.ANSWERED, "Feedback 'oracle' has nothing to say.")


async def test_most_drafts_of_all_turns_of_all_samples_decide() -> None:
    turns = ("1 4", "2 3", "3 2", "2 1")
    trajectories = await solved(*turns, pick="majority")
    assert [(t.trajectory_id, t.answers, t.answer, t.chosen) for t in trajectories] == [
        ("u:0", ("1", "2", "3"), "2", True),
        ("u:1", ("4", "3", "2"), "1", False),
    ]


async def test_an_answer_that_most_turns_gave_and_the_last_did_not_stands_for_itself() -> None:
    trajectories = await solved("1 4", "7 7", "7 3", "2 6", pick="majority")
    assert [(t.trajectory_id, t.role, t.turn, t.answer, t.chosen) for t in trajectories] == [
        ("u/0.0.0.0.0", Role.SEARCH, 2, "7", True),
        ("u:0", Role.SAMPLE, 4, "2", False),
        ("u:1", Role.SAMPLE, 4, "6", False),
    ]


async def test_where_all_fail_the_drafts_before_are_picked_from() -> None:
    trajectories = await solved("5 2 5", "3 3 6", "! ! !")
    assert [(t.trajectory_id, t.role, t.stop, t.answer, t.chosen) for t in trajectories] == [
        ("u/0.0.0.0.0", Role.SEARCH, Stop.ANSWERED, "3", True),
        *[(f"u:{sample}", Role.SAMPLE, Stop.FAILED, None, False) for sample in range(3)],
    ]
    graded = await solved("5 2 5", "3 3 6", "! ! !", grader=by_answer)
    assert [(p.trajectory_id, p.answer, p.score) for p in graded if p.chosen] == [("u/2.0.0.0.0", "6", 6.0)]
    voted = await solved("5 2 5", "3 3 5", "! ! !", pick="majority")
    assert [(p.trajectory_id, p.role, p.answer) for p in voted if p.chosen] == [("u/0.0", Role.SEARCH, "5")]


async def test_only_the_last_drafts_within_the_window_are_shown() -> None:
    scripted = Scripted(lambda request, index: f"#### {len(scripted.requests)}")
    window: dict[str, Any] = {"policy.window": "2"}
    agent = build("correct", Client(scripted), feedback="none", turns=4, samples=1, **window)
    [trajectory] = await agent(QUESTION)
    shown = [[message.content for message in request.messages[1:]] for request in scripted.requests]
    said = trajectory.feedback(2)
    assert said
    assert (trajectory.answers, trajectory.answer) == (("1", "2", "3"), "4")
    assert shown == [
        [],
        ["#### 1", said.text],
        ["#### 1", said.text, "#### 2", said.text],
        ["#### 2", said.text, "#### 3", said.text],
    ]
    assert len({request.messages[0] for request in scripted.requests}) == 1


@pytest.mark.parametrize("policy", [whole, stepwise, by_steps])
async def test_a_window_shows_one_draft_at_least(policy: Any) -> None:
    with pytest.raises(PartError, match="window=0 is too few; it must be at least 1"):
        policy(Client(model("1")), window=0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [({"policy.window": "0"}, "policy.window=0 is too few"), ({"turns": "0"}, "turns=0")],
)
def test_a_parts_argument_that_does_not_fit_is_named_as_it_is_set(arguments: Any, told: str) -> None:
    with pytest.raises(PartError, match=f"^{told}"):
        build("correct", Client(model("1")), **arguments)


async def test_a_silent_remark_asks_for_an_independent_draft() -> None:
    remarks = iter(["", "Again.", ""])

    async def random(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        text = next(remarks)
        return [Remark(text, "random") for _ in trajectories]

    scripted = Scripted(lambda request, index: f"#### {len(scripted.requests)}")
    agent = correct(whole(Client(scripted)), feedback=random, critic=no_critic(), turns=4)
    [trajectory] = await agent(QUESTION)
    assert (trajectory.answers, trajectory.answer) == (("1", "2", "3"), "4")
    shown = [[message.content for message in request.messages[1:]] for request in scripted.requests]
    assert shown == [[], [], ["#### 2", "Again."], []]
    assert len({request.seeds for request in scripted.requests}) == 4
