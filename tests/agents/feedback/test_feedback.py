"""Feedback over a real HTTP server: who is asked what, who is told what, in which order, over two rounds."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from redraft.agents import build
from redraft.agents.feedback.critic import critic
from redraft.agents.policies.messages import REVIEW as BY_WRITER
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Sampling
from redraft.llm.prompts.templates import CRITIQUE, SELF_FEEDBACK, SELF_FEEDBACK_LEADING, SOLVE, fill
from redraft.llm.providers.route import route
from redraft.store.journal import Journal
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")
ASK = fill(SOLVE, question="How much?")
D1, D2, D3 = (f"Draft {number}.\n\nThe answer is \\boxed{{{number}}}" for number in (1, 2, 3))
REVIEW = "Review your solution, and find the problems in it."
IMPROVE = (
    "Based on the problems that you found, improve your solution: write the whole of it anew. End it as the problem"
    " asked you\nto, with the final answer in the same form."
)
AGAIN = (
    "\n\nSolve the problem again with this feedback in mind: write the whole solution anew. End it as the problem asked"
    " you to,\nwith the final answer in the same form."
)
MAY = "There may be an error in the solution. Check it and solve the problem again."
WRONG = "The answer is wrong. Solve the problem again."
DOUBT = "Line 2 is doubtful. Check it and solve the problem again."
FIRST, SECOND = "Step 1 adds {3} and 4 wrongly.", "Step 2 is off."
RIGHT = "All of it holds.\n\n**It is correct.**"


def says(*remarks: str) -> Any:
    """A server's answers: the next draft, by how many it is shown; asked for feedback, the next of the remarks."""
    left = list(remarks)

    def write(messages: Sequence[dict[str, Any]], seed: int, index: int) -> str:
        last = messages[-1]["content"]
        if last.startswith(("Review", "Check your", "Check this", "There is an error")):
            return left.pop(0)
        return (D1, D2, D3)[sum(message["content"] in (D1, D2, D3) for message in messages)]

    return write


@pytest.fixture
async def client(openai_server: Any) -> AsyncIterator[Client]:
    made = Client(route("tiny", openai_server.url), journal=Journal(None), sampling=Sampling(max_tokens=500))
    yield made
    await made.close()


async def corrected(client: Client, turns: int = 3, **arguments: Any) -> Trajectory:
    keys = Keyring({"p": "3"})
    trajectories = await build("correct", client, keys=keys, turns=turns, **arguments)(QUESTION)
    [whole] = [trajectory for trajectory in trajectories if trajectory.role is Role.SAMPLE]
    return whole


def sent(server: Any) -> list[list[str]]:
    """The texts of each request, in order; the first message is the user's, and the roles alternate to the user's."""
    asked = [request["messages"] for request in server.requests]
    for messages in asked:
        roles = [message["role"] for message in messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    return [[message["content"] for message in messages] for messages in asked]


def heard(trajectory: Trajectory) -> list[tuple[str, str]]:
    """Who said what in the tree, the drafts left out."""
    return [(step.by, step.text) for step in trajectory.steps if step.by != "model"]


@pytest.mark.parametrize(
    ("arguments", "by", "text"),
    [
        ({"feedback": "none"}, "none", MAY),
        ({"feedback": "none", "feedback.style": "score"}, "none", MAY),
        ({"feedback": "fixed"}, "fixed", WRONG),
        ({"feedback": "oracle"}, "oracle", WRONG),
    ],
)
async def test_the_same_is_said_to_every_draft(
    openai_server: Any, client: Client, arguments: dict[str, Any], by: str, text: str
) -> None:
    openai_server.write = says()
    trajectory = await corrected(client, **arguments)
    assert sent(openai_server) == [[ASK], [ASK, D1, text], [ASK, D1, text, D2, text]]
    assert heard(trajectory) == [(by, text), (by, text)]
    assert [trajectory.text(turn) for turn in (1, 2, 3)] == [D1, D2, D3]


async def test_a_writer_reviews_its_draft_and_then_improves_it(openai_server: Any, client: Client) -> None:
    openai_server.write = says(FIRST, SECOND)
    arguments: dict[str, Any] = {"feedback": "none", "feedback.style": "huang"}
    trajectory = await corrected(client, **arguments)
    begun = [ASK, D1, REVIEW, FIRST, IMPROVE]
    assert sent(openai_server) == [
        [ASK],
        [ASK, D1, REVIEW],
        begun,
        [*begun, D2, REVIEW],
        [*begun, D2, REVIEW, SECOND, IMPROVE],
    ]
    assert heard(trajectory) == [(BY_WRITER, FIRST), (BY_WRITER, SECOND)]
    assert [trajectory.text(turn) for turn in (1, 2, 3)] == [D1, D2, D3]


@pytest.mark.parametrize(("leading", "question"), [(False, SELF_FEEDBACK), (True, SELF_FEEDBACK_LEADING)])
async def test_a_writer_gives_itself_feedback_until_it_says_that_it_is_correct(
    openai_server: Any, client: Client, leading: bool, question: str
) -> None:
    openai_server.write = says(FIRST, RIGHT)
    arguments: dict[str, Any] = {"feedback": "self", "feedback.leading": leading}
    trajectory = await corrected(client, **arguments)
    told = FIRST + AGAIN
    assert sent(openai_server) == [[ASK], [ASK, D1, question], [ASK, D1, told], [ASK, D1, told, D2, question]]
    assert heard(trajectory) == [("self", told)]
    assert (trajectory.turn, trajectory.text(), trajectory.stop) == (2, D2, Stop.ANSWERED)
    assert [request["temperature"] for request in openai_server.requests] == [1.0, 0.7, 1.0, 0.7]


def test_only_the_leading_question_says_that_there_is_an_error() -> None:
    assert "There is an error in your solution." in SELF_FEEDBACK_LEADING
    assert "error" not in SELF_FEEDBACK + CRITIQUE + REVIEW


async def test_another_model_criticises_each_draft_by_itself(openai_server: Any, client: Client) -> None:
    openai_server.write = says(FIRST, SECOND)
    other = Client(route("strict", openai_server.url))
    try:
        trajectory = await corrected(client, feedback=lambda: critic(other))
    finally:
        await other.close()
    first, second = (fill(CRITIQUE, question="How much?", solution=draft) for draft in (D1, D2))
    told = [ASK, D1, FIRST + AGAIN]
    assert sent(openai_server) == [[ASK], [first], told, [second], [*told, D2, SECOND + AGAIN]]
    assert [request["model"] for request in openai_server.requests] == ["tiny", "strict", "tiny", "strict", "tiny"]
    assert heard(trajectory) == [("critic", FIRST + AGAIN), ("critic", SECOND + AGAIN)]


async def test_a_critic_that_finds_nothing_ends_the_work(openai_server: Any, client: Client) -> None:
    openai_server.write = says(RIGHT)
    trajectory = await corrected(client, feedback="critic")
    assert (trajectory.turn, trajectory.text(), trajectory.stop, heard(trajectory)) == (1, D1, Stop.ANSWERED, [])
    assert [request["temperature"] for request in openai_server.requests] == [1.0, 0.0]


async def test_of_a_critic_that_thinks_only_the_answer_is_told(openai_server: Any, client: Client) -> None:
    openai_server.write, openai_server.thinking = says(FIRST), "Line 9 is doubtful. It is correct."
    trajectory = await corrected(client, turns=2, feedback="critic")
    assert heard(trajectory) == [("critic", FIRST + AGAIN)]


@pytest.mark.parametrize(
    "arguments", [{"feedback": "none", "feedback.style": "huang"}, {"feedback": "self"}, {"feedback": "critic"}]
)
async def test_feedback_that_fails_ends_the_trajectory_and_the_draft_stays(
    openai_server: Any, openai_protocol: Any, client: Client, arguments: dict[str, Any]
) -> None:
    openai_server.write = says(FIRST)
    openai_server.faults = [None, openai_protocol.Fault(400)]
    trajectory = await corrected(client, **arguments)
    assert (trajectory.turn, trajectory.text(), trajectory.stop, heard(trajectory)) == (1, D1, Stop.FAILED, [])
    assert trajectory.reason is not None
    assert "as the test wants it" in trajectory.reason


@pytest.mark.parametrize("feedback", ["self", "critic"])
async def test_silence_is_no_verdict(openai_server: Any, client: Client, feedback: str) -> None:
    openai_server.write = says("<think>Is it right?</think>\n")
    trajectory = await corrected(client, feedback=feedback)
    assert (trajectory.stop, trajectory.text()) == (Stop.FAILED, D1)
    assert trajectory.reason == "tiny was asked for feedback and said nothing: ask another model for feedback."


async def test_a_grader_of_steps_points_at_the_first_doubtful_line(openai_server: Any, client: Client) -> None:
    """The mock server's token number i has log-probability -0.5 - i/4, so that the second step is the less likely."""
    openai_server.write = says()
    arguments: dict[str, Any] = {"feedback": "prm", "feedback.grader": "likelihood", "feedback.threshold": -1.0}
    trajectory = await corrected(client, turns=2, **arguments)
    assert heard(trajectory) == [("prm", DOUBT)]


async def test_a_review_that_fails_ends_its_own_sample_only(
    openai_server: Any, openai_protocol: Any, client: Client
) -> None:
    openai_server.write = says(FIRST)
    openai_server.faults = [None, openai_protocol.Fault(400)]
    trajectories = await build("correct", client, turns=2, samples=2, feedback="critic")(QUESTION)
    samples = sorted((t.stop, t.turn) for t in trajectories if t.role is Role.SAMPLE)
    assert samples == [(Stop.ANSWERED, 2), (Stop.FAILED, 1)]


async def test_what_was_said_before_is_not_asked_for_again(openai_server: Any, client: Client) -> None:
    openai_server.write = says(FIRST, SECOND)
    first = await corrected(client, feedback="self")
    asked = len(openai_server.requests)
    assert await corrected(client, feedback="self") == first
    assert (first.turn, asked, len(openai_server.requests)) == (3, 5, 5)


async def test_a_window_holds_for_a_writers_reviews_too(openai_server: Any, client: Client) -> None:
    openai_server.write = lambda messages, seed, index: (
        FIRST if messages[-1]["content"] == REVIEW else (D2 if messages[-1]["content"] == IMPROVE else D1)
    )
    arguments: dict[str, Any] = {"feedback": "none", "feedback.style": "huang", "policy.window": 1}
    await corrected(client, **arguments)
    assert sent(openai_server)[-1] == [ASK, D2, REVIEW, FIRST, IMPROVE]


async def test_feedback_that_a_budget_has_not_enough_for_ends_with_the_budget(openai_server: Any) -> None:
    openai_server.write = says(FIRST)
    client = Client(route("tiny", openai_server.url), problem_budget=Budget(calls=1))
    try:
        trajectory = await corrected(client, feedback="critic")
    finally:
        await client.close()
    assert (trajectory.turn, trajectory.text(), trajectory.stop) == (1, D1, Stop.BUDGET)
